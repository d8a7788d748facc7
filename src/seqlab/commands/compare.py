"""`python -m seqlab compare RUN RUN`: what differs in configuration and result, and the curves."""

import argparse
import hashlib
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqlab.commands.run_table import folder_of, path_word
from seqlab.config.compose.naming import OUTPUTS, short_names
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.differences import MISSING, Comparison, compare, compared
from seqlab.sweeps.ledger import LEDGER
from seqlab.sweeps.report.settings import ABSENT, shown
from seqlab.sweeps.report.tables import number_text
from seqlab.system.amounts import age_text
from seqlab.system.errors import UserError
from seqlab.system.files import json_text, write_bytes
from seqlab.system.masking import masked
from seqlab.system.terminal import as_word, fitted, say, width, wrapped

_MOST = 24
_MOST_IN_A_LABEL = 3
_MOST_KEYS = 25
_WHOLE = ("callbacks.", "logger.")  # of one that a run lacks, the class says enough
_FACTS = ("epochs", "best_epoch", "steps", "parameters", "duration_s", "throughput", "device")


def compare_runs(options: argparse.Namespace) -> int:
    """Print the differences, draw the curves, and say where.

    Raises:
        UserError: what was named are not two runs or more, or the figure cannot be written.
    """
    paths = [_run(name) for name in options.runs]
    _check(options.runs, paths)
    target = _target(options.output, paths)
    found = compare([compared(path) for path in paths])
    figure = _draw(found, target)
    if options.json:
        say(json_text(_as_json(found, figure), indent=2))
        return 0
    for number, run in enumerate(found.runs, start=1):
        age = age_text(time.time() - run.found.changed)
        say(fitted(f"{number}  {path_word(run.found.path)}  {run.found.status}, {age}", "   "))
    say()
    rows = {
        key: [_shown(key, value) for value in values]
        for key, values in found.differing.items()
        if not (key.startswith(_WHOLE) and found.follows_from_class(key))
        and not key.endswith("._partial_")
    }
    shared = {key: cells for key, cells in rows.items() if ABSENT not in cells}
    left_out = len(rows) - len(shared) if len(rows) > _MOST_KEYS else 0
    if rows:
        say("\n".join(_table("configuration", masked(shared if left_out else rows))))
        if left_out:
            say(f"and {left_out} keys that not all of the runs have; --json shows them")
    else:
        say("The configuration is the same.")
    say()
    rows = _results(found)
    say("\n".join(_table("result", masked(rows))))
    if any(cell.endswith("*") for cells in rows.values() for cell in cells):
        say("* the lowest")
    for reason in found.reasons:
        say("\n".join(wrapped(f"≠ {reason}", width())))
    say(f"\nfigure  {figure}" if figure else "\nno curves: no run has written metrics.csv")
    return 0


def _run(name: str) -> Path:
    path = folder_of(name)
    if (path / LEDGER).is_file():
        raise UserError(
            f"{name} is a sweep", f"Its jobs side by side: python -m seqlab report {as_word(path)}"
        )
    return path


def _check(names: Sequence[str], paths: Sequence[Path]) -> None:
    if len(paths) < 2:
        raise UserError("compare needs two runs or more", "python -m seqlab list names them.")
    for place, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:place]]:
            raise UserError(f"{names[place]} is named twice", "Name each run once.")


def _target(output: str | None, paths: Sequence[Path]) -> Path:
    """Return where the figure goes: by default below the working folder, named after the runs."""
    if output is None:
        text = "\n".join(str(path.resolve()) for path in paths)
        return Path(OUTPUTS, "comparisons", f"{hashlib.sha256(text.encode()).hexdigest()[:8]}.png")
    if not output.endswith(".png"):
        raise UserError(f"--output {output}: the figure is PNG", "Name a file that ends in .png.")
    if os.path.lexists(output):
        raise UserError(
            f"--output {output}: it exists already; nothing in it was changed", "Name a new file."
        )
    return Path(output)


def _draw(found: Comparison, target: Path) -> Path | None:
    from seqlab.figures.comparison import comparison  # Matplotlib, only once the runs are read
    from seqlab.figures.style import png_of

    panels = _panels(found)
    if not panels:
        return None
    png = png_of(lambda: comparison(panels, _labels(found)), math=False)
    assert png is not None
    try:
        write_bytes(target, png)
    except OSError as error:
        raise UserError(
            f"the figure cannot be written to {target.parent}: {error.strerror or error}",
            "Name another place: --output FILE.png.",
        ) from error
    return target


