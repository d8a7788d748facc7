"""Progress bars: as much as has room, nothing left behind, and no colours but on a terminal."""

import io

import pytest

from seqlab.system.bars import Bar
from seqlab.system.terminal import styled

FORMATS = ("{desc} |{bar}| {name} {value}", "{desc} |{bar}| {value}", "{desc} {value}")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(stream: io.StringIO, **texts: str) -> Bar:
    named = {"name": "loss", **texts}
    return Bar(FORMATS, stream, named, total=4, initial=2, desc="half", position=0)


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (33, "half |#####     | loss 0.12345"),
        (32, "half |#######       | 0.12345"),
        (28, "half |#####     | 0.12345"),
        (27, "half 0.12345"),
        (20, "half 0.12345"),
    ],
)
def test_line_fits_with_three_columns_to_spare(
    monkeypatch: pytest.MonkeyPatch, columns: int, line: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    bar = drawn(io.StringIO(), value="0.12345")
    assert str(bar) == line
    assert len(line) <= columns - 3


def test_short_line_stays_short_until_there_is_room_to_spare(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "32")
    bar = drawn(io.StringIO(), value="0.12345")
    assert "loss" not in str(bar)
    bar.texts = {"name": "mse", "value": "0."}
    assert "mse" not in str(bar)
    bar.texts = {"name": "mse", "value": "0"}
    assert "mse 0" in str(bar)
    bar.texts = {"name": "loss", "value": "0.12345"}
    assert "loss" not in str(bar)
    monkeypatch.setenv("COLUMNS", "33")
    assert "loss 0.1" in str(bar)


def test_texts_of_others_are_harmless_and_colours_take_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "33")
    bar = drawn(Terminal(), value=styled("0.12345", "good"))
    assert str(bar) == "half |#####     | loss \x1b[32m0.12345\x1b[0m"
    bar.texts = {"name": "\x1b[2J", "value": "{n}"}
    assert str(bar) == "half |#####5     | \\x1b[2J {n}"


def test_line_is_empty_afterwards_whatever_the_terminal_wrote_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "33")
    stream = Terminal()
    bar = drawn(stream, value="1")
    stream.write("^C")
    bar.close()
    assert stream.getvalue().endswith(f"\r{' ' * 32}\r")
    end = stream.getvalue()
    bar.close()
    assert stream.getvalue() == end


def test_bar_that_is_switched_off_writes_nothing() -> None:
    stream = Terminal()
    Bar(FORMATS, stream, {"name": "", "value": ""}, total=4, disable=True).close()
    assert stream.getvalue() == ""
