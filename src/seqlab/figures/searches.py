"""The figures of a search, from plain trials."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.tri import Triangulation

from seqlab.figures.style import INK, canvas, dress, legend
from seqlab.figures.trials import (
    BLUE,
    ORANGE,
    PALE,
    Axis,
    Trial,
    best_one,
    color_map,
    color_scale,
    complete_ones,
    draw_pruned,
    extends,
    fit_values,
    floats,
    is_spread,
    last_value,
    shares_of,
    shortened,
    tag,
    unit_scale,
)


def history(trials: Sequence[Trial], metric: str, *, minimize: bool = True) -> Figure:
    """Return each trial's value in order, and the best so far."""
    figure, axes = canvas("Trials in order", "trial", metric)
    complete = complete_ones(trials)
    numbers, values = [each.number for each in complete], [each.value for each in complete]
    axes.scatter(numbers, floats(values), s=22, color=BLUE, label="complete", zorder=3)
    draw_pruned(axes, [(each.number, last_value(each)) for each in trials if each.pruned], "pruned")
    best = np.minimum.accumulate if minimize else np.maximum.accumulate
    end = max((each.number for each in trials), default=0)
    axes.step(
        [*numbers, end],
        [*best(floats(values)), *(best(floats(values))[-1:])],
        where="post",
        color=ORANGE,
        linewidth=1.5,
        label="best so far",
    )
    fit_values(axes, complete, minimize)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes)
    return figure


def importances(shares: Mapping[str, float], metric: str) -> Figure:
    """Return how much of what makes the best trials lies in each parameter, as bars.

    Args:
        shares: parameter -> share, which together are 1; the largest first.
        metric: what it is about.
    """
    size = (8, 1.3 + 0.38 * len(shares))
    figure, axes = canvas(f"Importance of the parameters for {metric}", "share", "", size)
    names = list(shares)[::-1]
    bars = axes.barh(
        [shortened(name) for name in names], [shares[name] for name in names], color=BLUE
    )
    axes.bar_label(bars, fmt="%.2f", padding=3, color=INK, fontsize=9)
    axes.set_xlim(0, max(shares.values(), default=1) * 1.12)
    axes.grid(False, axis="y")
    return figure


