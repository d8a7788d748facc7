"""Tokens and their indices, for any text that a UTF-8 file can hold."""

from collections import Counter

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from plain_tokens import tokenize
from seqlab.data.text import TextData, read_text
from seqlab.data.tokens.vocabulary import UNKNOWN, Vocabulary
from strategies import ANY, LEVELS, PREPROCESSING, refusal


@given(ANY, LEVELS, PREPROCESSING, st.integers(0, 3))
def test_known_tokens_come_back_from_their_indices(
    text: str, level: str, preprocessing: str, rarest: int
) -> None:
    tokens = tokenize(text, level, preprocessing)
    vocabulary = Vocabulary.of(tokens, level, lowercase=False, min_frequency=rarest)
    counts = Counter(tokens)
    indices = vocabulary.encode(tokens)
    assert len(indices) == len(tokens)
    for token, index in zip(tokens, indices, strict=True):
        known = token != UNKNOWN and counts[token] >= rarest
        assert vocabulary.tokens[index] == (token if known else UNKNOWN)
        assert (index > 0) == known
    if rarest <= 1 and UNKNOWN not in tokens:
        joined = vocabulary.decode(indices)
        assert joined == ("" if level == "char" else " ").join(tokens)
        if level == "char" and preprocessing == "raw":
            assert joined == text
        assert vocabulary.encode(vocabulary.split(joined)) == indices
        assert vocabulary.missing(joined) == []


@given(ANY, LEVELS, st.integers(0, 3))
def test_vocabulary_is_ordered_by_frequency_then_appearance(
    text: str, level: str, rarest: int
) -> None:
    tokens = tokenize(text, level, "raw")
    counts = Counter(token for token in tokens if token != UNKNOWN)
    kept = [token for token in counts if counts[token] >= rarest]
    first = {token: tokens.index(token) for token in kept}
    expected = sorted(kept, key=lambda token: (-counts[token], first[token]))
    assert Vocabulary.of(tokens, level, lowercase=False, min_frequency=rarest).tokens == [
        UNKNOWN,
        *expected,
    ]


@given(ANY, LEVELS, st.booleans())
def test_vocabulary_comes_back_from_plain_values(text: str, level: str, lowercase: bool) -> None:
    tokens = tokenize(text, level, "raw")
    vocabulary = Vocabulary.of(tokens, level, lowercase=lowercase)
    again = Vocabulary.from_plain(vocabulary.to_plain())
    assert vars(again) == vars(vocabulary)
    assert again.encode(tokens) == vocabulary.encode(tokens)


@given(ANY)
def test_unknown_tokens_are_named_once_and_become_zero(text: str) -> None:
    vocabulary = Vocabulary.of("ab", "char", lowercase=False)
    strange = [token for token in text if token not in "ab"]
    assert vocabulary.missing(text) == list(dict.fromkeys(strange))
    assert vocabulary.encode(text).count(0) == len(strange)


@given(ANY, LEVELS, PREPROCESSING)
def test_tokens_of_each_preprocessing_are_what_it_says(
    text: str, level: str, preprocessing: str
) -> None:
    tokens = tokenize(text, level, preprocessing)
    if level == "char":
        assert all(len(token) == 1 for token in tokens)
    else:
        assert not any(set(token) & set(" \n\t\r") or token == "" for token in tokens)
    if preprocessing != "raw":
        letters = [letter for letter in text if letter.isalpha()]
        if preprocessing != "joined":
            letters = [letter for letter in letters if letter.isascii()]
        kept = [letter for token in tokens for letter in token if letter.isalpha()]
        lower = [letter.lower()[0] for letter in letters]
        assert [letter.replace("ς", "σ") for letter in kept] == [
            letter.replace("ς", "σ") for letter in lower
        ]
        assert "  " not in "".join(tokens) or level == "word" or preprocessing == "chapter"


@given(ANY)
def test_text_of_a_file_is_what_was_written_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.txt"
    file.write_bytes(text.encode())
    if refused := refusal(lambda: read_text(file)):
        assert ("is empty" in str(refused)) or "\0" in text
        return
    assert read_text(file) == text.removeprefix("\ufeff").replace("\r\n", "\n")


@given(
    st.integers(4, 300),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
    st.integers(1, 20),
    st.integers(1, 6),
    st.none() | st.integers(2, 400),
)
def test_parts_of_a_text_follow_each_other_and_share_nothing(
    length: int, val: float, test: float, num_steps: int, batch_size: int, most: int | None
) -> None:
    assume(val + test < 1)
    data = TextData(
        val_fraction=val,
        test_fraction=test,
        num_steps=num_steps,
        batch_size=batch_size,
        max_tokens=most,
    )
    if refused := refusal(lambda: data._split(torch.arange(length))):
        assert refused.hint.startswith("Use data.")
        return
    held_out = int(length * val) + int(length * test)
    train = data.parts["train"].tolist()
    assert train == list(range(min(most or length, length - held_out)))
    later = [index for name in ("val", "test") for index in data.parts.get(name, torch.tensor([]))]
    assert [int(index) for index in later] == sorted({int(index) for index in later})
    assert all(index >= length - held_out for index in later)
    assert len(data.loader("train", training=True)) >= 1
