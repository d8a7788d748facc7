"""Every run and every sweep below a folder, the newest first."""

import shlex
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from seqlab.runs.folder.found import STATUSES, FoundRun, entries_of, found_run
from seqlab.runs.folder.lock import is_held
from seqlab.sweeps.ledger import LEDGER, Ledger, Row, read_ledger
from seqlab.sweeps.ranking import PREFERRED, best_row, chosen_metric
from seqlab.sweeps.task import JOBS
from seqlab.system.errors import UserError

Decisive = tuple[str, float]
"""Name and value of the metric that says how good a run is."""

_OF_A_SWEEP = (JOBS, "conf", "figures")
# The first of these that a job has is what its sweep is called; all are completed otherwise.
_GRAVEST = ("running", "killed", "interrupted", "failed")


@dataclass(frozen=True)
class FoundSweep:
    """A sweep, its jobs together.

    Attributes:
        path: its folder.
        changed: when something last happened to a job, in seconds since 1970.
        ledger: what it knows; jobs that were killed have `killed` for a status.
    """

    path: Path
    changed: float
    ledger: Ledger

    @property
    def rows(self) -> list[Row]:
        """The jobs of the YAML files' latest state."""
        return self.ledger.current if self.ledger.starts else self.ledger.in_order

    @property
    def counts(self) -> dict[str, int]:
        """How many jobs have which status; only those that there are."""
        counts = Counter(row.status for row in self.rows)
        order = ("completed", *(each for each in STATUSES if each != "completed"))
        return {status: counts[status] for status in order if counts[status]}

    @property
    def status(self) -> str:
        """The gravest of the jobs' statuses."""
        if self.ledger.damaged and not self.rows:
            return "damaged"
        return next((each for each in _GRAVEST if each in self.counts), "completed")

    @property
    def decisive(self) -> Decisive | None:
        """Metric and value of the best job."""
        completed = [row for row in self.rows if row.status == "completed"]
        started = self.ledger.starts[-1] if self.ledger.starts else None
        metric = chosen_metric(completed, started.metric if started else None)
        metric = metric or chosen_metric(completed)
        direction = started.direction if started else "minimize"
        best = best_row(completed, metric, direction) if metric else None
        return None if best is None or metric is None else (metric, best.metrics[metric])

    @property
    def command(self) -> str | None:
        """What starts it again, and so goes on with it."""
        starts = self.ledger.starts
        return shlex.join(["python", "-m", "train", *starts[-1].words]) if starts else None


@dataclass
class Catalog:
    """What lies below a folder.

    Attributes:
        runs: the newest first; jobs of sweeps only where they were asked for.
        sweeps: likewise.
    """

    runs: list[FoundRun] = field(default_factory=list)
    sweeps: list[FoundSweep] = field(default_factory=list)


def find_all(folder: Path, *, jobs: bool = False) -> Catalog:
    """Return the runs and sweeps in a folder and below it; links are not followed.

    Args:
        folder: where to look; it may be a run or a sweep itself.
        jobs: whether the jobs of sweeps are runs among the others.
    """
    catalog, rest = Catalog(), [folder]
    while rest:
        path = rest.pop()
        entries = entries_of(path)
        run = found_run(path, entries)
        if run is not None:
            catalog.runs.append(run)
            continue
        inner = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        names = {entry.name for entry in inner if not entry.name.startswith(".")}
        if any(entry.name == LEDGER and entry.is_file(follow_symlinks=False) for entry in entries):
            with suppress(UserError):
                sweep = _found_sweep(path)
                catalog.sweeps.append(sweep)
                names -= {*_OF_A_SWEEP}
                if not jobs:
                    names -= {row.folder for row in sweep.ledger.rows.values()}
        rest += [path / name for name in names]
    for found in (catalog.runs, catalog.sweeps):
        found.sort(key=lambda each: (-each.changed, str(each.path)))
    return catalog


def decisive(run: FoundRun) -> Decisive | None:
    """Return the metric that says how good a run is: its monitor's, as a perplexity if it has one.

    Of a run without a monitor it is the first of `PREFERRED` that it has.
    """
    metrics = run.result.get("metrics", {})
    names = [run.monitor.replace("/loss", "/perplexity"), run.monitor] if run.monitor else []
    name = next((name for name in (*names, *PREFERRED) if name in metrics), None)
    return None if name is None else (name, metrics[name])


def _found_sweep(path: Path) -> FoundSweep:
    ledger = read_ledger(path)
    if not is_held(path, LEDGER):
        for row in ledger.in_order:
            # On a cluster, jobs outlive the process that has submitted them.
            running = row.status == "running" and not row.handle
            if running and not is_held(path / Path(row.folder).name):
                ledger.rows[row.number] = replace(row, status="killed")
    return FoundSweep(path, (path / LEDGER).stat().st_mtime, ledger)
