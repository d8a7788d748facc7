"""run.log: records that nothing in them can imitate."""

import io
import logging
import re
from pathlib import Path

import pytest

from seqlab.system.messages import recording

logger = logging.getLogger("seqlab.tests")
FORGED = "2026-01-01 00:00:00,000 INFO seqlab.runs.run: completed"


def test_message_cannot_make_another_record_nor_command_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with recording(tmp_path / "run.log") as warnings:
        logger.warning("name is %s", f"a\n{FORGED}\x1b[2J")
        try:
            raise ValueError(f"b\n{FORGED}")
        except ValueError:
            logger.exception("failed")
    lines = (tmp_path / "run.log").read_text().splitlines()
    records = [line for line in lines if re.match(r"\d{4}-", line)]
    assert [line.split(" ", 3)[3] for line in records] == [
        "seqlab.tests: name is a",
        "seqlab.tests: failed",
    ]
    assert f"  {FORGED}\\x1b[2J" in lines
    assert f"  {FORGED}" in lines
    assert warnings[0] == f"name is a\n{FORGED}\x1b[2J"
    printed = capsys.readouterr().err
    assert printed.startswith(f"warning: name is a\n{FORGED}\\x1b[2J\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_messages_on_a_terminal_fit_it_and_the_file_has_them_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    text = f"{tmp_path}/some/file is damaged: the text is read anew"
    with recording(tmp_path / "run.log") as warnings:
        logger.warning("%s", text)
        logger.info("for the file alone", extra={"forms": []})
        logger.info("first line is long enough to be broken,\n  second stays")
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert lines[0].endswith(f" WARNING seqlab.tests: {text}")
    assert lines[1].endswith(" INFO seqlab.tests: for the file alone")
    assert warnings == [text]
    assert stream.getvalue() == (
        "\x1b[33mwarning:\x1b[0m some/file is damaged:\n  the text is read anew\n"
        "first line is long enough to be broken,\n  second stays\n"
    )
