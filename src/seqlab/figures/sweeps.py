"""The figures of a sweep: a metric against parameters, and learning curves of many runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETDOWNBASE

from seqlab.figures.scale import Range, Scale, scale_of, tick_labels
from seqlab.figures.style import (
    CHARACTER,
    COLORS,
    INK,
    PALE,
    canvas,
    label_ticks,
    legend,
    length_of,
    shortened,
    whole_ticks,
    write_note,
)

_MOST_CELLS_WITH_NUMBERS = 100
_LABEL = 88
"""The longest label of a legend, in characters."""


@dataclass(frozen=True)
class Point:
    """One setting at one value of a parameter.

    Attributes:
        at: the parameter's value: a number, or a text.
        values: the metric of each seed; some may not be finite.
        mean: their mean; `None` where one is not finite.
        low: lower end of the mean's interval; `None` where there is none.
        high: its upper end.
    """

    at: Any
    values: tuple[float, ...]
    mean: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends; `None` where there are none."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def against(
    parameter: str,
    quantity: str,
    lines: Mapping[str, Sequence[Point]],
    *,
    others: Sequence[Point] = (),
    lower_is_better: bool = True,
    note: str = "",
) -> Figure:
    """Return a metric against one parameter: means with their intervals, and single seeds.

    Args:
        parameter: what the horizontal axis shows.
        quantity: what the vertical axis shows.
        lines: for each label its points, joined where the parameter is a number; one without a
            label has none in the legend.
        others: points that are drawn in the background.
        lower_is_better: which end of the vertical axis is the good one.
        note: a sentence under the figure.
    """
    title = f"{quantity} against {fitted(parameter, 60)}"
    figure, axes = canvas(title, fitted(parameter, 90), quantity)
    points = [*(point for line in lines.values() for point in line), *others]
    scale = scale_of([point.at for point in points])
    values = [value for point in points for value in point.values]
    shown = Range(values, lower_is_better=lower_is_better)
    drawn = [point for line in lines.values() for point in line if _is_drawn(point, shown)]
    intervals = [point.interval for point in drawn if point.interval is not None]
    shown.fit(axes, intervals)
    scale.draw_ticks(axes)
    _make_room(axes)
    color, name = (PALE, "other settings") if lines else (COLORS[0], None)
    _draw_seeds(axes, scale, shown, others, color, label=name)
    labels = shortened([*lines], _LABEL)
    for place, (label, line) in enumerate(zip(labels, lines.values(), strict=True)):
        color = COLORS[place % len(COLORS)]
        shift = 0.012 * (place - (len(lines) - 1) / 2)
        # Beside the interval, which they would hide, and before that of the next line.
        beside = 0.01 if len(lines) == 1 else 0.005
        _draw_seeds(axes, scale, shown, line, color, shift, beside)
        _draw_means(axes, scale, shown, line, shift, color=color, label=label or None)
    legend(axes)
    is_cut = any(low < axes.get_ylim()[0] for low, _ in intervals)
    cut = "An interval that ends in an arrow reaches further down." if is_cut else ""
    write_note(figure, note, shown.note(values), cut)
    return figure


def heat_map(
    names: tuple[str, str],
    quantity: str,
    cells: Mapping[tuple[Any, Any], float],
    *,
    lower_is_better: bool = True,
    note: str = "",
) -> Figure:
    """Return a metric over two parameters, one cell for each pair of values; better is brighter.

    Args:
        names: the parameters of the horizontal and the vertical axis.
        quantity: what the colors show.
        cells: for each pair of values the metric; NaN where it is not finite.
        lower_is_better: whether small values are bright.
        note: a sentence under the figure.
    """
    across = scale_of([x for x, _ in cells])
    up = scale_of([y for _, y in cells])
    grid = np.full((len(up.values), len(across.values)), np.nan)
    for (x, y), value in cells.items():
        grid[up.values.index(y), across.values.index(x)] = value
    height = min(max(3.2, 1.6 + 0.42 * len(up.values)), 9.0)
    figure, axes = _over_two(names, quantity, height)
    axes.grid(False)
    axes.set_facecolor("#eceef1")
    shown = Range(list(cells.values()), lower_is_better=lower_is_better)
    image = axes.imshow(grid, cmap=shown.colors, norm=shown.norm(), origin="lower", aspect="auto")
    for which, scale in (("x", across), ("y", up)):
        places = range(0, len(scale.values), math.ceil(len(scale.values) / 24))
        label_ticks(axes, which, places, tick_labels([scale.values[place] for place in places]))
    _make_room(axes)
    texts = {at: f"{v:.4g}" if math.isfinite(v) else "not finite" for at, v in cells.items()}
    room = length_of(axes, "x") / len(across.values) / CHARACTER
    if grid.size <= _MOST_CELLS_WITH_NUMBERS and max(map(len, texts.values())) < room:
        for (x, y), text in texts.items():
            value = cells[x, y]
            is_bright = not math.isfinite(value) or sum(shown.color_of(value)[:3]) > 1.4
            axes.text(
                across.values.index(x),
                up.values.index(y),
                text,
                ha="center",
                va="center",
                fontsize=8,
                color=INK if is_bright else "white",
            )
    shown.draw_color_bar(axes, image, quantity)
    write_note(figure, note)
    return figure


def scatter(
    names: tuple[str, str],
    quantity: str,
    points: Sequence[tuple[Any, Any, float]],
    *,
    lower_is_better: bool = True,
    note: str = "",
) -> Figure:
    """Return a metric over two parameters that hardly repeat a value: a point for each setting.

    Args:
        names: the parameters of the horizontal and the vertical axis.
        quantity: what the colors show.
        points: value of each parameter, and the metric; those that are not finite are left out.
        lower_is_better: whether small values are bright.
        note: a sentence under the figure.
    """
    figure, axes = _over_two(names, quantity, 5)
    across, up = (scale_of([point[place] for point in points]) for place in (0, 1))
    shown = Range([value for _, _, value in points], lower_is_better=lower_is_better)
    finite = [point for point in points if math.isfinite(point[2])]
    draw_over_two(axes, across, up, shown, finite, quantity)
    write_note(figure, note)
    return figure


def _over_two(names: tuple[str, str], quantity: str, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure of a metric over two parameters, their names as long as they fit."""
    x, y = (fitted(name, 22) for name in names)
    # The vertical axis is some 1.1 inches shorter than the figure.
    up = fitted(names[1], int((height - 1.1) / 0.085))
    return canvas(f"{quantity} by {x} and {y}", fitted(names[0], 70), up, (8, height))


