"""The figures of a sweep: a metric against parameters, and learning curves of many runs."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqlab.figures.scale import Scale, horizon, scale_of, spans_much, tick_label
from seqlab.figures.style import COLORS, INK, NOISY, canvas, legend, log_ticks, some_minor

_MOST_CELLS_WITH_NUMBERS = 100


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
    figure, axes = canvas(f"{quantity} against {parameter}", parameter, quantity)
    points = [*(point for line in lines.values() for point in line), *others]
    scale = scale_of([point.at for point in points])
    finite = [value for point in points for value in point.values if math.isfinite(value)]
    worst = horizon(finite, lower_is_better=lower_is_better)
    off = _Off(worst, lower_is_better)
    background = (NOISY, "other settings") if lines else (COLORS[0], None)
    _dots(axes, scale, others, off, color=background[0], share=0.0, label=background[1])
    for place, (label, line) in enumerate(lines.items()):
        color = COLORS[place % len(COLORS)]
        share = 0.012 * (place - (len(lines) - 1) / 2) if len(lines) > 1 else 0.0
        _dots(axes, scale, line, off, color=color, share=share)
        _means(axes, scale, line, off, color, share, label)
    notes = [note, *_finish(axes, [value for value in finite if not off.hides(value)], off)]
    scale.draw_ticks(axes)
    if any(lines):
        legend(axes)
    else:
        _without_legend(axes)
    _note(figure, " ".join(filter(None, notes)))
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
    figure, axes = canvas(f"{quantity} by {names[0]} and {names[1]}", *names, (8, height))
    axes.grid(False)
    axes.set_facecolor("#eceef1")
    norm, extend = _norm([v for v in cells.values() if math.isfinite(v)], lower_is_better)
    colors = "viridis_r" if lower_is_better else "viridis"
    image = axes.imshow(grid, cmap=colors, norm=norm, origin="lower", aspect="auto")
    for scale, axis in ((across, axes.xaxis), (up, axes.yaxis)):
        step = math.ceil(len(scale.values) / 24)
        axis.set_ticks(
            range(0, len(scale.values), step), [tick_label(value) for value in scale.values[::step]]
        )
    if sum(len(tick_label(value)) + 2 for value in across.values) > 90:
        axes.tick_params(axis="x", rotation=30)
    if grid.size <= _MOST_CELLS_WITH_NUMBERS:
        for (x, y), value in cells.items():
            place = (across.values.index(x), up.values.index(y))
            shade = float(norm(value)) if math.isfinite(value) else math.nan
            bright = (1 - shade if lower_is_better else shade) > 0.55 or math.isnan(shade)
            text = f"{value:.4g}" if math.isfinite(value) else "not finite"
            axes.text(
                *place, text, ha="center", va="center", fontsize=8, color=INK if bright else "white"
            )
    _color_bar(figure, axes, image, quantity, extend, lower_is_better)
    _note(figure, note)
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
    figure, axes = canvas(f"{quantity} by {names[0]} and {names[1]}", *names, (8, 5))
    across, up = (scale_of([point[place] for point in points]) for place in (0, 1))
    finite = [point for point in points if math.isfinite(point[2])]
    norm, extend = _norm([value for _, _, value in finite], lower_is_better)
    image = axes.scatter(
        [across.position(x) for x, _, _ in finite],
        [up.position(y) for _, y, _ in finite],
        c=[value for _, _, value in finite],
        cmap="viridis_r" if lower_is_better else "viridis",
        norm=norm,
        s=34,
        edgecolors=INK,
        linewidths=0.4,
    )
    across.draw_ticks(axes)
    if up.is_log:
        log_ticks(axes)
    elif not up.is_numeric:
        axes.set_yticks(range(len(up.values)), [tick_label(value) for value in up.values])
    _color_bar(figure, axes, image, quantity, extend, lower_is_better)
    _note(figure, note)
    return figure


def bands(
    named: Mapping[str, Sequence[tuple[int, float, float, float]]],
    quantity: str,
    *,
    note: str = "",
) -> Figure:
    """Return learning curves, each with a band.

    Args:
        named: for each label `(epoch, middle, lower edge, upper edge)`, in order of epoch.
        quantity: what the vertical axis shows.
        note: a sentence under the figure, which says what the bands are.
    """
    figure, axes = canvas(f"{quantity} by epoch", "epoch", quantity, (8, 5))
    numbers = [value for curve in named.values() for row in curve for value in row[1:]]
    alpha = 0.16 if len(named) <= 5 else 0.09
    for place, (label, curve) in enumerate(named.items()):
        epochs, middle, low, high = zip(*curve, strict=True)
        color = COLORS[place % len(COLORS)]
        marker = "o" if len(epochs) < 12 else None
        axes.plot(epochs, middle, color=color, label=label, linewidth=1.5, marker=marker, ms=3.5)
        axes.fill_between(epochs, low, high, color=color, alpha=alpha, linewidth=0)
    if numbers and min(numbers) > 0 and max(numbers) > 5 * min(numbers):
        log_ticks(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes)
    _note(figure, note)
    return figure


class _Off:
    """Which values are off a figure, and how many were met."""

    def __init__(self, worst: float | None, lower_is_better: bool) -> None:
        self.worst = worst
        self.lower_is_better = lower_is_better
        self.count = 0

    def hides(self, value: float) -> bool:
        if not math.isfinite(value):
            return True
        if self.worst is None:
            return False
        return value > self.worst if self.lower_is_better else value < self.worst


def _dots(
    axes: Axes,
    scale: Scale,
    points: Sequence[Point],
    off: _Off,
    *,
    color: str,
    share: float,
    label: str | None = None,
) -> None:
    seen: list[tuple[float, float]] = []
    hidden: list[float] = []
    for point in points:
        place = scale.shifted(point.at, share)
        for value in point.values:
            if off.hides(value):
                hidden.append(place)
            else:
                seen.append((place, value))
    off.count += len(hidden)
    if seen:
        x, y = zip(*seen, strict=True)
        axes.scatter(x, y, s=12, color=color, alpha=0.55, linewidths=0, label=label, zorder=2)
    if hidden:  # at the edge beyond which they lie
        edge = 0.985 if off.lower_is_better else 0.015
        axes.scatter(
            hidden,
            [edge] * len(hidden),
            transform=axes.get_xaxis_transform(),
            marker="^" if off.lower_is_better else "v",
            s=26,
            color=color,
            zorder=3,
        )


def _means(
    axes: Axes,
    scale: Scale,
    line: Sequence[Point],
    off: _Off,
    color: str,
    share: float,
    label: str,
) -> None:
    drawn = [
        (scale.shifted(point.at, share), point.mean, point)
        for point in sorted(line, key=lambda point: scale.position(point.at))
        if point.mean is not None and not off.hides(point.mean)
    ]
    axes.plot(
        [place for place, _, _ in drawn],
        [mean for _, mean, _ in drawn],
        label=label or None,
        color=color,
        marker="o",
        ms=5,
        linewidth=1.4,
        linestyle="-" if scale.is_numeric else "none",
        zorder=4,
    )
    for place, mean, point in drawn:
        if point.low is not None and point.high is not None:
            ends = [[mean - point.low], [point.high - mean]]
            axes.errorbar(place, mean, ends, color=color, capsize=3.5, linewidth=1.2, zorder=3)


def _finish(axes: Axes, visible: Sequence[float], off: _Off) -> list[str]:
    """Set the vertical axis for the values that are shown, and say how many are not."""
    if spans_much(visible):
        log_ticks(axes)
    # An interval of two seeds is twelve times as wide as their distance: it may be cut off.
    if visible:
        low, high = min(visible), max(visible)
        if spans_much(visible):
            room = (high / low) ** 0.12
            axes.set_ylim(low / room, high * room)
        else:
            room = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
            axes.set_ylim(low - 2 * room, high + 2 * room)
    if not off.count:
        return []
    arrow = "▲" if off.lower_is_better else "▼"
    return [f"{arrow} {off.count} not finite or beyond the axis."]


def _norm(values: Sequence[float], lower_is_better: bool) -> tuple[Normalize, str]:
    """Return how values become colors, and at which end of the bar values lie beyond it."""
    if not values:
        return Normalize(0, 1), "neither"
    low, high, extend = min(values), max(values), "neither"
    worst = horizon(values, lower_is_better=lower_is_better)
    if worst is not None:
        low, high = (low, worst) if lower_is_better else (worst, high)
        extend = "max" if lower_is_better else "min"
    if low == high:
        return Normalize(low - 0.5, high + 0.5), extend
    if spans_much([low, high]):
        return LogNorm(low, high, clip=True), extend
    return Normalize(low, high, clip=True), extend


def _color_bar(
    figure: Figure, axes: Axes, image: Any, quantity: str, extend: str, lower_is_better: bool
) -> None:
    _without_legend(axes)
    bar = figure.colorbar(image, ax=axes, extend=extend, pad=0.02)
    bar.set_label(f"{quantity}, {'lower' if lower_is_better else 'higher'} is better", color=INK)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=8)
    bar.ax.yaxis.set_major_formatter("{x:.4g}")
    bar.ax.yaxis.set_minor_formatter(some_minor)


def _without_legend(axes: Axes) -> None:
    axes.set_title(axes.get_title(loc="left"), loc="left", fontsize=11, color=INK, pad=8)


def _note(figure: Figure, text: str) -> None:
    if text:
        wrapped = textwrap.fill(text, 130)
        figure.supxlabel(wrapped, x=0.01, ha="left", fontsize=7.5, color="#5b6470")
