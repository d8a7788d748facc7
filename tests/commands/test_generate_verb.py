"""`python -m seqlab generate`: text from the run folder alone."""

import io
import sys
from typing import Any

import pytest
from torch import Tensor

from conftest import Outcome
from expect import Command, refusals, refused, succeeded, words_of
from seqlab.commands.main import main
from seqlab.data.sample_story import SampleStoryData
from seqlab.data.tokens.vocabulary import Vocabulary
from seqlab.prediction.generation import choose
from seqlab.runs.folder.run_folder import RunFolder


@pytest.fixture
def generate(seqlab: Command, language_run: RunFolder) -> Command:
    def call(*words: str) -> Outcome:
        return seqlab("generate", str(language_run.path), *words)

    return call


def test_generate_goes_on_with_the_prefix_by_as_many_tokens(generate: Command) -> None:
    outcome = generate("--prefix", "the sea", "--num-tokens", "17")
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.startswith("the sea")
    text = outcome.out.removesuffix("\n").removeprefix("the sea")
    assert len(text) == 17


def test_generate_has_a_prefix_and_a_length_of_its_own(generate: Command) -> None:
    text = generate().out.removesuffix("\n")
    assert text.startswith("the tide clock")
    assert len(text) == len("the tide clock") + 200


def test_greedy_text_has_no_chance_in_it(generate: Command) -> None:
    first = generate("--greedy", "--num-tokens", "30").out
    assert generate("--greedy", "--num-tokens", "30", "--seed", "5").out == first


def test_greedy_text_is_what_the_run_itself_sampled(
    generate: Command, language_run: RunFolder
) -> None:
    greedy, sampled = language_run.samples.read_text(encoding="utf-8").splitlines()[-2:]
    prefix, _, text = greedy.partition("|")[2].strip(" ").partition(" |")
    how = ("--checkpoint", "last", "--prefix", prefix, "--num-tokens", "50")
    assert generate("--greedy", *how).out == f"{prefix}{text}\n"
    begin, _, text = sampled.partition("|")[2].strip(" ").partition(" |")
    assert begin == f"{prefix} (temperature 0.8)"
    assert generate("--temperature", "0.8", *how).out == f"{prefix}{text}\n"


def test_sampled_text_follows_from_the_seed(generate: Command) -> None:
    first = generate("--seed", "3").out
    assert generate("--seed", "3").out == first
    assert generate("--seed", "4").out != first


def test_only_the_likeliest_token_is_the_greedy_text(generate: Command) -> None:
    greedy = generate("--greedy").out
    assert generate("--top-k", "1", "--seed", "9").out == greedy
    assert generate("--top-p", "1e-9", "--seed", "9").out == greedy
    assert generate("--temperature", "1e-4", "--seed", "9").out == greedy
    assert generate("--temperature", "0", "--seed", "9", "--top-k", "5").out == greedy


def test_unknown_token_is_made_only_where_it_is_asked_for(
    generate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def likely(logits: Tensor, *rest: Any) -> int:
        logits = logits.clone()
        logits[0] = 1e3
        return choose(logits, *rest)

    monkeypatch.setattr("seqlab.prediction.generation.choose", likely)
    for words in (["--greedy"], ["--seed", "3"]):
        assert "<unk>" not in generate(*words).out
        assert generate(*words, "--unknown", "--num-tokens", "2").out.endswith("<unk><unk>\n")


@pytest.mark.parametrize(
    "words", [["--temperature", "3"], ["--top-k", "2"], ["--top-p", "0.3"]], ids=" ".join
)
def test_option_of_sampling_changes_the_text(generate: Command, words: list[str]) -> None:
    assert generate(*words).out != generate().out


def test_samples_are_told_apart_and_each_can_be_made_alone(generate: Command) -> None:
    lines = generate("--num-samples", "2", "--seed", "5", "--num-tokens", "40").out.splitlines()
    assert lines[0] == "--- sample 1, seed 5"
    assert lines[2] == "--- sample 2, seed 6"
    assert lines[1] != lines[3]
    assert generate("--seed", "6", "--num-tokens", "40").out.splitlines() == [lines[3]]


@refusals(
    ("--temperature 0 --num-samples 2", "--temperature 0 and --num-samples exclude each other"),
    ("--temperature -1", "--temperature -1.0: must be at least 0"),
    ("--temperature nan", "--temperature nan: must be at least 0"),
    ("--temperature inf", "--temperature inf: must be"),
    ("--top-k 0", "--top-k 0: must be at least 1"),
    ("--top-p 0", "--top-p 0.0: must be above 0 and at most 1"),
    ("--top-p 1.1", "--top-p 1.1: must be above 0 and at most 1"),
    ("--num-tokens 0", "--num-tokens 0: must be at least 1"),
    ("--num-samples 0", "--num-samples 0: must be at least 1"),
    ("--seed -1", "--seed -1: must be at least 0"),
    ("--greedy --temperature 1", "--greedy and --temperature exclude each other"),
    ("--greedy --top-k 3", "--greedy and --top-k exclude each other"),
    ("--greedy --num-samples 2", "--greedy and --num-samples exclude each other"),
    (("--prefix", ""), "--prefix is empty"),
)
def test_option_out_of_range_is_refused(generate: Command, asked: str, message: str) -> None:
    refused(generate(*words_of(asked)), message)


def test_characters_that_the_vocabulary_lacks_are_named(generate: Command) -> None:
    outcome = generate("--prefix", "The Zürich 3", "--num-tokens", "5")
    assert outcome.code == 0
    assert "the vocabulary lacks 'ü', '3'" in outcome.err
    assert outcome.out.startswith("The Zürich 3")


def test_generate_needs_nothing_but_the_run_folder(
    seqlab: Command, copy: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: SampleStoryData) -> str:
        raise FileNotFoundError("the story is not here any more")

    expected = seqlab("generate", str(copy.path)).out
    monkeypatch.setattr(SampleStoryData, "read", gone)
    for file in (copy.result, copy.metrics, copy.samples, copy.log):
        file.unlink()
    outcome = succeeded(seqlab("generate", str(copy.path)))
    assert outcome.out == expected


@pytest.mark.parametrize(("is_terminal", "shown"), [(False, "\x1b[2J"), (True, r"\x1b[2J")])
def test_text_that_commands_a_terminal_is_shown_there_and_whole_in_a_pipe(
    language_run: RunFolder, monkeypatch: pytest.MonkeyPatch, is_terminal: bool, shown: str
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(Vocabulary, "decode", lambda self, indices: "\x1b[2J")
    assert main(["generate", str(language_run.path), "--prefix", "a\x07", "--num-tokens", "2"]) == 0
    prefix = r"a\x07" if is_terminal else "a\x07"
    assert stream.getvalue() == f"{prefix}{shown}{shown}\n"