def draw_over_two(
    axes: Axes,
    across: Scale,
    up: Scale,
    shown: Range,
    points: Sequence[tuple[Any, Any, float]],
    quantity: str,
) -> None:
    """Draw a metric over two parameters: a colored point each, the ticks and the color bar.

    Args:
        axes: where to.
        across: the scale of the horizontal axis.
        up: the scale of the vertical axis.
        shown: the range of the metric.
        points: value of each parameter, and the metric, which is finite.
        quantity: what the colors show.
    """
    image = axes.scatter(
        [across.position(x) for x, _, _ in points],
        [up.position(y) for _, y, _ in points],
        c=[value for _, _, value in points],
        cmap=shown.colors,
        norm=shown.norm(),
        s=34,
        edgecolors=INK,
        linewidths=0.4,
    )
    across.draw_ticks(axes)
    up.draw_ticks(axes, "y")
    shown.draw_color_bar(axes, image, quantity)


def bands(
    named: Mapping[str, Sequence[tuple[int, float, float, float]]],
    quantity: str,
    *,
    lower_is_better: bool = True,
    note: str = "",
) -> Figure:
    """Return learning curves, each with a band.

    Args:
        named: for each label `(epoch, middle, lower edge, upper edge)`, in order of epoch.
        quantity: what the vertical axis shows.
        lower_is_better: which end of the vertical axis is the good one.
        note: a sentence under the figure, which says what the bands are.
    """
    figure, axes = canvas(f"{quantity} by epoch", "epoch", quantity, (8, 5))
    numbers = [value for curve in named.values() for row in curve for value in row[1:]]
    starts = [value for curve in named.values() for value in curve[0][1:]]
    at_first = Range(starts, lower_is_better=lower_is_better)
    kept = [value for value in starts if not at_first.hides(value)]
    shown = Range(numbers, lower_is_better=lower_is_better, kept=kept, log_from=5)
    shown.fit(axes)
    alpha = 0.16 if len(named) <= 5 else 0.09
    labels = shortened([*named], _LABEL)
    for place, (label, curve) in enumerate(zip(labels, named.values(), strict=True)):
        epochs, middle, low, high = zip(*curve, strict=True)
        color = COLORS[place % len(COLORS)]
        marker = "o" if len(epochs) < 12 else None
        axes.plot(epochs, middle, color=color, label=label, linewidth=1.5, marker=marker, ms=3.5)
        axes.fill_between(epochs, low, high, color=color, alpha=alpha, linewidth=0)
    whole_ticks(axes)
    legend(axes)
    leaves = any(map(shown.hides, numbers))
    write_note(figure, note, "What leaves the figure is far beyond the rest." if leaves else "")
    return figure


