"""Texts: reading a file, the split, vocabulary from a checkpoint, the story, the real corpus."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from expect import exact_refusal, refusal, refusals
from plain_tokens import tokenize
from seqlab.data.sample_story import SampleStoryData
from seqlab.data.text import TextData, read_text
from seqlab.data.time_machine import TimeMachineData
from seqlab.system.errors import UserError

LETTERS = "the sea was out and the clock ran slow; " * 25  # 1,000 characters


def file_with(folder: Path, content: str | bytes) -> Path:
    file = folder / "text.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def text_data(folder: Path, content: str | bytes = LETTERS, **options: Any) -> TextData:
    settings = {"num_steps": 5, "batch_size": 4} | options
    data = TextData(path=file_with(folder, content), **settings)
    data.setup()
    return data


def decoded(data: TextData, part: str) -> str:
    assert data.vocabulary is not None
    return data.vocabulary.decode(data.parts[part].tolist())


@refusals(
    (b"", "is empty", "Name a file with text in it."),
    (b" \n\t\n", "is empty", "Name a file with text in it."),
    (b"\xef\xbb\xbf\n", "is empty", "Name a file with text in it."),
    (b"abc\0def", "is a binary file", "Name a text file in UTF-8."),
    ("a text".encode("utf-16"), "is not UTF-8 but UTF-16", "Convert it: iconv -f UTF-16 -t UTF-8 "),
    (
        "caf\xe9 au lait".encode("latin-1"),
        "is not UTF-8: byte 3 is 0xe9",
        "Convert it from the encoding that it reads well in:\n    CP1252  café au lait\n",
    ),
)
def test_unusable_files_are_refused_with_a_remedy(
    tmp_path: Path, asked: bytes, message: str, remedy: str
) -> None:
    file = file_with(tmp_path, asked)
    with refusal(message, remedy) as caught:
        read_text(file)
    assert f"data.path={file} " in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "nothing.txt"
    with refusal(f"{file}: there is no such file", "Name an existing text file."):
        read_text(file)
    with refusal("cannot be read: Is a directory", "Name a readable text file."):
        read_text(tmp_path)


def test_no_path_is_refused() -> None:
    with refusal("data.path is not set", "Name a text file: data.path=FILE."):
        TextData().setup()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfone\ntwo\n", "one\ntwo\n"),
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        ("caf\u00e9 \u65b0\n".encode(), "caf\u00e9 \u65b0\n"),
    ],
    ids=["bom", "crlf", "utf-8"],
)
def test_text_files_are_read(tmp_path: Path, content: bytes, expected: str) -> None:
    assert read_text(file_with(tmp_path, content)) == expected


def test_held_out_parts_are_cut_off_the_end(tmp_path: Path) -> None:
    data = text_data(tmp_path, val_fraction=0.1, test_fraction=0.2)
    assert decoded(data, "train") == LETTERS[:700]
    assert decoded(data, "val") == LETTERS[700:800]
    assert decoded(data, "test") == LETTERS[800:]


def test_max_tokens_limits_training_only(tmp_path: Path) -> None:
    data = text_data(tmp_path, max_tokens=300, val_fraction=0.1, test_fraction=0.2)
    assert decoded(data, "train") == LETTERS[:300]
    assert decoded(data, "val") == LETTERS[700:800]
    assert decoded(data, "test") == LETTERS[800:]
    assert decoded(text_data(tmp_path, max_tokens=5000), "train") == LETTERS[:900]


def test_without_held_out_text_there_is_nothing_to_validate(tmp_path: Path) -> None:
    data = text_data(tmp_path, val_fraction=0.0)
    assert decoded(data, "train") == LETTERS
    assert list(data.parts) == ["train"]
    assert data.val_dataloader() == []
    assert data.test_dataloader() == []


@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_no_training_batch_holds_a_held_out_token(tmp_path: Path, sampling: str) -> None:
    content = "".join(map(chr, range(0x4E00, 0x4E00 + 200)))
    data = text_data(tmp_path, content, sampling=sampling)
    loader = data.train_dataloader()
    seen = [int(batch.targets.max()) for _ in range(30) for batch in loader]
    assert 170 < max(seen) <= 180
    assert sum(int((batch.targets > 180).sum()) for batch in data.val_dataloader()) == 19


@pytest.mark.parametrize(
    ("options", "carried"),
    [
        ({}, True),
        ({"carry_state": False}, False),
        ({"sampling": "random"}, False),
        ({"sampling": "random", "carry_state": False}, False),
    ],
)
def test_only_sequential_windows_carry_the_state(
    tmp_path: Path, options: dict[str, Any], carried: bool
) -> None:
    data = text_data(tmp_path, **options)
    for loader in (data.train_dataloader(), data.val_dataloader()):
        flags = [batch.continues for batch in loader]
        assert len(flags) > 2
        assert flags == [False] + [carried] * (len(flags) - 1)
    plain = text_data(tmp_path, **options | {"carry_state": True})
    for ours, theirs in zip(data.train_dataloader(), plain.train_dataloader(), strict=True):
        assert torch.equal(ours.inputs, theirs.inputs)


def test_fractions_that_leave_nothing_are_refused() -> None:
    message = "data.val_fraction=0.6 and data.test_fraction=0.4 leave nothing to train on"
    with exact_refusal(message, "Together they have to stay below 1."):
        TextData(val_fraction=0.6, test_fraction=0.4)


@pytest.mark.parametrize(
    ("content", "options", "message", "hint"),
    [
        (
            "!?!",
            {"preprocessing": "joined"},
            "the text has 1 token after preprocessing",
            "Use a longer text, or data.preprocessing=raw.",
        ),
        (
            "今天天气很好",
            {"level": "word"},
            "the text has 1 token",
            "Use a longer text, or data.level=char.",
        ),
        (
            "今天天气 很好我",
            {"level": "word"},
            "data.num_steps=5 is too long for 2 training tokens",
            "Use data.num_steps=1 and data.batch_size=1 or less, or a longer text, or "
            "data.level=char.",
        ),
        (
            "ab" * 90,
            {"min_frequency": 99},
            "data.min_frequency=99 leaves no token but <unk>",
            "Use a smaller one.",
        ),
        (
            LETTERS[:20],
            {"num_steps": 20},
            "data.num_steps=20 is too long for 20 training tokens",
            "Use data.num_steps=4 or less, or a longer text.",
        ),
        (
            LETTERS,
            {"num_steps": 35, "batch_size": 28},
            "data.batch_size=28 is more than the 27 windows of data.num_steps=35 "
            "in 1000 training tokens",
            "Use data.batch_size=27 or less, fewer steps, or a longer text.",
        ),
    ],
    ids=["too-short", "one-word", "words", "min_frequency", "num_steps", "batch_size"],
)
def test_what_does_not_fit_is_refused_with_a_remedy(
    tmp_path: Path, content: str, options: dict[str, Any], message: str, hint: str
) -> None:
    with exact_refusal(message, hint):
        text_data(tmp_path, content, val_fraction=0.0, **options)


@pytest.mark.parametrize("sampling", ["sequential", "random"])
@pytest.mark.parametrize("options", [{"num_steps": 35, "batch_size": 27}, {"num_steps": 499}])
def test_the_remedies_work(tmp_path: Path, options: dict[str, int], sampling: str) -> None:
    data = text_data(tmp_path, sampling=sampling, val_fraction=0.0, **({"batch_size": 1} | options))
    assert len(data.train_dataloader()) == 1


def test_no_remedy_is_named_that_does_not_help(tmp_path: Path) -> None:
    options = {"num_steps": 35, "batch_size": 1, "val_fraction": 0.0}
    with pytest.raises(UserError) as caught:
        text_data(tmp_path, LETTERS[:50], **options)
    assert "data.batch_size=1 or less" not in caught.value.hint


def test_description_and_summary(tmp_path: Path) -> None:
    data = text_data(tmp_path, test_fraction=0.2)
    assert data.describe() == {"vocabulary_size": len(set(LETTERS)) + 1}
    assert data.summary() == (
        "1,000 characters, vocabulary of 17: 700 to train, 100 to validate, 200 to test"
    )
    words = text_data(tmp_path, level="word", preprocessing="joined", val_fraction=0.0)
    assert words.summary() == "225 words, vocabulary of 9: 225 to train"


def test_samples_start_from_held_out_text(tmp_path: Path) -> None:
    content = "once more " * 90 + "seas rise " * 10
    assert text_data(tmp_path, content).prefixes() == ["rise seas"]
    assert text_data(tmp_path, content, val_fraction=0.0).prefixes() == ["more once"]


def test_a_text_without_spaces_has_a_prefix_too(tmp_path: Path) -> None:
    data = text_data(tmp_path, "acgttgca" * 50)
    assert data.vocabulary is not None
    (prefix,) = data.prefixes()
    assert prefix != ""
    assert data.vocabulary.missing(prefix) == []


def test_prefixes_have_no_token_that_the_vocabulary_lacks(tmp_path: Path) -> None:
    data = text_data(tmp_path, LETTERS + "rare @ words " * 5 + LETTERS[:100], min_frequency=9)
    assert data.vocabulary is not None
    assert data.vocabulary.missing(data.prefixes()[0]) == []
    story = SampleStoryData(level="word", preprocessing="raw")
    story.setup()
    assert story.vocabulary is not None
    assert story.prefixes() == ["the tide clock", "the sea"]
    story = SampleStoryData(level="word", preprocessing="joined", min_frequency=12)
    story.setup()
    assert story.prefixes() == ["the sea"]  # "clock" is too rare


def test_words_without_spaces_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    phrases = "".join(f"今天天气很好我们去公园{chr(0x4E00 + i)} " for i in range(90))
    text_data(tmp_path, phrases, level="word", num_steps=2, val_fraction=0.0)
    assert caplog.messages == [
        "data.level=word: this text has no spaces between its words, so that a token is a whole "
        "phrase, 12 characters on average; with data.level=char, a token is one"
    ]
    caplog.clear()
    text_data(tmp_path, phrases)
    assert caplog.messages == []


def test_rare_characters_become_unknown(tmp_path: Path) -> None:
    data = text_data(tmp_path, LETTERS + "@", min_frequency=2)
    assert data.describe() == {"vocabulary_size": 17}
    assert decoded(data, "val").endswith("<unk>")


def test_a_checkpoint_brings_the_vocabulary_without_the_file(tmp_path: Path) -> None:
    data = text_data(tmp_path)
    torch.save(data.state_dict(), tmp_path / "state.pt")
    fresh = TextData(path=tmp_path / "gone.txt")
    fresh.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert data.vocabulary is not None
    assert fresh.vocabulary is not None
    assert fresh.vocabulary.to_plain() == data.vocabulary.to_plain()
    assert fresh.describe() == data.describe()
    assert fresh.prefixes() == data.prefixes()


def test_a_checkpoint_brings_the_place_in_the_epoch(tmp_path: Path) -> None:
    data = text_data(tmp_path)
    batches = iter(data.train_dataloader())
    for _ in range(3):
        next(batches)
    fresh = text_data(tmp_path)
    fresh.load_state_dict(data.state_dict())
    resumed = iter(fresh.train_dataloader())
    assert torch.equal(next(resumed).inputs, next(batches).inputs)


def test_a_changed_text_is_refused(tmp_path: Path) -> None:
    state = text_data(tmp_path).state_dict()
    text_data(tmp_path).load_state_dict(state)
    changed = text_data(tmp_path, LETTERS[:-1] + ".")
    with refusal("not the one that this run was trained on", "data.path=FILE"):
        changed.load_state_dict(state)
    late = TextData(path=tmp_path / "text.txt", num_steps=5, batch_size=4)
    late.load_state_dict(state)
    with refusal("not the one that this run was trained on"):
        late.setup()


@pytest.fixture
def mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have every text in a file mapped; return the folder of the token files."""
    monkeypatch.setattr("seqlab.data.text.MAPPED_FROM", 1)
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "tokens"


