"""What a sweep prints at its end, and `python -m seqlab report`: as wide as the terminal."""

from collections.abc import Sequence

from seqlab.config.compose.naming import short_names
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.findings import Findings
from seqlab.sweeps.report.settings import Setting
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
from seqlab.system.columns import Column, cut, table, width_of
from seqlab.system.terminal import styled, width, wrapped

MOST_SETTINGS = 20
MOST_JOBS = 5
_LONGEST_VALUE = 24
_LONGEST_ERROR = 400
_ROOM_FOR_NAMES = 24
_STYLES = {"completed": "good", "interrupted": "caution", "killed": "caution"}
_STYLES |= {"failed": "bad", "damaged": "bad"}


def summary_text(findings: Findings, files: Sequence[str]) -> str:
    """Return the sweep in some lines: a table of settings, the best one, what went wrong.

    A command is never broken into lines, whatever its length.

    Args:
        findings: the sweep, added up.
        files: what was written, as paths to show.
    """
    parts = wrapped(f"{styled(findings.name, 'heading')}: {counts_text(findings)}", width())
    for note in findings.notes:
        parts += wrapped(note, width())
    parts += results_lines(findings)
    parts += _incomplete(findings.incomplete, findings)
    if files:
        parts += ["", *(f"  {file}" for file in files)]
    return "\n".join(parts)


def results_lines(findings: Findings) -> list[str]:
    """Return the table of settings, the best one, its command, and advice; nothing before that."""
    lines: list[str] = []
    if findings.settings and findings.metric:
        lines += ["", *_table(findings, width())]
    if findings.best:
        text = f"{styled('best:', 'heading')} {best_text(findings)}"
        lines += ["", *wrapped(text, width()), f"  {findings.command}"]
    if findings.advice:
        lines += ["", *(line for each in findings.advice for line in wrapped(each, width()))]
    return lines


def in_colour(text: str, status: str) -> str:
    """Return a text on jobs of a status in its colour."""
    return styled(text, _STYLES[status]) if status in _STYLES else text


def _table(findings: Findings, room: int) -> list[str]:
    """Return the best settings; where not all has room, without deviation, then interval."""
    settings = findings.settings[:MOST_SETTINGS]
    found = [each.spread(str(findings.metric)) for each in settings]
    means = [number_text(each.mean) for each in found]
    if findings.best:
        means[0] = styled(means[0], "good")
    results = [
        Column("seeds", [seeds_text(each) for each in found], is_number=True),
        Column("mean", means, is_number=True),
        Column("std", [number_text(each.std) for each in found], is_number=True),
        Column("95 % interval", [interval_text(each) for each in found], is_number=True),
    ]
    if any(each.others for each in settings):
        results.append(Column("not completed", [others_text(each) for each in settings]))
    missing: tuple[str, ...]
    for missing in (), ("std",), ("std", "95 % interval"):
        left = [column for column in results if column.head not in missing]
        if (names := _names(findings, settings, room - width_of(left))) is not None:
            break
    else:
        names = _names(findings, settings, _ROOM_FOR_NAMES)
    lines = table([*(names or []), *left], room)
    hidden = len(findings.settings) - MOST_SETTINGS
    if hidden > 0:
        lines.append(f"  and {hidden:,} more settings: results.md has all")
    if missing:
        lines += wrapped(f"  no room for {' and '.join(missing)}", room)
    return lines


def _names(findings: Findings, settings: Sequence[Setting], room: int) -> list[Column] | None:
    """Return a column for each swept parameter, or one for all where they are too many.

    `None` where even that one would be too short.
    """
    short = short_names(findings.swept)
    for most in (room, _LONGEST_VALUE):
        columns = [
            Column(short[name], [cut(value_text(each, name), most) for each in settings])
            for name in findings.swept
        ]
        if width_of(columns) <= room:
            return columns
    if room < _ROOM_FOR_NAMES:
        return None
    labels = [each.label(findings.swept, short) for each in settings]
    return [Column("setting", [cut(label, room - 2) for label in labels])]


def _incomplete(rows: Sequence[Row], findings: Findings) -> list[str]:
    if not rows:
        return []
    lines: list[str] = []
    for row in rows[:MOST_JOBS]:
        head = f"  {in_colour(row.status, row.status)}: job {row.number}"
        text = f"{head} ({job_label(findings, row)})"
        text += f": {error_text(row)}" if row.error else ""
        lines += wrapped(text[:_LONGEST_ERROR], width(), "    ")
    more = len(rows) - MOST_JOBS
    return ["", *lines, *([f"  and {more:,} more: results.csv has all"] * (more > 0))]
