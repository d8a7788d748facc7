"""Runs and sweeps as a table for a terminal, and the choice of some of them by status and age."""

import argparse
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seqlab.config.compose.naming import OUTPUTS
from seqlab.config.folders import is_folder, refuse_url
from seqlab.runs.folder.found import STATUSES, FoundRun, short_path, size_of
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.catalog import Decisive, FoundSweep, decisive
from seqlab.sweeps.report.results_text import in_colour
from seqlab.sweeps.report.settings import counted
from seqlab.sweeps.report.tables import number_text
from seqlab.system.amounts import age_text, seconds_of, size_text
from seqlab.system.errors import UserError
from seqlab.system.terminal import as_word

_HEAD = ("status", "age", "metric", "size", "run")
_WITHOUT_A_TERMINAL = 1000
_USES = {"tokens/s": "generate", "windows/s": "forecast"}


@dataclass(frozen=True)
class Listed:
    """A run or a sweep, as it is listed.

    Attributes:
        found: what was found.
    """

    found: FoundRun | FoundSweep

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.found.path

    @property
    def word(self) -> str:
        """Its folder as one word of a command."""
        return path_word(self.path)

    @cached_property
    def num_bytes(self) -> int:
        """The size of its files."""
        return size_of(self.path)

    @property
    def age_s(self) -> float:
        """Seconds since something happened to it."""
        return time.time() - self.found.changed

    @property
    def decisive(self) -> Decisive | None:
        """The metric that says how good it is; of a sweep the best job's."""
        return decisive(self.found) if isinstance(self.found, FoundRun) else self.found.decisive

    @property
    def jobs(self) -> str:
        """How many jobs a sweep has; of a run nothing."""
        if isinstance(self.found, FoundRun):
            return ""
        counts = [f"{number:,} {status}" for status, number in self.found.counts.items()]
        return f"sweep of {counted(len(self.found.rows), 'job')}: {', '.join(counts) or 'none yet'}"

    @property
    def use(self) -> tuple[str, str] | None:
        """What can be done with it next, in words, and the command for it."""
        found, word = self.found, self.word
        if found.status == "running":
            return None
        if isinstance(found, FoundSweep):
            if found.status == "completed" or found.command is None:
                return "a sweep's report", f"python -m seqlab report {word}"
            retried = " hydra.launcher.retry_failed=true" if found.status == "failed" else ""
            return f"resume a sweep ({found.status})", f"{found.command}{retried}"
        if found.status == "damaged":
            return "remove a damaged run", f"python -m seqlab clean {word} --status damaged"
        has_checkpoint = RunFolder(found.path).last.is_file()
        if found.is_resumable or (found.status == "failed" and has_checkpoint):
            return f"resume ({found.status})", f"python -m train resume={word}"
        if found.status == "completed" and has_checkpoint:
            verb = _USES.get(str(found.result.get("throughput_unit")), "evaluate")
            verb = "evaluate" if found.result.get("sees_future") else verb
            return f"{verb} (completed)", f"python -m seqlab {verb} {word}"
        return f"start anew ({found.status})", f"python -m train again={word}"


def path_word(path: Path) -> str:
    """Return a folder as one word of a command, relative to the working folder where shorter."""
    return as_word(short_path(path)).replace("\n", "\\n")  # no name makes a line of its own


def table(listed: Sequence[Listed]) -> list[str]:
    """Return the lines of a table; each path stands whole, on a line of its own if it has to."""
    rows = [
        (each.found.status, age_text(each.age_s), _metric(each), size_text(each.num_bytes))
        for each in listed
    ]
    widths = [max(map(len, column)) for column in zip(_HEAD[:-1], *rows, strict=True)]
    places: tuple[Callable[[str, int], str], ...] = (str.ljust, str.ljust, str.ljust, str.rjust)

    def line(cells: Sequence[str]) -> str:
        aligned = zip(places, cells, widths, strict=True)
        status, *others = (place(cell, width) for place, cell, width in aligned)
        return "  ".join((in_colour(status, cells[0]), *others))

    paths = [each.word for each in listed]
    ends = [f"{path}  {each.jobs}".rstrip() for path, each in zip(paths, listed, strict=True)]
    width = shutil.get_terminal_size((_WITHOUT_A_TERMINAL, 24)).columns
    room = width - sum(widths) - 2 * len(widths)
    if max(map(len, ends)) <= room:
        return [
            f"{line(row)}  {end}"
            for row, end in zip((_HEAD[:-1], *rows), ("run", *ends), strict=True)
        ]
    lines = [line(_HEAD[:-1]).rstrip()]
    for row, path, each in zip(rows, paths, listed, strict=True):
        lines += [line(row).rstrip(), f"  {path}", *([f"  {each.jobs}"] if each.jobs else [])]
    return lines


def total_text(listed: Sequence[Listed]) -> str:
    """Return how many there are of each status, and how large they are together."""
    runs = Counter(each.found.status for each in listed if isinstance(each.found, FoundRun))
    num_sweeps = len(listed) - runs.total()
    parts = [counted(runs.total(), "run")] if runs or not listed else []
    parts += [counted(num_sweeps, "sweep")] if num_sweeps else []
    counts = ", ".join(f"{runs[status]:,} {status}" for status in STATUSES if runs[status])
    size = size_text(sum(each.num_bytes for each in listed))
    return f"{' and '.join(parts)}{f' ({counts})' if counts else ''}, {size}"


def chosen(options: argparse.Namespace, found: Sequence[FoundRun | FoundSweep]) -> list[Listed]:
    """Return those that the options choose, in the order in which they came.

    Raises:
        UserError: a status that there is not, or no age.
    """
    statuses = None if options.status is None else options.status.split(",")
    for status in statuses or ():
        if status not in STATUSES:
            raise UserError(
                f"--status {status}: there is no such status", f"There are: {', '.join(STATUSES)}."
            )
    age = options.older_than
    oldest = 0.0 if age is None else seconds_of(age, "--older-than")
    listed = [Listed(each) for each in found]
    return [
        each
        for each in listed
        if (statuses is None or each.found.status in statuses)
        and (age is None or each.age_s > oldest)
    ]


def folder_of(name: str | None) -> Path:
    """Return a folder that was named, or the one that runs are written to by default.

    Raises:
        UserError: what was named is none; the default may be missing.
    """
    if name is None:
        return Path(OUTPUTS)
    refuse_url(name, "")
    if not is_folder(name):
        raise UserError(
            f"there is no folder {name}", "Name a run, a sweep, or a folder of runs, as outputs is."
        )
    return Path(name)


def _metric(each: Listed) -> str:
    return "" if each.decisive is None else f"{each.decisive[0]} {number_text(each.decisive[1])}"
