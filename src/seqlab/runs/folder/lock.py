"""Who may write into a run folder: one process at a time, and never where something lies already.

A lock on run.log tells whether a process is at work; it ends with the process, however that ends.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqlab.config.folders import CONFIG
from seqlab.runs.folder.run_folder import LOG, RESULT
from seqlab.system.errors import UserError
from seqlab.system.files import remove_partials, write_text
from seqlab.system.locks import AFTER_A_KILL_S, is_locked, lock
from seqlab.system.terminal import as_word

# What this process made and claimed: the only things that it may take away again.
_made: dict[Path, list[Path]] = {}
_held: dict[Path, Any] = {}


def claim(folder: Path, config: str) -> None:
    """Take an unused folder for a run, and write its configuration; only one process can.

    Args:
        folder: missing, empty, or left by a process that was killed before it had written anything.
        config: the content of config.yaml.

    Raises:
        UserError: something lies in the folder already, or it cannot be made.
    """
    try:
        if not _unused(folder):
            raise FileExistsError
        folder.mkdir(parents=True, exist_ok=True)
        if not _lock(folder):
            raise FileExistsError
        if not _unused(folder):
            give_up(folder)
            raise FileExistsError
        remove_partials(folder)
        write_text(folder / CONFIG, config)
    except FileExistsError:
        raise UserError(
            f"the run folder {folder} exists already; nothing in it was touched",
            f"Choose another hydra.run.dir, or resume it: python -m train resume={as_word(folder)}",
        ) from None
    except OSError as error:
        release(folder)
        raise UserError(
            f"the run folder {folder} cannot be made: {error.strerror}",
            "Choose another with hydra.run.dir=FOLDER.",
        ) from error


def hold(folder: Path) -> None:
    """Take the folder of an earlier run, to go on with it.

    Raises:
        UserError: another process is at work in it, or it cannot be written.
    """
    try:
        taken = _lock(folder, AFTER_A_KILL_S)
    except OSError as error:
        raise UserError(
            f"the run folder {folder} cannot be written: {error.strerror}",
            "A run goes on in its own folder: make it writable, or copy it to where it is.",
        ) from error
    if not taken:
        raise UserError(
            f"the run {folder} is at work in another process",
            "Wait until that one ends, or stop it; Ctrl-C leaves it resumable.",
        )
    remove_partials(folder)


def is_held(folder: Path, name: str = LOG) -> bool:
    """Return whether another process is at work in the folder.

    Args:
        folder: that of a run.
        name: the file that the process holds.
    """
    try:
        with (folder / name).open("rb") as log:
            return is_locked(log)
    except OSError:  # no folder yet
        return False


class FolderGone(UserError):
    """The folder of a run or a sweep that is not there any more."""


def is_gone(folder: Path) -> bool:
    """Return whether a folder that this process has taken was deleted, or moved away."""
    return folder.absolute() in _held and not (folder / CONFIG).is_file()


def check_there(folder: Path) -> None:
    """Raise `FolderGone` rather than have a folder made anew that was deleted during its run."""
    if is_gone(folder):
        raise FolderGone(
            f"the run folder {folder} was deleted, or moved away, while the run was at work",
            "If it was moved, resume it there: python -m train resume=FOLDER. Otherwise "
            "start the run again.",
        )


def give_up(folder: Path) -> None:
    """Let other processes take the folder."""
    held = _held.pop(folder.absolute(), None)
    if held is not None:
        held.close()


def release(folder: Path) -> None:
    """Give a claimed folder back after a refusal; what was there before stays."""
    whole = folder.absolute()
    if whole in _held:
        for name in (CONFIG, LOG):
            (folder / name).unlink(missing_ok=True)
        give_up(folder)
    for made in _made.pop(whole, [folder]):
        try:
            made.rmdir()
        except OSError:
            return


def leave(folder: Path) -> None:
    """Let other processes take the folder; one in which no run began is given back."""
    if not (folder / RESULT).exists():
        release(folder)
    give_up(folder)


def note_missing(folder: Path) -> None:
    """Remember which folders making this one will make, so that `release` removes no other."""
    whole = folder.absolute()
    # Unlike Path.exists, this answers for a name that is too long as well.
    _made[whole] = [each for each in (whole, *whole.parents) if not os.path.exists(each)]  # noqa: PTH110


def _unused(folder: Path) -> bool:
    """Return whether nothing is in the folder, but for an empty log or half a configuration."""
    if not folder.exists():
        return True
    return all(
        (file.name == LOG and file.stat().st_size == 0) or file.name.startswith(f".{CONFIG}.")
        for file in folder.iterdir()
    )


def _lock(folder: Path, patience: float = 0.0) -> bool:
    whole = folder.absolute()
    if whole in _held:
        return True
    log = (folder / LOG).open("a", encoding="utf-8")
    # Not the same: another process has just given the folder back.
    if not lock(log, patience) or not is_same(log, folder / LOG):
        log.close()
        return False
    _held[whole] = log
    return True


def is_same(opened: Any, file: Path) -> bool:
    """Return whether an open file is still the one that its path leads to."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(opened.fileno()), file.stat())
    return False
