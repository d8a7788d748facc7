"""A project's own classes: `seqlab_project.py` in the working folder says which may be used."""

import runpy
import sys
from pathlib import Path

from seqlab.config.folders import CONFIG
from seqlab.system.errors import UserError, one_line, traceback_hint

PROJECT = "seqlab_project.py"


def enter_project(run: str | Path | None = None) -> None:
    """Make the working folder's modules importable, and run its `seqlab_project.py`.

    Neither happens inside a run folder, which may come from anyone.

    Args:
        run: the run folder that the command is given.

    Raises:
        UserError: the file breaks, or the working folder was deleted.
    """
    try:
        here = Path.cwd()
    except OSError as error:
        raise UserError(
            f"the working folder is not there any more: {error.strerror}",
            "It was deleted, or moved away. Change into another one: cd FOLDER.",
        ) from error
    if _inside_run(here, run):
        # `python -m` has put the working folder first.
        if sys.path and sys.path[0] in ("", str(here)):
            del sys.path[0]
        return
    if not {"", str(here)} & set(sys.path):
        sys.path.append(str(here))  # at the end: no file there may take a library's place
    file = here / PROJECT
    if not file.is_file():
        return
    try:
        runpy.run_path(str(file), run_name=PROJECT.removesuffix(".py"))
    except UserError as error:
        raise UserError(f"{PROJECT}: {error}", error.hint) from error
    except Exception as error:
        raise UserError(
            f"{PROJECT} breaks: {type(error).__name__}: {one_line(error)}",
            traceback_hint(error),
        ) from error


def _inside_run(here: Path, run: str | Path | None) -> bool:
    whole = here.resolve()
    if run is not None and whole.is_relative_to(Path(run).resolve()):
        return True
    return any((folder / CONFIG).is_file() for folder in (whole, *whole.parents))
