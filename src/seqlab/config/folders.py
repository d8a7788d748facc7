"""Where configuration files and pages lie, and what marks the folders of runs and sweeps."""

import os
import re
from pathlib import Path

from seqlab.system.errors import UserError

ROOT = "train"
"""Name of the root configuration."""
CONFIG = "config.yaml"
"""Name of the file in a run folder."""
LEDGER = "ledger.jsonl"
"""Name of the file in a sweep's folder, of which the folders of its jobs are parts."""

CHOOSING = ("recipe", "experiment", "sweep")
"""Groups whose options choose those of other groups, and set their keys."""


def is_folder(path: str | Path) -> bool:
    """Return whether there is such a folder; a name that is too long is none."""
    return os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` raises for such a name


def conf_dir() -> Path:
    """Return the folder of configuration files: inside the installed package, or the checkout's."""
    return _shipped("conf")


def docs_dir() -> Path:
    """Return the folder of the documentation's pages, likewise."""
    return _shipped("docs")


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parents[1]
    packaged = package / name
    return packaged if packaged.is_dir() else package.parents[1] / name


def refuse_url(text: str | Path, what: str) -> None:
    """Raise `UserError` where a file or folder is given as a URL: nothing is fetched.

    Args:
        text: as it was typed.
        what: what was typed before it, for the message.
    """
    # A Path has made `s3://a` into `s3:/a`.
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(text)):
        raise UserError(
            f"{what}{text} is a URL, and nothing is loaded from one",
            "Download it, look at it, and name the file or folder on this machine.",
        )
