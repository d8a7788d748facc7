"""The figures of a search, from plain trials."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.tri import LinearTriInterpolator, Triangulation, UniformTriRefiner

from seqlab.figures.scale import Range, Scale
from seqlab.figures.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    canvas,
    dress,
    label_ticks,
    legend,
    shortened,
    whole_ticks,
    write_note,
)
from seqlab.figures.sweeps import draw_over_two, fitted

_NOT_THERE = -0.12
"""The height of a parameter that a trial does not have, where others lie between 0 and 1."""
_SUBDIVISIONS = 3
"""How often the area between three trials is cut into four."""


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: from 0.
        parameters: the value of each parameter that it has.
        value: of the metric; `None` where it was pruned or failed.
        steps: the metric after each epoch, where it was reported and finite.
        pruned: whether it was ended early.
    """

    number: int
    parameters: Mapping[str, Any]
    value: float | None
    steps: Mapping[int, float] = field(default_factory=dict)
    pruned: bool = False


@dataclass(frozen=True)
class Search:
    """What the figures of a search show.

    Attributes:
        metric: its name.
        trials: in order.
        scales: for each parameter the scale of its values in complete trials.
        lower_is_better: which end of the metric is the good one.
    """

    metric: str
    trials: Sequence[Trial]
    scales: Mapping[str, Scale] = field(default_factory=dict)
    lower_is_better: bool = True

    def complete(self, *names: str) -> list[tuple[Trial, float]]:
        """Return the trials that have a value, and these parameters, each with its value."""
        return [
            (trial, trial.value)
            for trial in self.trials
            if trial.value is not None and all(name in trial.parameters for name in names)
        ]

    def best(self, *names: str) -> Trial | None:
        """Return the best trial that has these parameters; `None` where there is none."""
        sign = 1 if self.lower_is_better else -1
        trials = sorted(self.complete(*names), key=lambda pair: sign * pair[1])
        return trials[0][0] if trials else None

    def range(self, values: Sequence[float] | None = None) -> Range:
        """Return the range of these values, or of those of the trials."""
        if values is None:
            values = [value for _, value in self.complete()]
        return Range(values, lower_is_better=self.lower_is_better)


def history(search: Search) -> Figure:
    """Return each trial's value in order, and the best so far."""
    figure, axes = canvas("Trials in order", "trial", search.metric)
    numbers = [trial.number for trial, _ in search.complete()]
    values = [value for _, value in search.complete()]
    shown = search.range()
    shown.draw_points(axes, numbers, values, BLUE, {"s": 22, "label": "complete", "zorder": 3})
    shown.fit(axes)
    _draw_pruned(axes, [(trial.number, trial) for trial in search.trials if trial.pruned])
    best = (np.minimum if search.lower_is_better else np.maximum).accumulate(values)
    numbers.append(max((trial.number for trial in search.trials), default=0))
    style: dict[str, Any] = {"where": "post", "color": ORANGE, "linewidth": 1.5}
    axes.step(numbers, [*best, *best[-1:]], label="best so far", **style)
    whole_ticks(axes)
    legend(axes)
    write_note(figure, shown.note(values))
    return figure


def importances(shares: Mapping[str, float], metric: str) -> Figure:
    """Return how much of what makes the best trials lies in each parameter, as bars.

    Args:
        shares: parameter -> share, which together are 1; the largest first.
        metric: what it is about.
    """
    size = (8, 1.3 + 0.38 * len(shares))
    figure, axes = canvas(f"Importance of the parameters for {metric}", "share", "", size)
    places = range(len(shares))[::-1]
    bars = axes.barh(places, list(shares.values()), color=BLUE)
    label_ticks(axes, "y", places, list(shares))
    axes.bar_label(bars, fmt="%.2f", padding=3, color=INK, fontsize=9)
    axes.set_xlim(0, max(shares.values(), default=1) * 1.12)
    axes.grid(False, axis="y")
    return figure


