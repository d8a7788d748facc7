"""Axes for the parameters of a sweep, and limits that a diverged run does not stretch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

LOG_FROM = 20
"""An axis is logarithmic only where its values are positive and span more than this factor."""
_FEW_TICKS = 8


@dataclass(frozen=True)
class Scale:
    """Where the values of a parameter lie on an axis.

    Attributes:
        values: the different values; numbers in order, others as they came.
        is_numeric: whether all are numbers; others are categories, one unit apart.
        is_log: whether the axis is logarithmic.
    """

    values: list[Any]
    is_numeric: bool
    is_log: bool

    def position(self, value: Any) -> float:
        """Return where a value lies."""
        return float(value) if self.is_numeric else float(self.values.index(value))

    def shifted(self, value: Any, share: float) -> float:
        """Return a place beside a value, this share of the whole axis further."""
        place = self.position(value)
        if not self.is_numeric:
            return place + share * max(len(self.values), 4)
        low, high = self.values[0], self.values[-1]
        if self.is_log:
            return place * float(high / low) ** share
        return place + share * float(high - low)

    def draw_ticks(self, axes: Axes) -> None:
        """Give the horizontal axis its scale, with a tick at each value where they are few."""
        if self.is_log:
            axes.set_xscale("log")
        if self.is_numeric and len(self.values) > _FEW_TICKS:
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("")
            return
        if not self.is_numeric:
            axes.set_xlim(-0.5, len(self.values) - 0.5)
        labels = [tick_label(value) for value in self.values]
        turned = sum(len(label) + 3 for label in labels) > 90
        axes.set_xticks([self.position(value) for value in self.values])
        axes.set_xticklabels(
            labels, rotation=30 if turned else 0, ha="right" if turned else "center"
        )
        axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)


def scale_of(values: Sequence[Any]) -> Scale:
    """Return the scale for the values of a parameter, repeated or not."""
    if all(_is_number(value) for value in values):
        numbers = sorted(set(values))
        return Scale(numbers, True, _suits_log(numbers))
    different: list[Any] = []
    for value in values:
        if value not in different:
            different.append(value)
    return Scale(different, False, False)


def _suits_log(numbers: Sequence[float]) -> bool:
    """Return whether ordered values are spread more evenly by their logarithms."""
    low, high = numbers[0], numbers[-1]
    if not low > 0 or not high > LOG_FROM * low:
        return False
    median = float(np.median(numbers))
    plain = (median - low) / (high - low)
    logarithmic = math.log(median / low) / math.log(high / low)
    return abs(logarithmic - 0.5) < abs(plain - 0.5)


def tick_label(value: Any) -> str:
    """Return a value as the label of a tick."""
    text = f"{value:g}" if _is_number(value) else str(value)
    return text if len(text) <= 28 else f"{text[:27]}…"


def horizon(values: Sequence[float], *, lower_is_better: bool) -> float | None:
    """Return the worst value that a figure shows; `None`: all of them.

    Where the worst values are more than 8 times as far from the best as three quarters of them
    are, they are off the figure: one diverged run would flatten all others.

    Args:
        values: finite, one a point.
        lower_is_better: which end is the good one.
    """
    if len(values) < 4:
        return None
    array = np.asarray(values, dtype=float)
    logarithmic = bool((array > 0).all()) and lower_is_better
    if logarithmic:
        array = np.log10(array)
    if not lower_is_better:
        array = -array
    best, three_quarters, worst = array.min(), np.quantile(array, 0.75), array.max()
    if not worst - best > 8 * (three_quarters - best) > 0:
        return None
    limit = best + 4 * (three_quarters - best)
    if not lower_is_better:
        return float(-limit)
    return float(10**limit) if logarithmic else float(limit)


def spans_much(values: Sequence[float]) -> bool:
    """Return whether a logarithmic axis suits these finite values."""
    return bool(values) and min(values) > 0 and max(values) > LOG_FROM * min(values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
