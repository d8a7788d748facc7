"""Files are whole or not there, whatever happens while they are written."""

import csv
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from seqlab.system.files import (
    csv_line,
    finite,
    json_text,
    remove_partials,
    replacing,
    write_text,
)


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_replacing_puts_the_new_content_in_place(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.txt"
    for text in ("first", "second"):
        with replacing(target) as partial:
            partial.write_text(text)
        assert target.read_text() == text
        assert files(tmp_path) == {"deep/file.txt"}


def test_replacing_leaves_the_old_content_until_the_end(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with replacing(target) as partial:
        partial.write_text("new")
        assert partial.parent == target.parent, "a move between file systems is not atomic"
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_failure_while_writing_leaves_the_old_content_and_no_partial_file(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")

    def half() -> None:
        with replacing(target) as partial:
            partial.write_text("ne")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        half()
    assert target.read_text() == "old"
    assert files(tmp_path) == {"file.txt"}


def test_file_is_on_the_disk_before_it_has_its_name_and_the_name_before_all_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def spied_fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        calls.append("folder" if path.is_dir() else "file")
        fsync(descriptor)

    def spied_replace(self: Path, target: Path) -> Path:
        calls.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", spied_fsync)
    monkeypatch.setattr(Path, "replace", spied_replace)
    write_text(tmp_path / "file.txt", "content")
    assert calls == ["file", "rename", "folder"]


def test_what_killed_processes_left_half_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    kept = [".hidden", "a.partial", "checkpoints/last.ckpt"]
    for name in (*kept, ".result.json.77.partial", "checkpoints/.last.ckpt.78.partial"):
        (tmp_path / name).write_text("x")
    remove_partials(tmp_path)
    assert files(tmp_path) == set(kept)


def test_record_of_a_csv_file_is_read_back_whatever_is_in_it() -> None:
    cells = ["plain", 'a,"b"', "two\nlines", "lone\rreturn", "both\r\n", "", 0.5, 3]
    line = csv_line(cells)
    assert line == 'plain,"a,""b""","two\nlines","lone\rreturn","both\r\n",,0.5,3\n'
    assert list(csv.reader([line])) == [list(map(str, cells))]


def refuse_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def test_json_has_no_number_that_is_not_finite() -> None:
    value = {"a": [math.inf, -math.inf, (math.nan, 1.5)], 3: {"b": 0}}
    text = json_text(value)
    assert text == '{"a": [null, null, [null, 1.5]], "3": {"b": 0}}'
    assert json.loads(text, parse_constant=refuse_constant)["a"][2] == [None, 1.5]
    assert finite(value, str) == {"a": ["inf", "-inf", ["nan", 1.5]], "3": {"b": 0}}


def test_json_shows_what_a_terminal_would_obey_and_what_no_file_can_hold() -> None:
    text = "ü漢🙂 \x1b[31m \x9b \x7f \u2028 \u202e \udcff\n"
    found = json_text(text)
    assert found == (r'"ü漢🙂 \u001b[31m \u009b \u007f \u2028 \u202e \udcff\n"')
    assert json.loads(found) == text
    assert json_text([1], indent=2) == "[\n  1\n]"