@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_a_mapped_text_is_as_one_in_memory(
    tmp_path: Path, sampling: str, request: pytest.FixtureRequest
) -> None:
    options = {"sampling": sampling, "test_fraction": 0.2, "max_tokens": 600}
    memory = text_data(tmp_path, **options)
    folder = request.getfixturevalue("mapped")
    mapped = text_data(tmp_path, **options)
    assert len(list(folder.iterdir())) == 1
    assert mapped.summary() == memory.summary()
    assert mapped.state_dict() == memory.state_dict()
    for part in memory.parts:
        assert mapped.parts[part].dtype == torch.uint8
        assert mapped.parts[part].tolist() == memory.parts[part].tolist()
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        for ours, theirs in zip(getattr(mapped, loader)(), getattr(memory, loader)(), strict=True):
            assert torch.equal(ours.inputs, theirs.inputs)
            assert torch.equal(ours.targets, theirs.targets)
            assert ours.continues == theirs.continues


@pytest.mark.parametrize("change", [{}, {"max_tokens": 600}, {"min_frequency": 40}])
def test_processes_compare_mapped_texts_without_reading_them(
    tmp_path: Path, mapped: Path, change: dict[str, Any]
) -> None:
    del mapped
    same = text_data(tmp_path, **change).digest() == text_data(tmp_path).digest()
    assert same == (not change)


