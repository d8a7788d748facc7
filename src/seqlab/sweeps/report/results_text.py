"""What a sweep prints at its end, and `python -m seqlab report`: at most 100 columns wide."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.findings import Findings
from seqlab.sweeps.report.settings import Setting, short_names
from seqlab.sweeps.report.tables import (
    best_text,
    counts_text,
    error_text,
    interval_text,
    job_label,
    number_text,
    others_text,
    seeds_text,
    value_text,
)

WIDTH = 100
MOST_SETTINGS = 20
MOST_JOBS = 5


def summary_text(findings: Findings, files: Sequence[str]) -> str:
    """Return the sweep in some lines: a table of settings, the best one, what went wrong.

    The command is never broken into lines, whatever its length.

    Args:
        findings: the sweep, added up.
        files: what was written, as paths to show.
    """
    parts = _wrapped(f"{findings.name}: {counts_text(findings)}")
    for note in findings.notes:
        parts += _wrapped(note)
    parts += results_lines(findings)
    parts += _incomplete(findings.incomplete, findings)
    if files:
        parts += ["", *(f"  {file}" for file in files)]
    return "\n".join(parts)


def results_lines(findings: Findings) -> list[str]:
    """Return the table of settings, the best one, its command, and advice; nothing before that."""
    lines: list[str] = []
    if findings.settings and findings.metric:
        lines += ["", *_table(findings)]
    if findings.best:
        lines += ["", *_wrapped(f"best: {best_text(findings)}"), f"  {findings.command}"]
    if findings.advice:
        lines += ["", *(line for each in findings.advice for line in _wrapped(each))]
    return lines


@dataclass(frozen=True)
class _Column:
    """A column of the printed table; numbers stand to the right."""

    head: str
    cells: list[str]
    is_number: bool = False

    @property
    def width(self) -> int:
        return max(map(len, (self.head, *self.cells)))

    def lines(self) -> list[str]:
        place = str.rjust if self.is_number else str.ljust
        return [place(text, self.width) for text in (self.head, *self.cells)]


def _table(findings: Findings) -> list[str]:
    settings = findings.settings[:MOST_SETTINGS]
    found = [each.spread(str(findings.metric)) for each in settings]
    results = [
        _Column("seeds", [seeds_text(each) for each in found], True),
        _Column("mean", [number_text(each.mean) for each in found], True),
        _Column("std", [number_text(each.std) for each in found], True),
        _Column("95 % interval", [interval_text(each) for each in found]),
    ]
    if any(each.others for each in settings):
        results.append(_Column("not completed", [others_text(each) for each in settings]))
    left = WIDTH - sum(column.width + 2 for column in results)
    columns = [*_names(findings, settings, left), *results]
    rows = zip(*(column.lines() for column in columns), strict=True)
    lines = [f"  {'  '.join(cells)}".rstrip() for cells in rows]
    hidden = len(findings.settings) - MOST_SETTINGS
    return [*lines, *([f"  and {hidden:,} more settings: results.md has all"] * (hidden > 0))]


def _names(findings: Findings, settings: Sequence[Setting], room: int) -> list[_Column]:
    """Return a column for each swept parameter, or one for all where they are too many."""
    short = short_names(findings.swept)
    for most in (room, 24):
        columns = [
            _Column(short[name], [_cut(value_text(each, name), most) for each in settings])
            for name in findings.swept
        ]
        if sum(column.width + 2 for column in columns) <= room:
            return columns
    labels = [_cut(each.label(findings.swept, short), max(room - 2, 12)) for each in settings]
    return [_Column("setting", labels)]


def _incomplete(rows: Sequence[Row], findings: Findings) -> list[str]:
    if not rows:
        return []
    lines: list[str] = []
    for row in rows[:MOST_JOBS]:
        head = f"{row.status}: job {row.number} ({job_label(findings, row)})"
        text = f"{head}: {error_text(row)}" if row.error else head
        lines += [f"  {line}" for line in _wrapped(_cut(text, 4 * WIDTH), WIDTH - 2)]
    more = len(rows) - MOST_JOBS
    return ["", *lines, *([f"  and {more:,} more: results.csv has all"] * (more > 0))]


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 1, 1)]}…"
