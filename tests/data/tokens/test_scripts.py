"""What is refused or told of a text's script."""

from collections import Counter

import pytest

from expect import exact_refusal
from seqlab.data.tokens.scripts import check_kept, most_beyond_ascii, unspaced_length
from seqlab.data.tokens.token_file import tokens_in_memory

_REMEDY = "Use data.preprocessing=joined, which keeps the letters of every script, or raw."


@pytest.mark.parametrize("level", ["char", "word"])
@pytest.mark.parametrize(
    ("text", "kept", "letters"),
    [("Привет, a b", 2, 8), ("ab где", 2, 5), ("नमस्ते", 0, 4), ("été là ô", 2, 6)],
)
def test_chapter_refuses_a_text_of_which_it_would_keep_less_than_half(
    level: str, text: str, kept: int, letters: int
) -> None:
    message = (
        f"data.preprocessing=chapter keeps the letters A to Z alone, and {kept} of the {letters} "
        "letters of this text are among them"
    )
    with exact_refusal(message, _REMEDY):
        tokens_in_memory(text, level, "chapter", 0)
    tokens_in_memory(text, level, "joined", 0)


@pytest.mark.parametrize("text", ["ab гд", "a — — — “b” ½½½½", "plain", "été lu", "123 — 4"])
def test_chapter_takes_a_text_of_which_it_keeps_half(text: str) -> None:
    assert tokens_in_memory(text, "word", "chapter", 0).vocabulary.level == "word"


def test_letters_are_counted_only_where_there_may_be_too_few() -> None:
    def unread() -> str:
        raise AssertionError

    check_kept(Counter({"a": 2, " ": 9}), 2, (unread() for _ in range(1)))
    assert [most_beyond_ascii(each.encode()) for each in ("a", "é—新𐐀", "")] == [0, 4, 0]


@pytest.mark.parametrize(
    ("words", "length"),
    [
        (["今天天气很好我们去公园", "你好你好你好你"], 9.0),
        (["今天", "天气", "很", "好"], None),
        (["สวัสดีชาวโลกวันนี้อากาศดี"], 25.0),
        (["สวัสดี", "ชาวโลก"], None),
        (["пожалуйстапожалуйста"], None),
        (["今天天气很好我们去公园", "one", "two"], None),
        ([], None),
    ],
)
def test_phrases_without_spaces_are_told_by_their_length(
    words: list[str], length: float | None
) -> None:
    assert unspaced_length(words) == length
