"""report.html: the sweep as one page that needs no network and runs no script but its own."""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seqlab.config.compose.naming import short_names
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.ranking import best_row
from seqlab.sweeps.report.findings import Findings
from seqlab.sweeps.report.learning_curves import last_samples
from seqlab.sweeps.report.settings import ABSENT, Setting, grouped, shown
from seqlab.sweeps.report.spread import Spread
from seqlab.sweeps.report.sweep_figures import Drawn
from seqlab.sweeps.report.tables import (
    best_text,
    counts_text,
    error_text,
    number_text,
    others_text,
    seeds_text,
)
from seqlab.system.errors import UserError

MOST_SETTINGS = 1000
MOST_JOBS = 1000
MOST_INCOMPLETE = 200
MOST_SAMPLED = 5
_HERE = Path(__file__).parent
_KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, what it sorts by, where it leads."""

    text: str
    key: str = ""
    href: str = ""
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """A table that can be sorted by any column.

    Attributes:
        name: for links and screen readers.
        head: names of the columns.
        rows: as many cells as `head` has names.
        note: what is left out, and where it is.
        sorted_by: the column that it is sorted by from the start, if any.
    """

    name: str
    head: list[str]
    rows: list[list[Cell]]
    note: str = ""
    sorted_by: int | None = None


def page(findings: Findings, drawn: Sequence[Drawn], files: Sequence[str]) -> str:
    """Return the whole page.

    Args:
        findings: the sweep, added up.
        drawn: its figures.
        files: what else was written, relative to the sweep's folder.

    Raises:
        UserError: a figure is neither PNG nor SVG, or cannot be read.
    """
    style, script = ((_HERE / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    tables = [_settings(findings), _incomplete(findings), _jobs(findings), _earlier(findings)]
    return _template().render(
        findings=findings,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        counts=counts_text(findings),
        best=best_text(findings) if findings.best else "",
        fixed={name: shown(value) for name, value in findings.fixed.items()},
        images=[(each.title, _data_uri(each.file)) for each in drawn],
        samples=_samples(findings),
        tables=[table for table in tables if table.rows],
        files=files,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _settings(findings: Findings) -> Table:
    metric = findings.metric
    more = [name for name in findings.metrics if name != metric][:8]
    head = ["rank", *findings.swept, "seeds", "mean", "std", "95 % low", "95 % high"]
    others = any(each.others for each in findings.settings)
    head += [*(["not completed"] if others else []), *(f"{name}, mean" for name in more)]
    rows = []
    for each in findings.settings[:MOST_SETTINGS]:
        found = each.spread(metric) if metric else Spread(())
        numbers = (found.mean, found.std, found.low, found.high)
        rows.append(
            [
                _number(each.rank),
                *(_value(each, name) for name in findings.swept),
                Cell(seeds_text(found), str(len(found.values)), numeric=True),
                *map(_number, numbers),
                *([Cell(others_text(each))] if others else []),
                *(_number(each.spread(name).mean) for name in more),
            ]
        )
    return Table(
        "Settings",
        head,
        rows,
        _left_out(len(findings.settings) - MOST_SETTINGS, "settings", "settings.csv"),
        sorted_by=0 if findings.best else None,
    )


def _jobs(findings: Findings) -> Table:
    names = _names(findings)
    metrics = [name for name in findings.metrics if name == findings.metric]
    metrics += [name for name in findings.metrics if name != findings.metric][:8]
    head = ["job", "status", *names, *metrics, "epochs", "seconds", "run folder"]
    # Where not all have room, those of the best settings have.
    jobs = [row for setting in findings.settings for row in setting.rows][:MOST_JOBS]
    rows = [
        [
            *(_number(row.number), Cell(row.status), *(_value(row, name) for name in names)),
            *(_number(row.metrics.get(name)) for name in metrics),
            *(_number(row.epochs), _number(round(row.duration_s, 1)), _folder(row)),
        ]
        for row in sorted(jobs, key=lambda row: row.number)
    ]
    left = _left_out(len(findings.rows) - MOST_JOBS, "jobs", "results.csv")
    return Table("Jobs", head, rows, left and f"Those of the best settings. {left}", sorted_by=0)


def _incomplete(findings: Findings) -> Table:
    names, found = _names(findings), findings.incomplete
    rows = [
        [
            *(_number(row.number), Cell(row.status), *(_value(row, name) for name in names)),
            *(Cell(error_text(row)), Cell(str((row.error or {}).get("hint") or ""))),
            _folder(row),
        ]
        for row in found[:MOST_INCOMPLETE]
    ]
    head = ["job", "status", *names, "what happened", "what to do", "run folder"]
    left = _left_out(len(found) - MOST_INCOMPLETE, "jobs", "results.csv")
    return Table("Jobs that did not complete", head, rows, left)


def _earlier(findings: Findings) -> Table:
    rows = [
        [_number(row.number), Cell(row.status), Cell(" ".join(row.overrides)), _folder(row)]
        for row in findings.earlier[:MOST_INCOMPLETE]
    ]
    note = (
        "The YAML files have changed since these jobs were made: they are in none of the tables "
        "and figures above."
    )
    left = _left_out(len(findings.earlier) - MOST_INCOMPLETE, "jobs", "earlier.csv")
    head = ["job", "status", "overrides", "run folder"]
    return Table("Earlier configurations", head, rows, f"{note} {left}".strip())


def _names(findings: Findings) -> list[str]:
    """Return the parameters that tell jobs from each other."""
    return [*findings.swept, *(["seed"] if "seed" in findings.parameters else [])]


def _samples(findings: Findings) -> list[tuple[str, list[tuple[str, list[Cell]]]]]:
    """Return for each prefix the last texts of some settings, each with the runs that wrote it."""
    found: dict[str, dict[str, list[Cell]]] = {}
    names, metric = short_names(findings.swept), findings.metric or ""
    for setting in _sampled(findings):
        runs = setting.completed
        run = best_row(runs, metric, findings.direction) or runs[0]
        if not run.folder:
            continue
        label = setting.label(findings.swept, names) or f"job {run.number}"
        value = f": {metric} {number_text(run.metrics[metric])}" if metric in run.metrics else ""
        for prefix, text in last_samples(findings.folder / run.folder):
            texts = found.setdefault(prefix, {})
            texts.setdefault(text, []).append(Cell(label + value, href=_folder(run).href))
    return [(prefix, list(texts.items())) for prefix, texts in found.items()]


def _sampled(findings: Findings) -> list[Setting]:
    """Return the best three settings, the one in the middle and the last.

    Of those that cannot be compared, return the best of each kind.
    """
    settings = [setting for setting in findings.settings if setting.completed]
    if findings.apart:
        return [group[0] for group in grouped(settings, findings.apart).values()][:MOST_SAMPLED]
    places = {0, 1, 2, len(settings) // 2, len(settings) - 1}
    return [setting for place, setting in enumerate(settings) if place in places]


def _left_out(number: int, what: str, where: str) -> str:
    return f"{number:,} {what} are left out here: {where} has all of them." if number > 0 else ""


def _number(value: float | None) -> Cell:
    if value is None:
        return Cell(ABSENT, numeric=True)
    key = "" if math.isnan(value) else repr(value).replace("inf", "Infinity")
    text = f"{value:,}" if isinstance(value, int) else number_text(value)
    return Cell(text, key, numeric=True)


def _value(holder: Row | Setting, name: str) -> Cell:
    if name not in holder.parameters:
        return Cell(ABSENT)
    value: Any = holder.parameters[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(shown(value), repr(value) if is_number else "", numeric=is_number)


def _folder(row: Row) -> Cell:
    # The dot in front keeps a name such as `javascript:...` a folder's.
    return Cell(row.folder, href=f"./{quote(row.folder)}/" if row.folder else "")


def _data_uri(file: Path) -> str:
    kind = _KINDS.get(file.suffix.lower())
    if kind is None:
        raise UserError(f"{file} is neither PNG nor SVG", "The page shows figures of these kinds.")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
