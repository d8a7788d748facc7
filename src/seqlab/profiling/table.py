"""The table of a run's phases: for a terminal, for a page, and as a file to read again."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from seqlab.profiling.clock import Row
from seqlab.system.columns import Column, table
from seqlab.system.errors import UserError
from seqlab.system.files import csv_line
from seqlab.system.terminal import styled, width, wrapped

_COLUMNS = ["phase", "calls", "seconds", "share", "seconds_per_call", "advice"]
_HEAD = ("phase", "calls", "seconds", "share", "per call")
_SPARE = {"calls": 1, "per call": 2}
_LONGEST = 1 << 18


def as_text(rows: Sequence[Row], advice: Mapping[str, str]) -> str:
    """Return the table, as wide as the terminal, and below it what to do about phases."""
    cells = zip(_HEAD, *map(_cells, rows), _whole(rows), strict=True)
    columns = [
        Column(head, texts, is_number=head != "phase", spare=_SPARE.get(head, 0))
        for head, *texts in cells
    ]
    remarks = [wrapped(each, width(), "    ") for each in _remarks(rows, advice, "  ")]
    head = styled("where the time went:", "heading")
    return "\n".join([head, *table(columns, width()), *chain.from_iterable(remarks)])


def as_page(rows: Sequence[Row], advice: Mapping[str, str], title: str) -> str:
    """Return the same in Markdown."""
    cells = [_HEAD, ("---", *["---:"] * (len(_HEAD) - 1)), *map(_cells, rows), _whole(rows)]
    table = ["| " + " | ".join(line) + " |" for line in cells]
    remarks = _remarks(rows, advice, "- ")
    return "\n".join([f"# {title}", "", *table, *([""] if remarks else []), *remarks, ""])


def as_csv(rows: Sequence[Row], advice: Mapping[str, str]) -> str:
    """Return the same as CSV, the longest phase first."""
    lines = [csv_line(_COLUMNS)]
    for row in rows:
        per_call = f"{row.seconds / row.calls:.9f}"
        numbers = [row.calls, f"{row.seconds:.6f}", f"{row.share:.6f}", per_call]
        lines.append(csv_line([row.phase, *numbers, advice.get(row.phase, "")]))
    return "".join(lines)


def read_csv(file: Path) -> tuple[list[Row], dict[str, str]]:
    """Return rows and advice of a file that `as_csv` made.

    Raises:
        UserError: it is damaged.
    """
    rows: list[Row] = []
    advice: dict[str, str] = {}
    try:
        with file.open("rb") as opened:
            text = opened.read(_LONGEST).decode("utf-8")
        table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        for cells in table:
            if not (cells["phase"] + cells["advice"]).isprintable():
                raise ValueError("a phase is no text")
            numbers = float(cells["seconds"]), float(cells["share"])
            if not all(math.isfinite(number) for number in numbers):
                raise ValueError("a number is not finite")
            rows.append(Row(cells["phase"], max(int(cells["calls"]), 1), *numbers))
            if cells["advice"]:
                advice[cells["phase"]] = cells["advice"]
        if not rows:
            raise ValueError("it has no rows")
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise UserError(
            f"{file} is damaged: {' '.join(str(error).split())[:200]}",
            "A new run with trainer.profiler=phases makes one.",
        ) from error
    return rows, advice


def _cells(row: Row) -> tuple[str, ...]:
    each = _duration(row.seconds / row.calls)
    return row.phase, f"{row.calls:,}", f"{row.seconds:.3f}", f"{row.share:.1%}", each


def _whole(rows: Sequence[Row]) -> tuple[str, ...]:
    seconds, share = sum(row.seconds for row in rows), sum(row.share for row in rows)
    return "the whole run", "", f"{seconds:.3f}", f"{share:.1%}", ""


def _remarks(rows: Sequence[Row], advice: Mapping[str, str], mark: str) -> list[str]:
    said = [row for row in rows if row.phase in advice]
    return [f"{mark}{row.phase}, {row.share:.0%}: {advice[row.phase]}" for row in said]


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 else f"{seconds:.0f} s"
    return f"{seconds * 1e6:.3g} µs"
