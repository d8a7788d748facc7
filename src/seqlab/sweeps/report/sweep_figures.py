"""Which figures a sweep gets, and what is drawn in each."""

import itertools
import math
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from seqlab.config.compose.naming import short_names
from seqlab.figures import png_of
from seqlab.figures import sweeps as draw
from seqlab.sweeps.report.findings import Findings
from seqlab.sweeps.report.learning_curves import learning_curve
from seqlab.sweeps.report.settings import (
    ABSENT,
    Setting,
    grouped,
    same,
    shown,
)
from seqlab.system.errors import one_line
from seqlab.system.files import write_bytes

Drawing = tuple[str, str, Callable[[], Figure | None]]
MOST_PARAMETERS = 8
MOST_PAIRS = 6
MOST_LINES = 8
MOST_CURVES = 10
_ONE_EACH = "One seed each."
_BEST = "best setting at each value"
_MOST_VALUES = 24
"""With more different values on either side, two parameters are points and no heat map."""


@dataclass(frozen=True)
class Drawn:
    """A figure in a file.

    Attributes:
        title: what it shows.
        file: a PNG or SVG file.
    """

    title: str
    file: Path


def draw_figures(findings: Findings, notes: list[str]) -> list[Drawn]:
    """Draw the figures of a sweep into its `figures` folder, and remove those of earlier reports.

    Args:
        findings: the sweep, added up.
        notes: what a reader has to know is added to these.
    """
    folder = findings.folder / "figures"
    drawn = write_figures(folder, _figures(findings, notes), notes)
    files = {each.file for each in drawn}
    for pattern in ("by_*.png", "pair_*.png", "curves.png"):
        for file in {*folder.glob(pattern)} - files:
            file.unlink(missing_ok=True)
    return drawn


def write_figures(folder: Path, figures: Iterable[Drawing], notes: list[str]) -> list[Drawn]:
    """Draw figures into PNG files, each replaced all at once; return those that there are.

    Args:
        folder: where to.
        figures: the stem of each one's file, its title, and what draws it, or has nothing to.
        notes: what cannot be drawn is added to these; it costs no other figure.
    """
    drawn: dict[str, Drawn] = {}
    for stem, title, make in figures:
        while stem in drawn:  # two parameters whose names differ in odd characters alone
            stem += "_"
        try:
            # A name or value with a dollar sign is no formula.
            png = png_of(make, math=False)
        except Exception as error:
            notes.append(f"The figure {stem} could not be drawn: {one_line(error)}")
            continue
        if png is not None:
            drawn[stem] = Drawn(title, folder / f"{stem}.png")
            write_bytes(drawn[stem].file, png)
    return list(drawn.values())


def _figures(findings: Findings, notes: list[str]) -> Iterator[Drawing]:
    metric = findings.metric
    settings = [each for each in findings.settings if metric and each.spread(metric).values]
    if metric is None or not settings:
        return
    names = [name for name in findings.swept if len({_value(s, name) for s in settings}) > 1]
    if len(names) > 4:
        effects = {name: _effect(settings, name) for name in names}
        names.sort(key=lambda name: -effects[name])
    if len(names) > MOST_PARAMETERS:
        left = len(names) - MOST_PARAMETERS
        notes.append(f"{left} parameters with little effect have no figure.")
    for name in names[:MOST_PARAMETERS]:
        title = f"{metric} against {name}"
        yield f"by_{_slug(name)}", title, partial(_against, findings, settings, name)
    # One color for what cannot be compared would compare it.
    pairs = [] if findings.apart else list(itertools.combinations(names, 2))
    if len(pairs) > MOST_PAIRS:
        pairs = list(itertools.combinations(names[:4], 2))
    for pair in pairs:
        stem = f"pair_{_slug(pair[0])}_{_slug(pair[1])}"
        title = f"{metric} by {pair[0]} and {pair[1]}"
        yield stem, title, partial(_pair, findings, settings, pair)
    yield "curves", f"{metric} by epoch", partial(_curves, findings, settings)


def _against(findings: Findings, settings: Sequence[Setting], name: str) -> Figure:
    others = [other for other in findings.swept if other != name]
    short = short_names(findings.swept)
    lines: dict[str, list[Setting]] = defaultdict(list)
    for setting in _as_made(settings):
        lines[setting.label(others, short)].append(setting)
    background: list[Setting] = []
    circles, note = _circles(findings, settings)
    # As in a search: hardly any line has two points.
    is_scattered = note == _ONE_EACH and len(settings) > 3 and len(lines) > len(settings) / 2
    if is_scattered:
        lines, background, note = {}, list(settings), "Dots: single jobs."
    elif len(lines) > MOST_LINES:
        best: dict[tuple[str, Any], Setting] = {}
        groups = [each for each in findings.apart if each != name]
        for setting in settings:  # best first
            best.setdefault((setting.label(groups, short), _value(setting, name)), setting)
        chosen = {id(setting) for setting in best.values()}
        background = [setting for setting in settings if id(setting) not in chosen]
        order = _order(settings, name)
        lines = defaultdict(list)
        for (group, _), setting in sorted(best.items(), key=lambda item: order[item[0][1]]):
            lines[f"{group}: best at each value" if group else _BEST].append(setting)
        note = (
            f"{circles}, of the best setting at each value, whatever its other parameters. "
            "Dots: single seeds."
        )
        # Values hardly repeat, or there are too many groups: there is nothing to be best of.
        if len(best) > len(settings) / 2 or len(lines) > MOST_LINES:
            lines, background, note = {}, list(settings), "Dots: single jobs."
    if name in findings.apart:
        note += f" Different values of {name} cannot be compared."
    return draw.against(
        name,
        str(findings.metric),
        {label: [_point(findings, each, name) for each in line] for label, line in lines.items()},
        others=[_point(findings, each, name) for each in background],
        lower_is_better=findings.direction == "minimize",
        note=note,
    )