def slices(
    trials: Sequence[Trial], dimensions: Sequence[Axis], metric: str, *, minimize: bool = True
) -> Figure:
    """Return the metric against each parameter; the later a trial, the darker."""
    columns = min(3, len(dimensions))
    rows = -(-len(dimensions) // columns)
    figure = Figure(figsize=(8, 0.5 + 2.6 * rows), dpi=130, layout="constrained")
    figure.suptitle(
        "Each parameter alone (later trials are darker)", x=0.01, ha="left", fontsize=11, color=INK
    )
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    complete = complete_ones(trials)
    shade = Normalize(-len(trials) / 3, len(trials))
    for place, axes in enumerate(grid.flat):
        if place >= len(dimensions):
            axes.set_visible(False)
            continue
        dress(axes)
        axis = dimensions[place]
        shown = [each for each in complete if axis.name in each.parameters]
        axes.scatter(
            [axis.place(each.parameters[axis.name]) for each in shown],
            floats([each.value for each in shown]),
            c=[each.number for each in shown],
            cmap="Blues",
            norm=shade,
            s=22,
            edgecolors=INK,
            linewidths=0.3,
        )
        axis.draw(axes)
        fit_values(axes, complete, minimize)
        axes.set_ylabel(metric if place % columns == 0 else "", color=INK)
    return figure


def contour(
    trials: Sequence[Trial], across: Axis, up: Axis, metric: str, *, minimize: bool = True
) -> Figure:
    """Return the metric over two parameters; between the trials, the dots, it is interpolated."""
    figure, axes = canvas(
        f"{metric} over both, interpolated between the trials", across.name, up.name, (8, 5)
    )
    shown = [
        each
        for each in complete_ones(trials)
        if across.name in each.parameters and up.name in each.parameters
    ]
    x = floats([across.place(each.parameters[across.name]) for each in shown])
    y = floats([up.place(each.parameters[up.name]) for each in shown])
    values = floats([each.value for each in shown])
    norm = color_scale(values, minimize)
    axes.grid(False)
    if is_spread(x, across.log) and is_spread(y, up.log) and len(shown) > 3:
        try:
            # The neighbours of a trial are those that the figure shows as such.
            triangles = Triangulation(shares_of(x, across.log), shares_of(y, up.log)).triangles
            inside = np.clip(values, norm.vmin, norm.vmax)
            levels = np.linspace(float(norm.vmin or 0), float(norm.vmax or 1), 12)
            mesh = Triangulation(x, y, triangles)
            axes.tricontourf(mesh, inside, levels=levels, cmap=color_map(minimize), alpha=0.75)
        except (ValueError, RuntimeError):  # the points lie on one line
            pass
    points = axes.scatter(
        x, y, c=values, cmap=color_map(minimize), norm=norm, s=34, edgecolors=INK, linewidths=0.6
    )
    pick = np.argmin if minimize else np.argmax
    best = int(pick(values)) if len(values) else None
    if best is not None:
        axes.scatter(x[best], y[best], s=150, facecolors="none", edgecolors=ORANGE, linewidths=1.8)
        axes.annotate(
            "best", (x[best], y[best]), (10, -12), textcoords="offset points", color=ORANGE
        )
    axes.margins(0.04)
    axes.use_sticky_edges = False
    across.draw(axes)
    up.draw(axes, "y")
    figure.colorbar(points, ax=axes, label=metric, extend=extends(values, norm))
    return figure


def parallel(
    trials: Sequence[Trial], dimensions: Sequence[Axis], metric: str, *, minimize: bool = True
) -> Figure:
    """Return one line a trial through all its parameters; the best are drawn last."""
    figure, axes = canvas("Parameters together", "", "", (8, 4.4))
    complete = sorted(complete_ones(trials), key=lambda each: each.value or 0.0, reverse=minimize)
    values = floats([each.value for each in complete])
    norm = color_scale(values, minimize)
    colors = color_map(minimize)
    mapped = colormaps[colors]
    scales = [unit_scale(axis, complete) for axis in dimensions]
    for each in complete:
        heights = [
            scale(each.parameters[axis.name]) if axis.name in each.parameters else -0.12
            for axis, (scale, _, _) in zip(dimensions, scales, strict=True)
        ]
        axes.plot(heights, color=mapped(norm(each.value or 0.0)), linewidth=1.4, alpha=0.85)
    for place, (_, low, high) in enumerate(scales):
        axes.axvline(place, color=INK, linewidth=0.8)
        if dimensions[place].values:
            for value in dimensions[place].values:
                tag(axes, place, scales[place][0](value), value)
        else:
            tag(axes, place, 0, f"{low:.3g}")
            tag(axes, place, 1, f"{high:.3g}")
    if any(axis.name not in each.parameters for each in complete for axis in dimensions):
        axes.axhline(-0.12, color=PALE, linewidth=0.8, linestyle=":")
        axes.text(-0.04, -0.12, "not there", ha="right", va="center", fontsize=8, color=INK)
    axes.set_xticks(
        range(len(dimensions)),
        labels=[shortened(axis.name.rpartition(".")[2]) for axis in dimensions],
    )
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xlim(-0.3, len(dimensions) - 0.6)
    figure.colorbar(
        ScalarMappable(norm, colors), ax=axes, label=metric, extend=extends(values, norm)
    )
    return figure


def learning(trials: Sequence[Trial], metric: str, *, minimize: bool = True) -> Figure:
    """Return the metric of each trial by epoch, and where the pruned ones were ended."""
    figure, axes = canvas("Every trial by epoch, and where it was pruned", "epoch", metric)
    best = best_one(trials, minimize)
    for each in trials:
        epochs, values = list(each.steps), floats(list(each.steps.values()))
        if not epochs:
            continue
        color = PALE if each.pruned else BLUE
        strong = each is best
        axes.plot(
            epochs,
            values,
            color=ORANGE if strong else color,
            linewidth=2.0 if strong else 1.0,
            alpha=1.0 if strong else 0.7,
            zorder=4 if strong else 2,
            label=f"best, trial {each.number}" if strong else None,
        )
    axes.plot([], [], color=BLUE, linewidth=1.0, label="complete")
    draw_pruned(
        axes, [(max(t.steps), last_value(t)) for t in trials if t.pruned and t.steps], "pruned"
    )
    ends = [Trial(0, {}, last_value(each)) for each in trials if each.steps and not each.pruned]
    starts = [Trial(0, {}, next(iter(each.steps.values()))) for each in trials if each.steps]
    fit_values(axes, ends + starts, minimize)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes)
    return figure
