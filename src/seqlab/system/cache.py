"""Folders of the user's own that seqlab keeps files in, and whether they are the user's alone."""

import os
import stat
import tempfile
from pathlib import Path

from seqlab.system.errors import UserError

try:
    import grp
    import pwd
except ImportError:  # a system without owners of this kind
    grp = pwd = None  # type: ignore[assignment]


def user_cache() -> Path:
    """Return where what can be made again is kept: `seqlab` in the user's cache folder.

    A user without a home, as in a container, has it in the temporary folder.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "seqlab"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"seqlab-{os.getuid()}"


def data_folder() -> Path:
    """Return where downloads are kept: `$SEQLAB_DATA`, or `seqlab` in the user's cache folder.

    Raises:
        UserError: `$SEQLAB_DATA` names something that is no folder.
    """
    chosen = os.environ.get("SEQLAB_DATA")
    if chosen:
        folder = Path(chosen).expanduser()
        if folder.exists() and not folder.is_dir():
            raise UserError(
                f"SEQLAB_DATA={chosen} is not a folder",
                "It names the folder that corpora are kept in; one file is named with "
                f"data.path={chosen}.",
            )
        return folder
    return user_cache()


def own_folder(folder: Path) -> Path:
    """Return a folder, made where it is missing, in which others cannot write."""
    for each in (folder.parent, folder):
        each.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


def not_own(file: Path, num_folders: int = 2) -> str:
    """Return why what is read from a file may be someone else's work; empty where it cannot be.

    What belongs to the system's administrator is trusted as what is one's own.

    Args:
        file: what is to be loaded, or read as it is; it may be missing.
        num_folders: how many of the folders above it are looked at, too.
    """
    if pwd is None:
        return ""
    for each in (file, *file.parents[:num_folders]):
        if not each.exists():
            continue
        found = each.stat()
        if found.st_uid not in (0, os.geteuid()):
            return f"{each} belongs to another user"
        shared = found.st_mode & stat.S_IWOTH or (
            found.st_mode & stat.S_IWGRP and not _is_alone_in(found.st_gid)
        )
        if shared and not found.st_mode & stat.S_ISVTX:
            return f"others may write to {each} (chmod go-w {each})"
    return ""


def _is_alone_in(group: int) -> bool:
    """Return whether a group is the user's own, as many systems make one for each user."""
    try:
        user = pwd.getpwuid(os.geteuid())
        found = grp.getgrgid(group)
    except KeyError:  # a container's user without an entry
        return False
    return found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}