def _circles(findings: Findings, settings: Sequence[Setting]) -> tuple[str, str]:
    """Return what circles are, and all that is drawn of a setting, for the note of a figure."""
    spreads = [each.spread(str(findings.metric)) for each in settings]
    if all(len(each.values) < 2 for each in spreads):
        return "Circles: one seed each", _ONE_EACH
    intervals = " with 95 % intervals" * any(each.low is not None for each in spreads)
    return f"Circles: means{intervals}", f"Circles: means{intervals}. Dots: single seeds."


def _pair(findings: Findings, settings: Sequence[Setting], pair: tuple[str, str]) -> Figure | None:
    x, y = pair
    counts = {name: len({_value(each, name) for each in settings}) for name in pair}
    if not _numeric(settings, x) or (_numeric(settings, y) and counts[y] > counts[x]):
        x, y = y, x
    best: dict[tuple[Any, Any], Setting] = {}
    for setting in settings:  # best first
        best.setdefault((_value(setting, x), _value(setting, y)), setting)
    across, up = _order(settings, x), _order(settings, y)
    cells = {}
    for at in sorted(best, key=lambda at: (across[at[0]], up[at[1]])):
        mean = best[at].spread(str(findings.metric)).mean
        cells[at] = math.nan if mean is None else mean
    if all(map(math.isnan, cells.values())):
        return None
    lower = findings.direction == "minimize"
    shared = len(best) < len(settings)
    if max(counts.values()) > _MOST_VALUES or counts[x] * counts[y] > 4 * len(cells):
        points = [(*at, value) for at, value in cells.items()]
        note = "Points: the best mean among the settings that share both values." if shared else ""
        return draw.scatter((x, y), str(findings.metric), points, lower_is_better=lower, note=note)
    note = "the best mean among the settings that share both values" if shared else "means"
    return draw.heat_map(
        (x, y), str(findings.metric), cells, lower_is_better=lower, note=f"Cells: {note}."
    )


def _curves(findings: Findings, settings: Sequence[Setting]) -> Figure | None:
    short = short_names(findings.swept)
    groups = grouped(settings, findings.apart).values()
    most = max(1, MOST_CURVES // len(groups))
    chosen = [setting for group in groups for setting in group[:most]][:MOST_CURVES]
    found = {}
    for setting in chosen:
        curve = learning_curve(findings.folder, setting, str(findings.metric))
        curve = [row for row in curve if all(map(math.isfinite, row))]
        if curve:
            found[setting.label(findings.swept, short) or findings.name] = curve
    if all(len(curve) < 2 for curve in found.values()):
        return None
    note = "Lines: means over seeds. Bands: from the smallest to the largest value over seeds."
    if all(len(setting.completed) == 1 for setting in chosen):
        note = _ONE_EACH
    if len(settings) > len(found):
        which = f" for each value of {' and '.join(findings.apart)}" if findings.apart else ""
        note += f" The best {most if which else len(found)} of {len(settings):,} settings{which}."
    lower = findings.direction == "minimize"
    return draw.bands(found, str(findings.metric), lower_is_better=lower, note=note)


def _point(findings: Findings, setting: Setting, name: str) -> draw.Point:
    found = setting.spread(str(findings.metric))
    return draw.Point(_value(setting, name), found.values, found.mean, found.low, found.high)


def _as_made(settings: Sequence[Setting]) -> list[Setting]:
    """Return settings in the order of their jobs, so that categories stand as they were typed."""
    return sorted(settings, key=lambda setting: setting.rows[0].number)


def _order(settings: Sequence[Setting], name: str) -> dict[Any, int]:
    """Return the place of each value of a parameter, in the order in which they were typed."""
    values = dict.fromkeys(_value(setting, name) for setting in _as_made(settings))
    return {value: place for place, value in enumerate(values)}


def _value(setting: Setting, name: str) -> Any:
    """Return a parameter as figures take it: a number, or a text."""
    value = setting.parameters.get(name, ABSENT)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else shown(value)


def _numeric(settings: Sequence[Setting], name: str) -> bool:
    return not any(isinstance(_value(each, name), str) for each in settings)


def _effect(settings: Sequence[Setting], name: str) -> float:
    """Return the share of the settings' ranks that a parameter's values account for, 0 to 1."""
    values = [_value(each, name) for each in settings]
    if _numeric(settings, name) and len(set(values)) > 12:  # continuous: by quarters
        cuts = statistics.quantiles(values, n=4)
        values = [sum(value > cut for cut in cuts) for value in values]
    groups: dict[str, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        groups[same(value)].append(place)
    total = statistics.pvariance(range(len(values)))
    middle = (len(values) - 1) / 2
    between = sum(len(g) * (sum(g) / len(g) - middle) ** 2 for g in groups.values()) / len(values)
    return between / total if total else 0.0


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:60].strip(".") or "parameter"
