"""What the figures of a search share: trials, dimensions, scales that no bad trial stretches."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator, NullFormatter

from seqlab.figures.style import INK, some_minor

PALE = "#b9c0ca"
BLUE, ORANGE = "#1f6fb4", "#d9541e"
_MAP = "viridis_r"
_SPAN = 20


@dataclass(frozen=True)
class Axis:
    """One dimension of the space.

    Attributes:
        name: its key.
        values: the values to choose from; empty for a range of numbers.
        log: whether its scale is logarithmic.
        whole: whether its numbers are whole.
    """

    name: str
    values: tuple[str, ...] = ()
    log: bool = False
    whole: bool = False

    def place(self, value: Any) -> float:
        """Return where a value lies: its number, or its place among the choices."""
        return float(self.values.index(value)) if self.values else float(value)

    def draw(self, axes: Axes, which: str = "x") -> None:
        """Give one of the figure's axes this scale and this name."""
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_label_text(self.name, color=INK)
        if self.values:
            labels = [shortened(each) for each in self.values]
            axis.set_ticks(range(len(self.values)), labels=labels)
            if which == "x":
                axes.margins(x=0.2)
        elif self.log:
            (axes.set_xscale if which == "x" else axes.set_yscale)("log")
            _plain_ticks(axes, which)
        elif self.whole:
            axis.set_major_locator(MaxNLocator(integer=True))


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: from 0.
        parameters: the value of each dimension that it has.
        value: of the metric; `None` where it was pruned or failed.
        steps: the metric after each epoch, where it was reported.
        pruned: whether it was ended early.
    """

    number: int
    parameters: Mapping[str, Any]
    value: float | None
    steps: Mapping[int, float] = field(default_factory=dict)
    pruned: bool = False


def unit_scale(axis: Axis, trials: Sequence[Trial]) -> tuple[Any, float, float]:
    """Return what maps the values of a dimension to 0 .. 1, and which values these two are."""
    if axis.values:
        last = max(1, len(axis.values) - 1)
        return lambda value: axis.values.index(value) / last, 0.0, float(last)
    there = [float(t.parameters[axis.name]) for t in trials if axis.name in t.parameters]
    low, high = min(there, default=0.0), max(there, default=1.0)
    bend = math.log if axis.log else float
    width = bend(high) - bend(low) or 1.0
    return lambda value: (bend(value) - bend(low)) / width, low, high


def tag(axes: Axes, x: float, y: float, text: str) -> None:
    """Write a value beside a vertical line."""
    axes.annotate(
        shortened(text),
        (x, y),
        (4, 0),
        textcoords="offset points",
        fontsize=8,
        color=INK,
        va="center",
        bbox={
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": "none",
            "alpha": 0.8,
        },
        zorder=5,
    )


def draw_pruned(axes: Axes, points: Sequence[tuple[int, float | None]], label: str) -> None:
    """Draw a cross where each pruned trial ended; not those that never said a value."""
    shown = [(x, y) for x, y in points if y is not None]
    if shown:
        x, y = zip(*shown, strict=True)
        axes.scatter(x, y, s=26, marker="x", color="#6b7683", linewidths=1.1, label=label, zorder=3)


def complete_ones(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that have a value."""
    return [each for each in trials if each.value is not None]


def best_one(trials: Sequence[Trial], minimize: bool) -> Trial | None:
    """Return the trial with the best value; `None` where none has one."""
    sign = 1 if minimize else -1
    return min(complete_ones(trials), key=lambda each: sign * (each.value or 0.0), default=None)


def last_value(trial: Trial) -> float | None:
    """Return what a trial reported last; `None` where that is nothing, or not finite."""
    value = list(trial.steps.values())[-1] if trial.steps else None
    return value if value is not None and math.isfinite(value) else None


def _horizon(values: np.ndarray, minimize: bool) -> float | None:
    """Return the worst value worth showing; `None`: all are."""
    if len(values) < 4:
        return None
    signed = values if minimize else -values
    best, most, worst = signed.min(), np.quantile(signed, 0.75), signed.max()
    if not worst - best > 8 * (most - best) > 0:
        return None
    limit = float(best + 4 * (most - best))
    return limit if minimize else -limit


def fit_values(axes: Axes, complete: Sequence[Trial], minimize: bool) -> None:
    """Fit the vertical axis to the trials worth seeing; one that diverged flattens no other."""
    values = floats([each.value for each in complete])
    values = values[np.isfinite(values)]
    if not len(values):
        return
    worst = _horizon(values, minimize)
    best = values.min() if minimize else values.max()
    edge = worst if worst is not None else (values.max() if minimize else values.min())
    low, high = sorted((float(best), float(edge)))
    if low > 0 and high > _SPAN * low:
        axes.set_yscale("log")
        _plain_ticks(axes, "y")
        axes.set_ylim(low / 1.2, high * 1.2)
    elif high > low:
        axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    hidden = int((values > high).sum() + (values < low).sum())
    if hidden:
        axes.annotate(
            f"{hidden} beyond",
            (1, 1 if minimize else 0),
            (-3, -9 if minimize else 5),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=INK,
        )


def color_scale(values: np.ndarray, minimize: bool) -> Normalize:
    """Return how values become colors; the worst ones share one."""
    if not len(values):
        return Normalize(0, 1)
    worst = _horizon(values, minimize)
    ends = [values.min() if worst is None or minimize else worst, values.max()]
    if worst is not None and minimize:
        ends[1] = worst
    return Normalize(float(ends[0]), float(ends[1]) if ends[1] > ends[0] else float(ends[0]) + 1)


def extends(values: np.ndarray, norm: Normalize) -> str:
    """Return at which ends of the color bar there are values beyond it."""
    above = bool(len(values)) and values.max() > float(norm.vmax or 0) + 1e-12
    below = bool(len(values)) and values.min() < float(norm.vmin or 0) - 1e-12
    return "both" if above and below else "max" if above else "min" if below else "neither"


def color_map(minimize: bool) -> str:
    """Return the colors, the best value the brightest."""
    return _MAP if minimize else _MAP.removesuffix("_r")


def is_spread(values: np.ndarray, log: bool) -> bool:
    """Return whether a parameter has more than two different values."""
    return len(np.unique(np.log(values) if log else values)) > 2


def shares_of(values: np.ndarray, log: bool) -> np.ndarray:
    """Return the places of values between the lowest, 0, and the highest, 1."""
    places = np.log(values) if log else values
    return (places - places.min()) / (places.max() - places.min())


def floats(values: Sequence[Any]) -> np.ndarray:
    """Return an array of numbers."""
    return np.array([float(value) for value in values])


def _plain_ticks(axes: Axes, which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter("{x:g}")
    low, high = axis.get_view_interval()
    few = low > 0 and high / low < 300
    axis.set_minor_formatter(some_minor if few else NullFormatter())


def shortened(text: str) -> str:
    """Return a text that fits beside an axis."""
    return text if len(text) <= 24 else f"{text[:23]}…"
