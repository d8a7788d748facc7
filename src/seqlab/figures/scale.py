"""Where values lie in the figures of sweeps: parameters on an axis, a metric by height or color."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, to_rgba_array

from seqlab.figures.style import (
    CHARACTER,
    GREY,
    INK,
    label_ticks,
    length_of,
    log_ticks,
    plain_ticks,
    whole_ticks,
)

_LOG_FROM = 20
_BY_FACTORS = 4
_FEW_TICKS = 12
_DIVERGED = 1000
_MARGIN = 0.06
"""The room on either side of a parameter's values, as a share of their distance."""
_LINE = 0.16
"""The height of a tick's label, in inches."""


@dataclass(frozen=True)
class Scale:
    """Where the values of a parameter lie on an axis.

    Attributes:
        values: the different values, at least one: numbers in order, others as they came.
        is_numeric: whether all are numbers; others are categories, one unit apart.
        is_log: whether the axis is logarithmic; a zero lies one step below the other values.
    """

    values: list[Any]
    is_numeric: bool = False
    is_log: bool = False

    def position(self, value: Any, shift: float = 0.0) -> float:
        """Return where a value lies, moved by this share of the whole axis."""
        if not self.is_numeric:
            return self.values.index(value) + shift * max(len(self.values), 4)
        low, high = self._ends
        if self.is_log:
            return float((value or low) * (high / low) ** shift)
        return float(value + shift * (high - low))

    @property
    def _ends(self) -> tuple[float, float]:
        """Where the first and the last number lie."""
        low, high = self.values[0], self.values[-1]
        if self.is_log and low == 0:
            least = self.values[1]
            low = least / (high / least) ** (1 / (len(self.values) - 2))
        return float(low), float(high)

    def share(self, value: Any) -> float:
        """Return how far a value lies between the first value, 0, and the last, 1."""
        bend = math.log if self.is_log else float
        low, at, high = (
            bend(self.position(each)) for each in (self.values[0], value, self.values[-1])
        )
        return (at - low) / ((high - low) or 1.0)

    def at_share(self, share: float) -> float:
        """Return where lies what `share` returns this for."""
        if self.is_numeric:
            return self.position(self.values[0], share)
        return share * (len(self.values) - 1)

    def draw_ticks(self, axes: Axes, which: str = "x") -> None:
        """Give an axis, `x` or `y`, this scale, with ticks at its values where they are few."""
        if self.is_log:
            log_ticks(axes, which)
        labelled: list[Any] = []
        if not self.is_numeric:
            ends = (-0.5, len(self.values) - 0.5)
            most = max(1, int(length_of(axes, which) / _LINE))
            labelled = self.values[:: math.ceil(len(self.values) / most)]
        else:
            ends = self._with_margins()
            if len(self.values) <= _FEW_TICKS and all(map(_is_round, self.values)):
                labelled = self._apart(length_of(axes, which), which)
        axes.set(**{f"{which}lim": ends})
        if labelled:
            places, labels = [*map(self.position, labelled)], [*map(tick_label, labelled)]
            label_ticks(axes, which, places, labels, turn=not self.is_numeric)
        elif not self.is_log and all(isinstance(value, int) for value in self.values):
            whole_ticks(axes, which)

    def _with_margins(self) -> tuple[float, float]:
        low, high = self._ends
        if low == high:
            return low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
        first, last = self.values[0], self.values[-1]
        return self.position(first, -_MARGIN), self.position(last, _MARGIN)

    def _apart(self, length: float, which: str) -> list[Any]:
        """Return the values whose labels do not run into those before, on so many inches."""
        shown, end = [], -math.inf
        for value in self.values:
            at = length * self.share(value)
            half = CHARACTER * len(tick_label(value)) / 2 if which == "x" else 0.07
            if at - half > end:
                shown.append(value)
                end = at + half + 0.05
        return shown


def scale_of(values: Sequence[Any], *, is_log: bool | None = None) -> Scale:
    """Return the scale for the values of a parameter, repeated or not.

    Args:
        values: at least one.
        is_log: whether numbers are to lie on a logarithmic axis, which they do where they span more
            than a factor 5; `None`: where that spreads them more evenly.
    """
    if not all(_is_number(value) for value in values):
        return Scale(list(dict.fromkeys(values)))
    numbers = sorted(set(values))
    suits = _suits_log(numbers) if is_log is None else is_log and spans(numbers, 5)
    return Scale(numbers, True, suits)


