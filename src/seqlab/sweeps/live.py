"""How a sweep is getting on, on a terminal: all jobs, those at work, the best so far, the time."""

import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from seqlab.runs.folder.run_folder import RunFolder, whole_lines
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.ranking import best_row, chosen_metric
from seqlab.sweeps.scheduler import Job
from seqlab.system.terminal import harmless

_LOOK_EVERY_S = 1.0
_MOST_BARS = 16
_LABEL = 36


class LiveView:
    """Draws one bar for the sweep, and one for every job at work; nothing off a terminal.

    Args:
        name: what the sweep is called.
        total: number of its jobs.
        sweep: its folder.
        metric: the metric that decides; `None`: whichever suits.
        direction: `minimize` or `maximize`.
        stream: where it draws.
    """

    def __init__(
        self,
        name: str,
        total: int,
        sweep: Path,
        metric: str | None = None,
        direction: str = "minimize",
        stream: Any = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self._quiet = not self._stream.isatty()
        self._sweep = sweep
        self._metric = metric
        self._direction = direction
        self._completed: list[Row] = []
        self._failed = 0
        self._looked_at = 0.0
        self._bars: dict[int, tuple[Any, int, Job]] = {}  # by number: bar, its place, the job
        self._all: Any = tqdm(
            total=total,
            desc=harmless(name),
            unit="job",
            file=self._stream,
            disable=self._quiet,
            dynamic_ncols=True,
            position=0,
            leave=False,
            bar_format="{desc}: {n_fmt}/{total_fmt} jobs |{bar:20}| {elapsed}<{remaining}{postfix}",
        )

    def started(self, job: Job) -> None:
        """Draw a bar for a job."""
        if self._quiet:
            return
        free = set(range(1, _MOST_BARS + 1)) - {place for _, place, _ in self._bars.values()}
        if not free:
            return
        place, number = min(free), job.row.number
        bar = tqdm(
            total=job.epochs,
            initial=min(job.row.epochs, job.epochs),
            desc=f"  {number:04d} {_shortened(job.assignment.label)}",
            file=self._stream,
            dynamic_ncols=True,
            position=place,
            leave=False,
            bar_format="{desc} |{bar:20}| epoch {n_fmt}/{total_fmt}{postfix}",
        )
        self._bars[number] = bar, place, job

    def ended(self, row: Row, job: Job | None) -> None:
        """Take the job's bar away, and move the sweep's."""
        if self._quiet:
            return
        if row.number in self._bars:
            self._bars.pop(row.number)[0].close()
        if row.status == "completed":
            self._completed.append(row)
        self._failed += not row.is_finished
        if job is None:
            self._all.initial += 1  # it took no time, so the time that is left does not count it
        self._all.set_postfix_str(self._standing(), refresh=False)
        self._all.update(1)

    def refresh(self) -> None:
        """Look at what the jobs have done since."""
        now = time.monotonic()
        if self._quiet or now - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = now
        for bar, _, job in self._bars.values():
            bar.n = min(_epochs(self._sweep / job.row.folder), bar.total)
            bar.refresh()
        self._all.refresh()

    def close(self) -> None:
        """Take every bar away."""
        for bar, _, _ in self._bars.values():
            bar.close()
        self._all.close()

    def _standing(self) -> str:
        words = []
        metric = chosen_metric(self._completed, self._metric)
        best = metric and best_row(self._completed, metric, self._direction)
        if metric and best:
            words.append(f"best {metric} {best.metrics[metric]:.4g} ({best.number:04d})")
        if self._failed:
            words.append(f"{self._failed} failed")
        return ", ".join(words)


def _epochs(folder: Path) -> int:
    lines = whole_lines(RunFolder(folder).metrics)
    if len(lines) < 2:
        return 0
    column = lines[0].strip().split(",").index("epoch") if "epoch" in lines[0] else 0
    value = lines[-1].split(",")[column]
    return int(value) if value.isdigit() else 0


def _shortened(label: str) -> str:
    return label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