def fitted(name: str, most: int) -> str:
    """Return a parameter's name, or its last part, in at most so many characters."""
    last = name.rpartition(".")[2]
    return name if len(name) <= most else shortened([last], most)[0]


def _make_room(axes: Axes) -> None:
    """Make the figure higher by what turned labels of ticks take."""
    figure: Any = axes.get_figure(root=True)
    labels = axes.get_xticklabels()
    heights = [math.sin(math.radians(each.get_rotation())) for each in labels]
    lengths = [CHARACTER * len(each.get_text()) for each in labels]
    width, height = figure.get_size_inches()
    more = max((a * b for a, b in zip(lengths, heights, strict=True)), default=0.0)
    figure.set_size_inches(width, height + more)


def _draw_seeds(
    axes: Axes,
    scale: Scale,
    shown: Range,
    points: Sequence[Point],
    color: str,
    shift: float = 0.0,
    beside: float = 0.0,
    label: str | None = None,
) -> None:
    places = [
        scale.position(
            point.at, shift + beside * (_is_drawn(point, shown) and bool(point.interval))
        )
        for point in points
        for _ in point.values
    ]
    values = [value for point in points for value in point.values]
    size = 12 if beside or len(values) > 100 else 22
    style = {"s": size, "alpha": 0.55, "linewidths": 0, "label": label, "zorder": 2}
    shown.draw_points(axes, places, values, color, style)


def _is_drawn(point: Point, shown: Range) -> bool:
    """Return whether a point has a mean that the figure shows."""
    return point.mean is not None and not shown.hides(point.mean)


def _draw_means(
    axes: Axes, scale: Scale, shown: Range, line: Sequence[Point], shift: float, **style: Any
) -> None:
    drawn = [point for point in line if _is_drawn(point, shown)]
    drawn.sort(key=lambda point: scale.position(point.at))
    places = [scale.position(point.at, shift) for point in drawn]
    joined = "-" if scale.is_numeric else "none"
    style |= {"marker": "o", "ms": 5, "linewidth": 1.4, "linestyle": joined, "zorder": 4}
    axes.plot(places, [float(point.mean or 0) for point in drawn], **style)
    bottom = axes.get_ylim()[0]
    for place, point in zip(places, drawn, strict=True):
        if point.interval is None or point.mean is None:
            continue
        low, high = max(point.interval[0], bottom), point.interval[1]
        ends = [[point.mean - low], [high - point.mean]]
        cap = {"color": style["color"], "capsize": 3.5, "linewidth": 1.2, "zorder": 3}
        axes.errorbar(place, point.mean, ends, **cap)
        if low > point.interval[0]:
            axes.plot(place, bottom, marker=CARETDOWNBASE, color=style["color"], clip_on=False)
