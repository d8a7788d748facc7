"""Checkpoint files: whole at every moment, their damage noticed, nothing in them executed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.runs.folder.checkpoint import (
    DamagedCheckpoint,
    checksum_file,
    copy_checkpoint,
    read_checkpoint,
    renew_checksum,
    write_checkpoint,
)


def content(number: int) -> dict[str, Any]:
    return {"state_dict": {"weight": torch.full((5, 7), float(number))}, "number": number}


@pytest.fixture
def last(tmp_path: Path) -> Path:
    return tmp_path / "last.ckpt"


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    return tmp_path / "previous.ckpt"


def test_checkpoint_comes_back_as_it_was(last: Path) -> None:
    write_checkpoint(content(3), last)
    found = read_checkpoint(last)
    assert found["number"] == 3
    assert torch.equal(found["state_dict"]["weight"], torch.full((5, 7), 3.0))


def test_checkpoint_before_is_kept(last: Path, previous: Path) -> None:
    for number in range(3):
        write_checkpoint(content(number), last, previous)
    assert read_checkpoint(last)["number"] == 2
    assert read_checkpoint(previous)["number"] == 1


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_checksums_are_those_of_sha256sum(last: Path, previous: Path, tmp_path: Path) -> None:
    write_checkpoint(content(0), last, previous)
    write_checkpoint(content(1), last, previous)
    copy_checkpoint(last, tmp_path / "best.ckpt")
    names = [checksum_file(tmp_path / f"{name}.ckpt").name for name in ("last", "previous", "best")]
    command = ["sha256sum", "-c", *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["last.ckpt: OK", "previous.ckpt: OK", "best.ckpt: OK"]


def test_flipped_bit_is_noticed_wherever_it_is(last: Path) -> None:
    write_checkpoint(content(1), last)
    whole = last.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        last.write_bytes(damaged)
        with pytest.raises(DamagedCheckpoint, match=r"not the one that last\.ckpt\.sha256 descr"):
            read_checkpoint(last)


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_cut_off_file_is_noticed(last: Path, size: int) -> None:
    write_checkpoint(content(1), last)
    last.write_bytes(last.read_bytes()[:size])
    with pytest.raises(DamagedCheckpoint, match=r"last\.ckpt cannot be loaded: ") as raised:
        read_checkpoint(last)
    assert "previous.ckpt" in raised.value.hint


@pytest.mark.parametrize("text", ["", "0" * 64, "\x00\xff", "no checksum at all"])
def test_damaged_checksum_vouches_for_nothing(last: Path, text: str) -> None:
    write_checkpoint(content(1), last)
    checksum_file(last).write_text(text, encoding="latin-1")
    with pytest.raises(DamagedCheckpoint):
        read_checkpoint(last)


def test_file_from_elsewhere_needs_no_checksum(last: Path, tmp_path: Path) -> None:
    write_checkpoint(content(1), last)
    foreign = tmp_path / "foreign.ckpt"
    torch.save(content(9), foreign)
    assert read_checkpoint(foreign)["number"] == 9


@pytest.mark.parametrize("value", [3, [1], {"a": 1}, {"state_dict": 3}])
def test_file_that_is_no_checkpoint_is_refused(last: Path, value: Any) -> None:
    torch.save(value, last)
    with pytest.raises(DamagedCheckpoint, match="it is not a run's checkpoint"):
        read_checkpoint(last)


def test_checkpoint_in_place_before_its_checksum_gets_it_later(last: Path, previous: Path) -> None:
    best = last.with_name("best.ckpt")
    write_checkpoint(content(0), last, previous)
    copy_checkpoint(last, best)
    stale = checksum_file(best).read_bytes()
    write_checkpoint(content(1), last, previous)
    copy_checkpoint(last, best)
    checksum_file(best).write_bytes(stale)  # as a kill in between would leave it
    assert read_checkpoint(best)["number"] == 1
    renew_checksum(best)
    for number in (2, 3):
        write_checkpoint(content(number), last, previous)
    assert read_checkpoint(best)["number"] == 1


class Stopped(Exception):
    """In place of a kill."""


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make the so-manieth change of the file system, and all after it, fail; None: none fails."""
    changes = ("replace", "write_text", "write_bytes", "unlink")
    real = {name: getattr(Path, name) for name in changes}
    link = os.link
    left: list[int | None] = [None]

    def counted() -> None:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise Stopped

    def changing(name: str) -> Any:
        def change(self: Path, *arguments: Any, **named: Any) -> Any:
            counted()
            return real[name](self, *arguments, **named)

        return change

    def linking(*arguments: Any) -> None:
        counted()
        link(*arguments)

    for name in changes:
        monkeypatch.setattr(Path, name, changing(name))
    monkeypatch.setattr(os, "link", linking)
    yield lambda number: left.__setitem__(0, number)
    left[0] = None


def test_stop_at_any_moment_leaves_only_whole_checkpoints(
    last: Path, previous: Path, killed_at: Any
) -> None:
    best = last.with_name("best.ckpt")
    for number in range(100):
        for file in last.parent.iterdir():
            file.unlink()
        write_checkpoint(content(0), last, previous)
        write_checkpoint(content(1), last, previous)
        copy_checkpoint(last, best)
        killed_at(number)
        try:
            write_checkpoint(content(2), last, previous)
            copy_checkpoint(last, best)
            finished = True
        except Stopped:
            finished = False
        killed_at(None)
        found = {file.stem: read_checkpoint(file)["number"] for file in (last, previous, best)}
        assert found["last"] in (1, 2)
        assert found["previous"] in (0, 1)
        assert found["best"] in (1, found["last"])
        if finished:
            assert found == {"last": 2, "previous": 1, "best": 2}
            assert number > 6, "the stops did not strike"
            return
    raise AssertionError("it never came to an end")