def _panels(found: Comparison) -> dict[str, dict[int, list[tuple[int, float]]]]:
    """Return loss or perplexity of each part; runs that cannot be compared share no panel."""
    curves = [RunFolder(run.found.path).read_metrics() for run in found.runs]
    panels = {}
    for part in ("train", "val"):
        groups = found.groups.get(part, [])
        for group in groups:
            names = [f"{part}/perplexity", f"{part}/loss"]
            name = next((n for n in names if any(n in curves[place] for place in group)), None)
            drawn = {
                place: pairs
                for place in group
                if (
                    pairs := [
                        pair for pair in curves[place].get(str(name), []) if math.isfinite(pair[1])
                    ]
                )
            }
            runs = ", ".join(str(place + 1) for place in group)
            which = f", of run{'s' * (len(group) > 1)} {runs}" if len(groups) > 1 else ""
            title = f"{name} by epoch{which}"
            if drawn:
                panels[title] = drawn
    return panels


def _labels(found: Comparison) -> list[str]:
    """Return the number of each run, and what tells it from the others where that is short."""
    keys = list(found.differing)
    short = short_names(keys)
    labels = []
    for place, run in enumerate(found.runs):
        words = [f"{short[key]}={_shown(key, found.differing[key][place])}" for key in keys]
        told = ", ".join(words) if 0 < len(words) <= _MOST_IN_A_LABEL else run.found.path.name
        labels.append(f"{place + 1}: {masked(told)}")
    return labels


def _results(found: Comparison) -> dict[str, list[str]]:
    rows = {"status": [run.found.status for run in found.runs]}
    for name, values in found.metrics.items():
        if name.endswith("_per_second"):
            continue
        best = found.best(name)
        label = name if found.are_comparable(name) else f"{name} ≠"
        rows[label] = [
            ABSENT if value is MISSING else f"{number_text(value)}{'*' if place in best else ''}"
            for place, value in enumerate(values)
        ]
    for name in _FACTS:
        values = [run.found.result.get(name) for run in found.runs]
        if any(value is not None for value in values):
            rows[name] = [_fact(value) for value in values]
    return rows


def _fact(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return shown(value)


def _shown(key: str, value: Any) -> str:
    if value is MISSING:
        return ABSENT
    text = shown(value)
    return text.rpartition(".")[2] if key.endswith("_target_") else text


def _table(title: str, rows: dict[str, list[str]]) -> list[str]:
    """Return a table with a column for each run; what does not fit follows below it."""
    left = max(map(len, (title, *rows)))
    number = len(next(iter(rows.values())))
    columns = [
        [str(place + 1), *(cells[place] for cells in rows.values())] for place in range(number)
    ]
    columns = [[_cut(cell) for cell in column] for column in columns]
    lines, rest = [], columns
    while rest:
        taken = [rest[0]]
        while len(taken) < len(rest) and _room([*taken, rest[len(taken)]], left) <= width():
            taken.append(rest[len(taken)])
        rest = rest[len(taken) :]
        for name, *cells in zip((title, *rows), *taken, strict=True):
            aligned = (cell.rjust(max(map(len, c))) for cell, c in zip(cells, taken, strict=True))
            lines.append("  ".join((name.ljust(left), *aligned)))
        lines += [""] if rest else []
    return lines


def _room(columns: Sequence[Sequence[str]], left: int) -> int:
    return left + sum(2 + max(map(len, column)) for column in columns)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"…{text[1 - _MOST :]}"


def _as_json(found: Comparison, figure: Path | None) -> dict[str, Any]:
    def plain(values: Sequence[Any]) -> list[Any]:
        return [None if value is MISSING else value for value in values]

    return masked(
        {
            "runs": [
                {"folder": str(run.found.path), "status": run.found.status}
                | {name: run.found.result.get(name) for name in _FACTS}
                for run in found.runs
            ],
            "configuration": {key: plain(values) for key, values in found.differing.items()},
            "metrics": {
                name: {"values": plain(values), "comparable": found.are_comparable(name)}
                for name, values in found.metrics.items()
            },
            "notes": found.reasons,
            "figure": None if figure is None else str(figure),
        }
    )