def slices(search: Search) -> Figure:
    """Return the metric against each parameter; the later a trial, the darker."""
    columns = min(3, len(search.scales))
    rows = -(-len(search.scales) // columns)
    figure = Figure(figsize=(8, 0.5 + 2.6 * rows), dpi=130, layout="constrained")
    title = "Each parameter alone (later trials are darker)"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    shown = search.range()
    shade = Normalize(-len(search.trials) / 3, len(search.trials))
    for axes in grid.flat[len(search.scales) :]:
        axes.set_visible(False)
    names = shortened(list(search.scales), 24)
    for axes, short, (name, scale) in zip(grid.flat, names, search.scales.items(), strict=False):
        dress(axes)
        trials = search.complete(name)
        shown.draw_points(
            axes,
            [scale.position(trial.parameters[name]) for trial, _ in trials],
            [value for _, value in trials],
            colormaps["Blues"](shade([trial.number for trial, _ in trials])),
            {"s": 22, "edgecolors": INK, "linewidths": 0.3},
        )
        scale.draw_ticks(axes)
        axes.set_xlabel(short, color=INK, fontsize=9)
        shown.fit(axes)
    for axes in grid[:, 0]:
        axes.set_ylabel(search.metric, color=INK)
    write_note(figure, shown.note([value for _, value in search.complete()]))
    return figure


def contour(search: Search, first: str, second: str) -> Figure:
    """Return the metric over two parameters; between the trials, the dots, it is interpolated."""
    title = f"{search.metric} over both, interpolated between the trials"
    figure, axes = canvas(title, fitted(first, 70), fitted(second, 45), (8, 5))
    across, up = search.scales[first], search.scales[second]
    points = [
        (trial.parameters[first], trial.parameters[second], value)
        for trial, value in search.complete(first, second)
    ]
    shown = search.range([value for _, _, value in points])
    draw_over_two(axes, across, up, shown, points, search.metric)
    _interpolate(axes, across, up, shown, points)
    if (best := search.best(first, second)) is not None:
        at = (across.position(best.parameters[first]), up.position(best.parameters[second]))
        axes.scatter(*at, s=150, facecolors="none", edgecolors=ORANGE, linewidths=1.8)
        axes.annotate("best", at, (10, -12), textcoords="offset points", color=ORANGE)
    axes.grid(False, which="both")
    return figure


def _interpolate(
    axes: Axes, across: Scale, up: Scale, shown: Range, points: Sequence[tuple[Any, Any, float]]
) -> None:
    """Color the area between points, as the figure shows it; nothing where they lie on a line."""
    shares = np.array([(across.share(x), up.share(y)) for x, y, _ in points]).reshape(-1, 2)
    if not all(len(np.unique(column)) > 2 for column in shares.T):
        return
    norm = shown.norm()
    values = norm(np.clip([value for _, _, value in points], norm.vmin, norm.vmax))
    try:
        # The neighbours of a trial are those that the figure shows as such.
        coarse = Triangulation(shares[:, 0], shares[:, 1])
        # What is straight here is bent on a logarithmic axis: small triangles follow it.
        fine, heights = UniformTriRefiner(coarse).refine_field(
            values, LinearTriInterpolator(coarse, values), subdiv=_SUBDIVISIONS
        )
    except (ValueError, RuntimeError):
        return
    x, y = [*map(across.at_share, fine.x)], [*map(up.at_share, fine.y)]
    axes.tricontourf(
        Triangulation(x, y, fine.triangles),
        norm.inverse(np.clip(heights, 0, 1 - 1e-9)),
        levels=norm.inverse(np.linspace(0, 1, 12)),
        cmap=shown.colors,
        norm=norm,
        alpha=0.75,
        zorder=0.5,
    )


def parallel(search: Search) -> Figure:
    """Return one line a trial through all its parameters; the best are drawn last."""
    figure, axes = canvas("Parameters together", "", "", (8, 4.4))
    scales, shown = search.scales, search.range()
    colors = ScalarMappable(shown.norm(), shown.colors)
    complete = sorted(search.complete(), key=lambda pair: pair[1], reverse=search.lower_is_better)
    for trial, value in complete:
        heights = [
            scale.share(trial.parameters[name]) if name in trial.parameters else _NOT_THERE
            for name, scale in scales.items()
        ]
        axes.plot(heights, color=shown.color_of(value), linewidth=1.4, alpha=0.85)
    for place, scale in enumerate(scales.values()):
        axes.axvline(place, color=INK, linewidth=0.8)
        ends = dict.fromkeys(scale.values[end] for end in (0, -1))
        values = list(ends) if scale.is_numeric else scale.values
        texts = [f"{end:.3g}" if isinstance(end, float) else str(end) for end in values]
        for value, text in zip(values, shortened(texts, 90 // max(4, len(scales))), strict=True):
            _tag(axes, place, scale.share(value), text)
    if any(name not in trial.parameters for trial, _ in complete for name in scales):
        axes.axhline(_NOT_THERE, color=PALE, linewidth=0.8, linestyle=":")
        axes.text(-0.04, _NOT_THERE, "not there", ha="right", va="center", fontsize=8, color=INK)
    label_ticks(axes, "x", range(len(scales)), [name.rpartition(".")[2] for name in scales])
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xlim(-0.3, len(scales) - 0.6)
    shown.draw_color_bar(axes, colors, search.metric)
    return figure


def learning(search: Search) -> Figure:
    """Return the metric of each trial by epoch, and where the pruned ones were ended."""
    figure, axes = canvas("Every trial by epoch, and where it was pruned", "epoch", search.metric)
    best = search.best()
    trials = [trial for trial in search.trials if trial.steps]
    for trial in trials:
        strong = trial is best
        axes.plot(
            list(trial.steps),
            list(trial.steps.values()),
            color=ORANGE if strong else PALE if trial.pruned else BLUE,
            linewidth=2.0 if strong else 1.0,
            alpha=1.0 if strong else 0.7,
            zorder=4 if strong else 2,
            label=f"best, trial {trial.number}" if strong else None,
        )
    axes.plot([], [], color=BLUE, linewidth=1.0, label="complete")
    ends = [(max(trial.steps), _last(trial)) for trial in trials if not trial.pruned]
    starts = [next(iter(trial.steps.values())) for trial in trials]
    shown = search.range([*starts, *(value for _, value in ends)])
    shown.fit(axes)
    _draw_pruned(axes, [(max(trial.steps), trial) for trial in trials if trial.pruned])
    hidden = [(epoch, value) for epoch, value in ends if shown.hides(value)]
    for epoch, value in hidden:
        shown.draw_points(axes, [epoch], [value], BLUE)
    whole_ticks(axes)
    legend(axes)
    write_note(figure, shown.note([value for _, value in hidden]))
    return figure


def _last(trial: Trial) -> float:
    """Return what a trial reported last; NaN where that is nothing."""
    return list(trial.steps.values())[-1] if trial.steps else math.nan


def _draw_pruned(axes: Axes, ended: Sequence[tuple[int, Trial]]) -> None:
    """Draw a cross where each trial was pruned, at the edge of the axis if that is beyond.

    Those without a value have none.
    """
    x, y = [place for place, _ in ended], [_last(trial) for _, trial in ended]
    from_share = (axes.transScale + axes.transLimits).inverted().transform
    y = np.clip(y, *(from_share((0, share))[1] for share in (0.015, 0.985)))
    if not np.isnan(y).all():
        style: dict[str, Any] = {"s": 26, "marker": "x", "color": GREY, "linewidths": 1.1}
        axes.scatter(x, y, label="pruned", zorder=3, **style)


def _tag(axes: Axes, x: float, y: float, text: str) -> None:
    """Write a value beside a vertical line."""
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    style: dict[str, Any] = {"fontsize": 8, "color": INK, "va": "center", "zorder": 5}
    axes.annotate(text, (x, y), (4, 0), textcoords="offset points", bbox=box, **style)
