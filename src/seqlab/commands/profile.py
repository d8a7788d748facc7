"""`python -m seqlab profile RUN_FOLDER`: where the time of a run went, once more."""

from pathlib import Path

from seqlab.profiling.table import as_text, read_csv
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import UserError
from seqlab.system.terminal import as_word, say


def profile(run: str) -> int:
    """Print the table of every part of a run that was profiled.

    Raises:
        UserError: there is none, or it is damaged.
    """
    folder = RunFolder(Path(run))
    files = folder.profiles()
    if not files:
        raise UserError(
            f"{run} has no profile",
            "trainer.profiler=phases makes one: python -m train trainer.profiler=phases, or "
            f"python -m train resume={as_word(run)} trainer.profiler=phases for what is left "
            "of an unfinished run.",
        )
    tables = [as_text(*read_csv(file)) for file in files]
    for file, table in zip(files, tables, strict=True):
        say(f"{file.name}, {table}" if len(files) > 1 else table)
    return 0
