"""Texts of others are shown on a terminal, and not obeyed by it."""

import io

import pytest

from seqlab.system.terminal import as_field, harmless, pour, say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ümlaut, 漢字 🙂", "plain, ümlaut, 漢字 🙂"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("over\rwritten\x08\x7f", r"over\rwritten\x08\x7f"),
        ("one byte \x9b31m", r"one byte \x9b31m"),
        ("ends\x0b\x0c\x85\u2028\u2029", r"ends\x0b\x0c\x85\u2028\u2029"),
        ("txt.\u202eexe", r"txt.\u202eexe"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_field_has_no_line_end_and_no_separator_and_can_be_read_back() -> None:
    text = "a\nb\r\\n|c\x85"
    assert as_field(text, "|") == r"a\nb\r\\n\|c\x85"
    assert as_field(text) == r"a\nb\r\\n|c\x85"
    assert len(as_field("\u2028\x0b\n".join("abc"), "|").splitlines()) == 1


def test_message_is_harmless_also_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    say("run", "\x1b[2J", 3)
    say("no\x07", error=True)
    assert capsys.readouterr() == ("run \\x1b[2J 3\n", "no\\x07\n")


def test_made_text_is_as_it_is_in_a_pipe_and_harmless_on_a_terminal() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        pour("a\x1bb\n\t", stream)
    assert pipe.getvalue() == "a\x1bb\n\t"
    assert terminal.getvalue() == "a\\x1bb\n\t"
