"""How a sweep is getting on, on a terminal: all jobs, those at work, the best so far, the time."""

import sys
import time
from pathlib import Path
from typing import Any

from seqlab.runs.folder.run_folder import RunFolder, whole_lines
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.ranking import best_row, chosen_metric
from seqlab.sweeps.scheduler import Job
from seqlab.system.bars import Bar
from seqlab.system.columns import cut
from seqlab.system.terminal import length, styled, width

_LOOK_EVERY_S = 1.0
_MOST_BARS = 16
_LABEL = 36
_ALL = (
    "{name}: {n_fmt}/{total_fmt} jobs |{bar:20}| {elapsed}<{remaining}{best}{failed}",
    "{name}: {n_fmt}/{total_fmt} jobs |{bar:20}| {remaining} left{best_in_short}{failed}",
    "{name}: {n_fmt}/{total_fmt} jobs, {remaining} left{best_in_short}{failed}",
    "{name}: {n_fmt}/{total_fmt}{best_in_short}{failed}",
    "{n_fmt}/{total_fmt} jobs{failed}",
)
_ONE = (
    "  {number} {label} |{bar:20}| epoch {n_fmt}/{total_fmt}",
    "  {number} {label} |{bar:8}| epoch {n_fmt}/{total_fmt}",
    "  {number} {label} epoch {n_fmt}/{total_fmt}",
    "  {number} {label} {n_fmt}/{total_fmt}",
)


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
        self._bars: dict[int, tuple[Bar, int, Job]] = {}  # by number: bar, its place, the job
        self._longest = 0
        self._texts = {"name": cut(name, _LABEL), "best": "", "best_in_short": "", "failed": ""}
        self._all = Bar(
            _ALL, self._stream, self._texts, total=total, disable=self._quiet, position=0
        )

    def started(self, job: Job) -> None:
        """Draw a bar for a job."""
        if self._quiet:
            return
        free = set(range(1, _MOST_BARS + 1)) - {place for _, place, _ in self._bars.values()}
        if not free:
            return
        place, number = min(free), job.row.number
        most = min(_LABEL, max(width(self._stream) // 2 - 8, 8))
        label = cut(job.assignment.label, most)
        self._longest = max(self._longest, length(label))
        label += " " * (self._longest - length(label))
        bar = Bar(
            _ONE,
            self._stream,
            {"number": f"{number:04d}", "label": label},
            total=job.epochs,
            initial=min(job.row.epochs, job.epochs),
            position=place,
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
        self._tell()
        if not self._all.update(1) and job is not None:
            self._all.refresh()

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

    def _tell(self) -> None:
        metric = chosen_metric(self._completed, self._metric)
        best = metric and best_row(self._completed, metric, self._direction)
        if metric and best:
            value = styled(f"{best.metrics[metric]:.4g}", "good")
            self._texts["best"] = f", best {metric} {value} ({best.number:04d})"
            self._texts["best_in_short"] = f", best {value}"
        if self._failed:
            self._texts["failed"] = ", " + styled(f"{self._failed} failed", "bad")


def _epochs(folder: Path) -> int:
    lines = whole_lines(RunFolder(folder).metrics)
    if len(lines) < 2:
        return 0
    column = lines[0].strip().split(",").index("epoch") if "epoch" in lines[0] else 0
    value = lines[-1].split(",")[column]
    return int(value) if value.isdigit() else 0