def _suits_log(numbers: Sequence[float]) -> bool:
    """Return whether ordered values are spread more evenly by their logarithms."""
    if numbers[0] == 0:
        # Only where its tick can say that it is a zero.
        few = len(numbers) <= _FEW_TICKS and all(map(_is_round, numbers))
        return few and spans(numbers[1:]) and (len(numbers) == 3 or _suits_log(numbers[1:]))
    low, high = numbers[0], numbers[-1]
    if low < 0 or high < _BY_FACTORS * low:
        return False
    median = float(np.median(numbers))
    plain = (median - low) / (high - low)
    logarithmic = math.log(median / low) / math.log(high / low)
    return abs(logarithmic - 0.5) < abs(plain - 0.5)


def spans(values: Sequence[float], factor: float = _LOG_FROM) -> bool:
    """Return whether finite values are positive and span more than a factor."""
    return bool(values) and min(values) > 0 and max(values) > factor * min(values)


def tick_label(value: Any) -> str:
    """Return a value as the label of a tick."""
    return f"{value:g}" if _is_number(value) else str(value)


def tick_labels(values: Sequence[Any]) -> list[str]:
    """Return values as the labels of ticks, numbers in three digits where they stay different."""
    labels = [*map(tick_label, values)]
    short = [f"{value:.3g}" if isinstance(value, float) else tick_label(value) for value in values]
    return short if len(set(short)) == len(set(labels)) else labels


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_round(number: float) -> bool:
    return isinstance(number, int) or float(f"{number:.3g}") == number


