"""Checkpoint files: whole, verified by a checksum, and read without executing anything.

Beside `last.ckpt` lies `last.ckpt.sha256`, as `sha256sum -c` reads it. A file counts as whole
where any checksum in its folder is its own: while a new checkpoint takes an old one's place, the
old one's checksum is already beside its copy, so that a kill at any moment leaves nothing in doubt.
"""

import hashlib
import io
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO

from seqlab.system.errors import UserError, first_line
from seqlab.system.files import replacing, write_text


class DamagedCheckpoint(UserError):
    """A checkpoint file that is not what was once written."""


def checksum_file(file: Path) -> Path:
    """Return where the checksum of a checkpoint lies."""
    return file.with_name(f"{file.name}.sha256")


def write_checkpoint(content: dict[str, Any], file: Path, previous: Path | None = None) -> None:
    """Write a checkpoint and its checksum, all at once.

    Args:
        content: tensors and plain values.
        file: where to; what lies there is replaced.
        previous: where what lies there is kept.

    Raises:
        OSError: the disk is full or the folder cannot be written; `file` is as it was.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    if previous is not None and file.exists():
        copy_checkpoint(file, previous, link=True)
    with replacing(file) as partial:
        partial.write_bytes(buffer.getbuffer())
        _write_checksum(file, hashlib.sha256(buffer.getbuffer()).hexdigest())


def copy_checkpoint(file: Path, target: Path, *, link: bool = False) -> None:
    """Let `target` be the same checkpoint as `file`; with `link` the same bytes on the disk."""
    with replacing(target) as partial:
        if not link or not _linked(file, partial):
            shutil.copyfile(file, partial)
    note = _note(checksum_file(file))
    if note:
        _write_checksum(target, note.split(" ")[0])
    else:
        checksum_file(target).unlink(missing_ok=True)


def renew_checksum(file: Path) -> None:
    """Let a whole checkpoint that was put in place right before a kill have its own checksum."""
    if file.is_file():
        digest, beside = hashlib.sha256(file.read_bytes()).hexdigest(), checksum_file(file)
        if digest in _known(file.parent) and digest not in _note(beside):
            _write_checksum(file, digest)


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Return a checkpoint's content: plain values, and tensors on the CPU; nothing is executed.

    A file without a checksum beside it, brought from elsewhere, is read unverified.

    Raises:
        DamagedCheckpoint: the file is not what was written, or holds more than plain values.
    """
    try:
        data = file.read_bytes()
        beside = checksum_file(file).exists()
        if beside and hashlib.sha256(data).hexdigest() not in _known(file.parent):
            raise ValueError(f"it is not the one that {checksum_file(file).name} describes")
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
            raise ValueError("it is not a run's checkpoint")
    except pickle.UnpicklingError as error:
        raise DamagedCheckpoint(
            f"the checkpoint {file} cannot be loaded: it holds something else than plain values",
            "Loading that could run a program hidden in it; it is damaged, or no run's checkpoint.",
        ) from error
    except Exception as error:  # a damaged file can raise nearly anything
        raise DamagedCheckpoint(
            f"the checkpoint {file} cannot be loaded: {first_line(error)[:200]}",
            "It is damaged, or not a run's checkpoint; try the run's other one "
            "(best.ckpt, last.ckpt, previous.ckpt), or train again.",
        ) from error
    return content


class VerifiedCheckpointIO(CheckpointIO):
    """How the Trainer reads and writes checkpoints: through the functions of this module."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write `path`; the last content of `last.ckpt` becomes `previous.ckpt`."""
        file = Path(path)
        previous = file.with_name("previous.ckpt") if file.name == "last.ckpt" else None
        write_checkpoint(checkpoint, file, previous)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Return the content; never more than plain values, whatever the caller asks for."""
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a checkpoint with its checksum."""
        Path(path).unlink(missing_ok=True)
        checksum_file(Path(path)).unlink(missing_ok=True)


def _write_checksum(file: Path, digest: str) -> None:
    write_text(checksum_file(file), f"{digest}  {file.name}\n")


def _known(folder: Path) -> set[str]:
    return {_note(file).split(" ")[0] for file in folder.glob("*.sha256")}


def _note(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _linked(file: Path, target: Path) -> bool:
    try:
        os.link(file, target)
    except OSError:  # a file system without links
        return False
    return True
