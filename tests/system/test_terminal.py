"""What a terminal is told: texts of others are shown, not obeyed; its colours and its width."""

import fcntl
import io
import os
import pty
import struct
import termios
from pathlib import Path

import pytest

from seqlab.system.errors import UserError, print_error
from seqlab.system.terminal import (
    as_field,
    harmless,
    leave_echo,
    length,
    plain,
    pour,
    relative,
    say,
    shown,
    styled,
    takes_colour,
    width,
    wrapped,
)


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


@pytest.mark.parametrize(
    ("settings", "on_terminal", "elsewhere"),
    [
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_colours_are_for_terminals_that_take_them(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], on_terminal: bool, elsewhere: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert takes_colour(Terminal()) == on_terminal
    assert takes_colour(io.StringIO()) == elsewhere
    assert takes_colour(None) == elsewhere


def test_styled_part_is_coloured_on_a_terminal_and_plain_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    text = styled("error:", "bad") + " no " + styled("a\x1b[2J", "good")
    assert shown(text, Terminal()) == "\x1b[31merror:\x1b[0m no \x1b[32ma\\x1b[2J\x1b[0m"
    assert shown(text, io.StringIO()) == shown(text) == plain(shown(text)) == "error: no a\\x1b[2J"
    assert length(styled("wide 漢", "heading")) == 7


def test_paths_are_told_from_the_working_folder_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for text, told in {
        f"in {folder}/outputs/x, key={folder}/y": "in outputs/x, key=y",
        f"resume='{folder}/c d' {folder}/-x": "resume='c d' ./-x",
        f"""'{folder}/' '{folder}/'"'"'a'""": """'./' './'"'"'a'""",
        f"{folder} {folder}/ {folder}x/y": f"{folder} {folder}/ {folder}x/y",
        f"file://{folder}/x /up{folder}/x": f"file://{folder}/x /up{folder}/x",
        f"{tmp_path}/other": f"{tmp_path}/other",
    }.items():
        say(text)
        assert capsys.readouterr().out == f"{told}\n"


def test_without_a_working_folder_paths_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)
    assert relative(f"{tmp_path}/x") == f"{tmp_path}/x"


def test_width_is_that_of_the_terminal_or_a_stable_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        for columns, found in ((60, 60), (7, 20), (0, 80)):
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            assert width(stream) == found
        monkeypatch.setenv("COLUMNS", "44")
        assert width(stream) == 44
    os.close(ours)
    assert width(io.StringIO()) == 44
    monkeypatch.setenv("COLUMNS", "wide")
    assert width(io.StringIO()) == 100
    assert width(Terminal()) == 80


def test_paragraph_is_broken_between_words_only() -> None:
    text = "  one word-by-word /a/very/long/path/without/spaces end"
    assert wrapped(text, 20) == [
        *("  one word-by-word", "  /a/very/long/path/without/spaces", "  end"),
    ]
    assert wrapped("at 95 % and 5 %.", 5) == ["at", "  95 %", "  and", "  5 %."]
    assert wrapped("", 20) == []
    assert max(map(len, wrapped("word " * 100, 400))) <= 100


def test_echo_of_ctrl_c_is_taken_away_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, written in ((Terminal(), "\r  \r"), (io.StringIO(), "")):
        monkeypatch.setattr("sys.stderr", stream)
        leave_echo()
        assert stream.getvalue() == written


def test_error_is_broken_between_words_on_a_terminal_but_a_command_stays_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = UserError("a message of some words", "Type: python -m train and more words")
    print_error(error)
    assert capsys.readouterr().err == (
        "error: a message of some words\n  Type: python -m train and more words\n"
    )
    for name, value in {"COLUMNS": "20", "TERM": "xterm", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    print_error(error)
    print_error(UserError("another", "Mend it, and then again."))
    assert stream.getvalue() == (
        "\x1b[31merror:\x1b[0m a message of\n  some words\n  Type: python -m train and more words\n"
        "\x1b[31merror:\x1b[0m another\n  Mend it, and then\n  again.\n"
    )
