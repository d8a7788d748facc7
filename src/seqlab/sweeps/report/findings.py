"""What a sweep has found: which metric decides, the settings in order, the best one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqlab.sweeps.ledger import STATUSES, Ledger, Row, Started
from seqlab.sweeps.ranking import PREFERRED, chosen_metric
from seqlab.sweeps.report.best_command import rerun_command
from seqlab.sweeps.report.conclusions import apart, comparable_note, edges, why_not_ranked
from seqlab.sweeps.report.settings import (
    ASIDE,
    Setting,
    counted,
    grouped,
    ranked,
    settings_of,
    varying,
)
from seqlab.system.errors import UserError
from seqlab.system.masking import masked

DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True)
class Findings:
    """A sweep, added up.

    Attributes:
        folder: the sweep's folder.
        started: its latest start.
        rows: its jobs, in order of number.
        earlier: jobs of configurations that the YAML files do not describe any more.
        damaged: lines of the ledger that cannot be read.
        metric: what decides which setting is best; `None` while nothing has completed.
        direction: `minimize` or `maximize`.
        metrics: names of all metrics.
        parameters: names of all parameters, the seed among them.
        swept: those that differ from job to job, the seed aside.
        apart: those of them between whose values the metric cannot be compared.
        settings: best first; where some are apart, in groups of those that are not.
        notes: what a reader has to know, a sentence each.
        advice: why settings are not ranked, and what to try next, a sentence each.
    """

    folder: Path
    started: Started | None
    rows: list[Row]
    earlier: list[Row]
    damaged: int
    metric: str | None
    direction: str
    metrics: list[str]
    parameters: list[str]
    swept: list[str]
    apart: list[str]
    settings: list[Setting]
    notes: list[str]
    advice: list[str]

    @property
    def name(self) -> str:
        """What the sweep is called."""
        return (self.started.name if self.started else "") or self.folder.resolve().name

    @property
    def best(self) -> Setting | None:
        """The setting with the best mean; `None` where no setting has one."""
        first = self.settings[0] if self.settings else None
        return first if first is not None and first.rank else None

    @property
    def command(self) -> str | None:
        """The command that runs the best setting again."""
        return self.command_of(self.best) if self.best else None

    def command_of(self, setting: Setting) -> str:
        """Return the command that runs a setting again."""
        return rerun_command(setting.rows, self.started, self.folder.resolve().name)

    @property
    def counts(self) -> dict[str, int]:
        """How many jobs have which status; only those that there are."""
        found = Counter(row.status for row in self.rows)
        order = ("completed", *(status for status in STATUSES if status != "completed"))
        return {status: found[status] for status in order if found[status]}

    @property
    def incomplete(self) -> list[Row]:
        """The jobs that did not complete: failed ones first, then interrupted, running, pruned."""
        order = ("failed", "interrupted", "running", "pruned")
        rows = [row for row in self.rows if row.status in order]
        return sorted(rows, key=lambda row: (order.index(row.status), row.number))

    @property
    def fixed(self) -> dict[str, Any]:
        """The parameters that every job shares, the seed aside."""
        aside = (*ASIDE, *self.swept)
        first = self.rows[0].parameters if self.rows else {}
        return {name: value for name, value in first.items() if name not in aside}


def find(ledger: Ledger, metric: str | None = None, direction: str | None = None) -> Findings:
    """Return what a ledger amounts to.

    Args:
        ledger: as it was read.
        metric: what decides; `None`: what the sweep was started with, or else the first of
            `PREFERRED` that every completed job has.
        direction: `minimize` or `maximize`; `None`: as the sweep was started for its own metric,
            and `minimize` for another.

    Raises:
        UserError: no job has that metric.
    """
    # A ledger whose first lines were lost has rows all the same.
    rows = [_masked(row) for row in (ledger.current if ledger.starts else ledger.in_order)]
    earlier = [_masked(row) for row in ledger.earlier]
    started = ledger.starts[-1] if ledger.starts else None
    metrics = sorted({name for row in rows for name in row.metrics})
    notes: list[str] = []
    chosen = _metric(rows, metrics, metric, started, notes)
    if direction is None:
        own = started is not None and started.metric in (None, chosen)
        direction = started.direction if started is not None and own else "minimize"
    if direction not in DIRECTIONS:
        direction = "minimize"
    settings, swept = settings_of(rows), varying(rows)
    divided = apart(chosen, rows, swept, ledger.folder) if chosen else []
    advice: list[str] = []
    if chosen and divided:
        groups = [ranked(each, chosen, direction) for each in grouped(settings, divided).values()]
        settings = [setting for group in groups for setting in group]
        advice = why_not_ranked(chosen, divided, swept, groups, rows, ledger.folder)
        for setting in settings:
            setting.rank = None
    elif chosen:
        settings = ranked(settings, chosen, direction)
        advice = comparable_note(chosen, swept)
        swept_on_purpose = started is not None and bool(started.words)  # no folder of runs
        if swept_on_purpose and settings and settings[0].rank and not _searched(settings[0]):
            advice += edges(settings[0], settings, swept)
    return Findings(
        folder=ledger.folder,
        started=started,
        rows=rows,
        earlier=earlier,
        damaged=ledger.damaged,
        metric=chosen,
        direction=direction,
        metrics=metrics,
        parameters=list(dict.fromkeys(name for row in rows for name in row.parameters)),
        swept=swept,
        apart=divided,
        settings=settings,
        notes=[*notes, *_notes(rows, settings, earlier, ledger.damaged, chosen)],
        advice=advice,
    )


def separation(findings: Findings) -> str:
    """Return a sentence on how far the best setting can be told from the others."""
    best, metric = findings.best, findings.metric
    others = [each for each in findings.settings if each.rank and each is not best]
    if best is None or metric is None or not others:
        return ""
    mine = best.spread(metric)
    if mine.low is None:
        return (
            "It has one seed and so no interval: whether it is better than the others cannot be "
            "said."
        )
    found = [mine.overlaps(each.spread(metric)) for each in others]
    overlapping, unknown = found.count(True), found.count(None)
    all_others = counted(len(others), "other setting")
    which = f"{overlapping} of {all_others}"
    if overlapping == len(others):
        which = "the other setting" if overlapping == 1 else f"any of {all_others}"
    sentence = (
        f"It does not differ clearly from {which}: the intervals overlap."
        if overlapping
        else f"Its interval overlaps no other: it differs clearly from {all_others}."
    )
    if unknown == len(others):
        sentence = f"{all_others} with one seed each: there is no interval to compare with."
    elif unknown:
        sentence += f" {unknown} of them {'has' if unknown == 1 else 'have'} one seed, no interval."
    return sentence


def _metric(
    rows: Sequence[Row],
    metrics: Sequence[str],
    wanted: str | None,
    started: Started | None,
    notes: list[str],
) -> str | None:
    completed = [row for row in rows if row.status == "completed"]
    if wanted is not None and wanted not in metrics:
        raise UserError(
            f"no job of the sweep has a metric {wanted}",
            f"There are: {', '.join(metrics)}." if metrics else "No job has any metric yet.",
        )
    if wanted is not None:
        return wanted
    own = started.metric if started else None
    if own is not None and (own in metrics or not completed):
        return own
    if own is not None:
        notes.append(f"No job has {own}, which the sweep was started for.")
    if (common := chosen_metric(completed)) is not None:
        return common
    # None that every job has: the first that some have.
    names = [*PREFERRED, *(name for name in metrics if not name.endswith("_per_second"))]
    return next((name for name in names if any(name in row.metrics for row in completed)), None)


def _notes(
    rows: Sequence[Row],
    settings: Sequence[Setting],
    earlier: Sequence[Row],
    damaged: int,
    metric: str | None,
) -> list[str]:
    completed = [row for row in rows if row.status == "completed"]
    notes = []
    if not completed:
        notes.append("No job has completed yet: there is nothing to average.")
    if any(row.status == "running" for row in rows):
        notes.append("Jobs are at work, or were killed: what is here is so far.")
    if metric is not None:
        num_nonfinite = sum(each.spread(metric).num_nonfinite for each in settings)
        if num_nonfinite:
            some = sum(each.spread(metric).num_nonfinite > 0 for each in settings)
            notes.append(
                f"{metric} is not finite in {counted(num_nonfinite, 'job')} of "
                f"{counted(some, 'setting')}: a setting with such a job has no mean and is not "
                "best."
            )
        missing = sum(metric not in row.metrics for row in completed)
        if missing:
            notes.append(f"{counted(missing, 'completed job')} without {metric}: not averaged.")
    again = len(completed) - sum(len(each.completed) for each in settings)
    if again:
        notes.append(
            f"{counted(again, 'completed job')} with the configuration of another: counted once."
        )
    if earlier:
        notes.append(
            f"{counted(len(earlier), 'job')} of earlier configurations: the YAML files have "
            "changed since, so they are not in the tables; earlier.csv has them."
        )
    if damaged:
        notes.append(f"{counted(damaged, 'line')} of the ledger cannot be read.")
    return notes


def _searched(setting: Setting) -> bool:
    return setting.rows[0].trial is not None


def _masked(row: Row) -> Row:
    return replace(
        row,
        overrides=masked(row.overrides),
        parameters=masked(row.parameters),
        error=masked(row.error),
    )
