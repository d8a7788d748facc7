"""Vocabulary: tokens to indices, and back."""

import json

import pytest

from seqlab.data.tokens.vocabulary import UNKNOWN, Vocabulary


def vocabulary(text: str, level: str = "char", min_frequency: int = 0) -> Vocabulary:
    tokens = list(text) if level == "char" else text.split()
    return Vocabulary.of(tokens, level, lowercase=False, min_frequency=min_frequency)


def test_tokens_are_ordered_by_frequency_and_ties_by_appearance() -> None:
    assert vocabulary("dcbbaaa").tokens == [UNKNOWN, "a", "b", "d", "c"]
    assert vocabulary("cdbbaaa").tokens == [UNKNOWN, "a", "b", "c", "d"]


def test_index_zero_is_unknown() -> None:
    small = vocabulary("aab")
    assert small.tokens[0] == "<unk>"
    assert len(small) == 3
    assert small.encode("abz") == [1, 2, 0]
    assert small.decode([1, 2, 0]) == "ab<unk>"


def test_the_unknown_token_in_a_text_gets_no_second_index() -> None:
    words = vocabulary("<unk> <unk> <unk> a", level="word")
    assert words.tokens == [UNKNOWN, "a"]
    assert words.encode(["a", "<unk>"]) == [1, 0]


@pytest.mark.parametrize(
    ("min_frequency", "expected"),
    [(0, ["a", "b", "c"]), (1, ["a", "b", "c"]), (2, ["a", "b"]), (3, ["a"]), (4, [])],
)
def test_rare_tokens_are_left_out(min_frequency: int, expected: list[str]) -> None:
    assert vocabulary("abacab", min_frequency=min_frequency).tokens == [UNKNOWN, *expected]


def test_rare_tokens_are_encoded_as_unknown() -> None:
    assert vocabulary("abacab", min_frequency=2).encode("abc") == [1, 2, 0]


@pytest.mark.parametrize("level", ["char", "word"])
def test_known_text_survives_encoding(level: str) -> None:
    text = "the tide was in and the sea was out"
    known = vocabulary(text, level)
    indices = known.encode(known.split(text))
    assert len(indices) == (35 if level == "char" else 9)
    assert 0 not in indices
    assert known.decode(indices) == text


def test_words_are_joined_by_spaces() -> None:
    words = vocabulary("to be or not to be", level="word")
    assert words.tokens == [UNKNOWN, "to", "be", "or", "not"]
    assert words.decode([1, 2, 3]) == "to be or"


@pytest.mark.parametrize(("lowercase", "expected"), [(True, list("ab")), (False, list("aB"))])
def test_a_prefix_is_lowered_where_the_text_was(lowercase: bool, expected: list[str]) -> None:
    assert Vocabulary([UNKNOWN, "a", "b"], "char", lowercase=lowercase).split("aB") == expected


@pytest.mark.parametrize(
    ("level", "text", "expected"),
    [
        ("char", "ab ba bab ab", "ba bab"),
        ("char", "ab? ba? a", "ba"),
        ("char", "ab ba?" + " b aa" * 15, "aa b"),
        ("char", "abab?baab", "abab"),
        ("char", "???", "a"),
        ("word", "a b c", "b"),
        ("word", "x a x b a b", "a b"),
        ("word", "x a x", "a"),
    ],
)
def test_beginning_has_no_unknown_token(level: str, text: str, expected: str) -> None:
    known = vocabulary("aab b" if level == "char" else "a a b", level)
    indices = known.encode(known.split(text))
    assert known.beginning(indices) == expected


def test_missing_tokens_are_named_once_in_order() -> None:
    assert vocabulary("abc").missing("zazyb") == ["z", "y"]
    assert vocabulary("abc").missing("cab") == []
    assert vocabulary("one two", level="word").missing("two three one four three") == [
        "three",
        "four",
    ]
    assert Vocabulary([UNKNOWN, "a"], "char", lowercase=True).missing("A") == []


@pytest.mark.parametrize("level", ["char", "word"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_plain_values_make_the_same_vocabulary(level: str, lowercase: bool) -> None:
    original = Vocabulary([UNKNOWN, "b", "a"], level, lowercase=lowercase)
    plain = json.loads(json.dumps(original.to_plain()))
    assert plain == {"tokens": ["<unk>", "b", "a"], "level": level, "lowercase": lowercase}
    again = Vocabulary.from_plain(plain)
    assert again.to_plain() == original.to_plain()
    assert again.encode(["a", "b", "c"]) == [2, 1, 0]
    assert again.split("A b") == original.split("A b")