class Range:
    """Which values of a metric a figure shows: those that are finite and within the horizon.

    Args:
        values: finite or not.
        lower_is_better: which end is the good one.
        kept: those that are shown whatever the horizon is.
        log_from: the factor beyond which the axis of positive values is logarithmic.

    Attributes:
        is_empty: whether there is none.
        low: the smallest of them; 0 where there is none.
        high: the largest; 1 where there is none.
        is_log: whether their axis and their colors are logarithmic.
        lower_is_better: which end is the good one.
        colors: the color map of `norm`; the better, the brighter, and grey for what is hidden.
    """

    def __init__(
        self,
        values: Sequence[float],
        *,
        lower_is_better: bool,
        kept: Sequence[float] = (),
        log_from: float = _LOG_FROM,
    ) -> None:
        finite = [value for value in values if math.isfinite(value)]
        self.lower_is_better = lower_is_better
        self._worst = horizon(finite, lower_is_better=lower_is_better)
        if self._worst is not None:
            self._worst = (max if lower_is_better else min)([self._worst, *kept])
        shown = [value for value in finite if not self.hides(value)]
        self.is_empty = not shown
        self.low, self.high = min(shown, default=0.0), max(shown, default=1.0)
        self.is_log = spans(shown, log_from) and min(finite) > 0
        colors = colormaps["viridis_r" if lower_is_better else "viridis"]
        self.colors = colors.with_extremes(under=GREY, over=GREY)

    def hides(self, value: float) -> bool:
        """Return whether a value is off the figure."""
        if self._worst is None or not math.isfinite(value):
            return not math.isfinite(value)
        return value > self._worst if self.lower_is_better else value < self._worst

    def norm(self) -> Normalize:
        """Return how values become colors."""
        if self.low == self.high:
            return Normalize(self.low - 0.5, self.high + 0.5)
        return (LogNorm if self.is_log else Normalize)(self.low, self.high)

    def color_of(self, value: float) -> tuple[float, ...]:
        """Return the color of a finite value: red, green, blue and opacity, 0 to 1."""
        return self.colors(float(self.norm()(value)))

    def fit(self, axes: Axes, intervals: Sequence[tuple[float, float]] = ()) -> None:
        """Fit the vertical axis to the values and to intervals around them, with some room.

        An interval that reaches down to zero, or far towards it, does not fit on a logarithmic
        axis: it is cut at half the length of the values below them.
        """
        low = min([self.low, *(low for low, _ in intervals)])
        high = max([self.high, *(high for _, high in intervals)])
        if self.is_log:
            log_ticks(axes)
            low = max(low, self.low / math.sqrt(self.high / self.low))
            factor = (high / low) ** 0.06
            axes.set_ylim(low / factor, high * factor)
            return
        spread = high - low or abs(high) or 1.0
        axes.set_ylim(low - 0.08 * spread, high + 0.08 * spread)
        if self.is_empty:
            axes.set_yticks([])
        axes.ticklabel_format(axis="y", useOffset=False)

    def draw_points(
        self,
        axes: Axes,
        places: Sequence[float],
        values: Sequence[float],
        color: Any,
        style: Mapping[str, Any] | None = None,
    ) -> None:
        """Draw values above their places; those off the figure are arrows at its edge.

        Args:
            axes: where to.
            places: one a value, on the horizontal axis.
            values: finite or not.
            color: of all, or one a value.
            style: of the points.
        """
        hidden = np.array([self.hides(value) for value in values], dtype=bool)
        x, y = np.array(places, dtype=float), np.array(values, dtype=float)
        colors = np.broadcast_to(to_rgba_array(color), (len(x), 4))
        if not hidden.all():
            axes.scatter(x[~hidden], y[~hidden], color=colors[~hidden], **(style or {}))
        if hidden.any():
            axes.scatter(
                x[hidden],
                np.full(hidden.sum(), 0.985 if self.lower_is_better else 0.015),
                transform=axes.get_xaxis_transform(),
                marker="^" if self.lower_is_better else "v",
                s=26,
                color=colors[hidden],
                zorder=3,
            )

    def note(self, values: Sequence[float]) -> str:
        """Return a sentence that says how many of these are off the figure; empty for none."""
        count = sum(map(self.hides, values))
        arrow = "▲" if self.lower_is_better else "▼"
        return f"{arrow} {count} not finite or beyond the axis." if count else ""

    def draw_color_bar(self, axes: Axes, image: Any, quantity: str) -> None:
        """Draw the bar that says which color is which value of a quantity."""
        figure: Any = axes.get_figure(root=True)
        beyond = "max" if self.lower_is_better else "min"
        bar = figure.colorbar(
            image, ax=axes, extend="neither" if self._worst is None else beyond, pad=0.02
        )
        better = "lower" if self.lower_is_better else "higher"
        bar.set_label(f"{quantity}, {better} is better", color=INK)
        bar.outline.set_visible(False)
        bar.ax.tick_params(which="both", colors=INK, labelsize=8)
        if self.low == self.high:
            bar.set_ticks([self.low], labels=[f"{self.low:.4g}"])
        elif isinstance(image.norm, LogNorm):
            plain_ticks(bar.ax, "y")
        else:
            bar.ax.yaxis.set_major_formatter("{x:.4g}")


def horizon(values: Sequence[float], *, lower_is_better: bool) -> float | None:
    """Return the worst value that a figure shows; `None`: all of them.

    Runs that diverged would flatten all others. Two kinds are off the figure: those of the worse
    half that a factor of more than 1000 separates from the next better one; and, where the worst
    is more than 8 times as far from the best as three quarters of the values are, those more than
    4 times as far.

    Args:
        values: finite, one a point.
        lower_is_better: which end is the good one.
    """
    in_order = sorted(values)
    if lower_is_better and in_order and in_order[0] > 0:
        for place in range((len(in_order) - 1) // 2, len(in_order) - 1):
            if place and in_order[place + 1] > _DIVERGED * in_order[place]:
                within = in_order[: place + 1]
                return horizon(within, lower_is_better=True) or within[-1]
    if len(values) < 4:
        return None
    sign = 1 if lower_is_better else -1
    array = sign * np.asarray(values, dtype=float)
    logarithmic = bool((array > 0).all()) and lower_is_better
    if logarithmic:
        array = np.log10(array)
    best, three_quarters, worst = array.min(), np.quantile(array, 0.75), array.max()
    if not worst - best > 8 * (three_quarters - best) > 0:
        return None
    limit = float(best + 4 * (three_quarters - best))
    return 10**limit if logarithmic else sign * limit
