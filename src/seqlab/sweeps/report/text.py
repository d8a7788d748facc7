"""What a sweep prints at its end, and `python -m seqlab report`: at most 100 columns wide."""

from collections.abc import Sequence

from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.findings import Findings
from seqlab.sweeps.report.settings import ABSENT, Setting, short_names, shown
from seqlab.sweeps.report.spread import Spread
from seqlab.sweeps.report.tables import (
    best_text,
    counts_text,
    error_text,
    interval_text,
    job_label,
    number_text,
    others_text,
    seeds_text,
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
    parts = [_cut(f"{findings.name}: {counts_text(findings)}", 2 * WIDTH)]
    parts += [_cut(note, 2 * WIDTH) for note in findings.notes]
    if findings.settings and findings.metric:
        parts += ["", *_table(findings)]
    if findings.best:
        parts += ["", *_wrapped(f"best: {best_text(findings)}"), f"  {findings.command}"]
    parts += _incomplete(findings.incomplete, findings)
    if files:
        parts += ["", *(f"  {file}" for file in files)]
    return "\n".join(parts)


def _table(findings: Findings) -> list[str]:
    shown_settings = findings.settings[:MOST_SETTINGS]
    short = short_names(findings.swept)
    numbers = ["seeds", "mean", "std", "95 % interval", "not completed"]
    rows = [_numbers(setting, findings) for setting in shown_settings]
    if not any(row[-1] for row in rows):
        numbers, rows = numbers[:-1], [row[:-1] for row in rows]
    named = [
        [_cut(shown(setting.parameters[name]), 24) if name in setting.parameters else ABSENT
         for name in findings.swept] for setting in shown_settings
    ]  # fmt: skip
    head = [short[name] for name in findings.swept]
    width = sum(max(map(len, cells)) + 2 for cells in zip(*[head + numbers, *(
        first + second for first, second in zip(named, rows, strict=True)
    )], strict=True))  # fmt: skip
    if width > WIDTH:  # too many parameters for a column each
        left = WIDTH - sum(
            max(map(len, cells)) + 2 for cells in zip(numbers, *rows, strict=True)
        ) - 2  # fmt: skip
        head = ["setting"]
        named = [[_cut(each.label(findings.swept, short), left)] for each in shown_settings]
    lines = _aligned(
        [head + numbers, *(a + b for a, b in zip(named, rows, strict=True))], len(head)
    )
    hidden = len(findings.settings) - MOST_SETTINGS
    return [*lines, *([f"  and {hidden:,} more settings: results.md has all"] * (hidden > 0))]


def _numbers(setting: Setting, findings: Findings) -> list[str]:
    found = setting.spread(findings.metric) if findings.metric else Spread(())
    return [
        *(seeds_text(found), number_text(found.mean), number_text(found.std)),
        *(interval_text(found), others_text(setting)),
    ]


def _aligned(rows: Sequence[Sequence[str]], num_left: int) -> list[str]:
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    last = len(widths) - 1
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if place < num_left or place == last else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _incomplete(rows: Sequence[Row], findings: Findings) -> list[str]:
    if not rows:
        return []
    lines = [
        _cut(
            f"  {row.status}: job {row.number} ({job_label(findings, row)})"
            + (f": {error_text(row)}" if row.error else ""),
            2 * WIDTH,
        )
        for row in rows[:MOST_JOBS]
    ]
    more = len(rows) - MOST_JOBS
    return ["", *lines, *([f"  and {more:,} more: results.csv has all"] * (more > 0))]


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 1, 1)]}…"