def test_a_changed_mapped_text_is_refused(tmp_path: Path, mapped: Path) -> None:
    del mapped
    state = text_data(tmp_path).state_dict()
    with refusal("not the one that this run was trained on"):
        text_data(tmp_path, LETTERS[:-1] + ".").load_state_dict(state)


def test_small_texts_and_those_that_are_made_are_not_written(
    tmp_path: Path, mapped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reversed(TextData):
        def read(self) -> str:
            return super().read()[::-1]

    data = Reversed(path=file_with(tmp_path, LETTERS), num_steps=5, batch_size=4)
    data.setup()
    assert decoded(data, "train") == LETTERS[:99:-1]
    monkeypatch.setattr("seqlab.data.text.MAPPED_FROM", len(LETTERS) + 1)
    text_data(tmp_path)
    assert not mapped.exists()
    monkeypatch.setattr("seqlab.data.text.MAPPED_FROM", len(LETTERS))
    text_data(tmp_path)
    assert mapped.exists()


@refusals(
    ("!?!", "the text has 1 token after preprocessing"),
    (b"caf\xe9 au lait", "is not UTF-8: byte 3 is 0xe9"),
    (" \n", "is empty"),
)
def test_unusable_mapped_texts_are_refused_too(
    tmp_path: Path, mapped: Path, asked: str | bytes, message: str
) -> None:
    with refusal(message):
        text_data(tmp_path, asked, preprocessing="joined")
    assert message.startswith("the text has") or list(mapped.iterdir()) == []


def test_the_story_is_long_enough_to_learn_from() -> None:
    data = SampleStoryData(preprocessing="joined")
    text = data.read()
    assert text.isascii()
    assert len(text) >= 20_000
    data.setup()
    assert data.describe() == {"vocabulary_size": 28}
    assert data.prefixes() == ["the tide clock", "the sea"]
    assert all(prefix in text.lower() for prefix in data.prefixes())
    loader = data.train_dataloader()
    assert len(loader) >= 20
    assert next(iter(loader)).inputs.shape == (32, 35)
    assert len(data.val_dataloader()) >= 1


@pytest.mark.corpus
def test_the_corpus_has_the_chapter_s_numbers(corpus_file: Path) -> None:
    text = read_text(corpus_file)
    assert len(tokenize(text, "char", "joined")) == 173_428
    characters = tokenize(text, "char", "chapter")
    assert len(characters) == 170_580
    assert Counter(characters).most_common(4) == [
        (" ", 29_927), ("e", 17_838), ("t", 13_515), ("a", 11_704),
    ]  # fmt: skip
    data = TimeMachineData(path=corpus_file, preprocessing="chapter", max_tokens=10_000)
    data.setup()
    assert data.describe() == {"vocabulary_size": 28}
    assert data.vocabulary is not None
    assert data.vocabulary.tokens[:5] == ["<unk>", " ", "e", "t", "a"]
    assert len(data.train_dataloader()) == 8
    assert data.prefixes() == ["time traveller", "traveller"]


@pytest.mark.corpus
@pytest.mark.parametrize("preprocessing", ["chapter", "joined"])
def test_the_corpus_as_words(corpus_file: Path, preprocessing: str) -> None:
    data = TimeMachineData(
        path=corpus_file, level="word", preprocessing=preprocessing, val_fraction=0.0
    )
    data.setup()
    assert len(data.parts["train"]) == 32_775
    assert data.describe() == {"vocabulary_size": 4_580}


@pytest.mark.corpus
def test_the_corpus_itself_is_no_reason_to_warn(
    corpus_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    TimeMachineData(path=corpus_file).setup()
    assert caplog.messages == []


def test_another_text_under_the_corpus_s_name_warns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = file_with(tmp_path, LETTERS)
    data = TimeMachineData(path=file, num_steps=5, batch_size=4)
    data.prepare_data()
    data.setup()
    assert decoded(data, "train") == LETTERS[:900]
    (message,) = caplog.messages
    assert str(file) in message
    assert "not the chapter's text" in message
    assert "data=text" in message
