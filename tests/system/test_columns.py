"""Tables on a terminal: aligned, as wide as there is room, numbers whole."""

import pytest

from seqlab.system.columns import Column, cut, number, table, width_of
from seqlab.system.terminal import plain, styled

TEXTS = Column("name", ["short", "a rather long name"])
NUMBERS = Column("value", ["1.5", "1,234.5678"], is_number=True)
SPARE = Column("calls", ["7", "8"], is_number=True, spare=1)


def test_numbers_stand_to_the_right_and_the_gap_counts() -> None:
    assert table([TEXTS, NUMBERS], 80) == [
        "  name                     value",
        "  short                      1.5",
        "  a rather long name  1,234.5678",
    ]
    assert width_of([TEXTS, NUMBERS]) == 32


def test_spare_column_goes_before_a_text_is_cut() -> None:
    assert width_of([TEXTS, SPARE, NUMBERS]) == 39
    assert "calls" in table([TEXTS, SPARE, NUMBERS], 39)[0]
    assert table([TEXTS, SPARE, NUMBERS], 38) == table([TEXTS, NUMBERS], 38)
    assert table([TEXTS, SPARE, NUMBERS], 25) == [
        "  name              value",
        "  short               1.5",
        "  a rather l…  1,234.5678",
    ]


def test_number_is_whole_also_where_nothing_fits() -> None:
    assert table([TEXTS, NUMBERS], 5)[2] == "  a rathe…  1,234.5678"


def test_styles_and_wide_characters_take_the_room_that_is_seen() -> None:
    lines = table([Column("x", [styled("漢字", "good"), "e\u0301\x1b"]), NUMBERS], 80)
    assert [plain(line) for line in lines] == [
        "  x           value",
        "  漢字          1.5",
        "  e\u0301\\x1b  1,234.5678",
    ]
    assert styled("漢字", "good") in lines[1]


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("漢字漢字", 5, "漢字…"), ("abc", 1, "a…")],
)
def test_text_that_is_cut_says_so(text: str, most: int, shown: str) -> None:
    assert cut(text, most) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(0.0, "0.0000"), (0.05716, "0.0572"), (999.99, "999.9900"), (12345.6, "1.235e+04")],
        *[(1e-5, "1e-05"), (float("nan"), "nan"), (float("-inf"), "-inf")],
    ],
)
def test_metric_to_read(value: float, text: str) -> None:
    assert number(value) == text
