"""Folders of the user's own that seqlab keeps files in."""

import os
import tempfile
from pathlib import Path

from seqlab.system.errors import UserError


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
