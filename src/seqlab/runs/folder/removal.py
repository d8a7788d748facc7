"""Removing a run folder: only one that holds what runs make, with nobody at work in it."""

import shutil
from pathlib import Path

from seqlab.config.folders import CONFIG
from seqlab.config.validate.untrusted import check_folder
from seqlab.runs.folder.found import entries_of, found_run
from seqlab.runs.folder.lock import give_up, hold
from seqlab.runs.folder.run_folder import LOG, RESULT, RunFolder
from seqlab.system.errors import UserError

# Where a removal is killed, what is left still is a run, and can be removed.
_LAST = (RESULT, LOG, CONFIG)


def check_removable(path: Path) -> None:
    """Raise `UserError` where a folder is no run, or holds what no run has made."""
    entries, folder = entries_of(path), RunFolder(path)
    if path.is_symlink() or found_run(path, entries) is None:
        raise UserError(f"{path} is no run folder", "")
    check_folder(path)
    if Path.cwd().is_relative_to(path.resolve()):
        raise UserError(f"{path} is the working folder, or holds it", "Change into another.")
    own = {each.name for each in (folder.best.parent, folder.figures, folder.tensorboard)}
    for entry in sorted(entries, key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) and entry.name not in own:
            raise UserError(f"{path} holds a folder {entry.name}, which no run makes", "")


def remove_run(path: Path) -> None:
    """Remove a run folder with all that is in it.

    Raises:
        UserError: it is no run, holds what no run makes, or a process is at work in it.
        OSError: it cannot be removed, or not all of it.
    """
    check_removable(path)
    hold(path)
    try:
        entries = entries_of(path)
        order = {name: place for place, name in enumerate(_LAST, start=1)}
        for entry in sorted(entries, key=lambda entry: order.get(entry.name, 0)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()
        path.rmdir()
    finally:
        give_up(path)
