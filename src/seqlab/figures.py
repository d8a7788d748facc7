"""Every plot, from plain arrays; nothing here knows a model, a data module or a screen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_INK = "#30343b"
_NOISY = "#b9c0ca"
_COLORS = ("#1f6fb4", "#d9541e", "#2f8f4e", "#8a4fb5", "#b3851a", "#c23b6b")


def series(values: Any, clean: Any = None) -> Figure:
    """Return the series over time, with its noise-free curve where that is known.

    Args:
        values: `(T,)`, first value at time 1.
        clean: `(T,)` or `None`.
    """
    figure, axes = _canvas("The series", "time step t", "value x(t)")
    _background(axes, values, clean)
    _legend(axes)
    return figure


def predictions(
    values: Any,
    clean: Any,
    predicted: Mapping[str, tuple[int, Any]],
    start: int,
    *,
    title: str,
) -> Figure:
    """Return predictions drawn over the series.

    Args:
        values: `(T,)`, first value at time 1.
        clean: `(T,)` or `None`: the noise-free curve.
        predicted: for each label the index in the series of its first value, and its values.
        start: index in the series of the first value that was not trained on.
        title: heading.
    """
    figure, axes = _canvas(title, "time step t", "value x(t)")
    _background(axes, values, clean)
    # A forecast fed with itself may run away; the data stay readable all the same.
    low, high = _array(values).min(), _array(values).max()
    axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    end = len(_array(values))
    for (label, (first, numbers)), color in zip(predicted.items(), _COLORS, strict=False):
        array = _array(numbers)
        if not len(array):
            continue
        time = np.arange(first, first + len(array)) + 1
        axes.plot(time, array, color=color, linewidth=1.3, label=label)
        end = max(end, first + len(array))
    axes.set_xlim(1, end)
    if start >= end:  # nothing was held out
        _legend(axes)
        return figure
    axes.axvline(start + 1, color=_INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        f"held out from t = {start + 1}",
        (start + 1, 1.0),
        (5, -4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        color=_INK,
        fontsize=8,
    )
    _legend(axes)
    return figure


def curves(named: Mapping[str, Sequence[tuple[int, float]]], quantity: str) -> Figure:
    """Return a quantity by epoch; its scale is logarithmic where it spans more than a factor 5.

    Args:
        named: for each label its `(epoch, value)` pairs.
        quantity: what the values are: `perplexity` or `loss`.
    """
    figure, axes = _canvas(f"{quantity.capitalize()} by epoch", "epoch", quantity)
    numbers = [value for pairs in named.values() for _, value in pairs if value > 0]
    for (label, pairs), color in zip(named.items(), _COLORS, strict=False):
        epochs, values = zip(*pairs, strict=True)
        marker = "o" if len(epochs) < 12 else None
        text = f"{label}, {values[-1]:.4g} at the end"
        axes.plot(epochs, values, color=color, label=text, linewidth=1.6, marker=marker, ms=4)
    if numbers and max(numbers) > 5 * min(numbers):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(lambda x, _: f"{x:g}" if f"{x:e}"[0] in "25" else "")
        axes.grid(True, which="minor", linewidth=0.3, alpha=0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    return figure


def _canvas(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 4), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, color=_INK, pad=24)
    axes.set_xlabel(x, color=_INK)
    axes.set_ylabel(y, color=_INK)
    axes.grid(True, linewidth=0.5, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK, labelsize=9)
    return figure, axes


def _background(axes: Axes, values: Any, clean: Any) -> None:
    array = _array(values)
    time = np.arange(len(array)) + 1
    axes.plot(time, array, color=_NOISY, linewidth=0.9, label="data")
    if clean is not None:
        axes.plot(time, _array(clean), color=_INK, linewidth=1.1, linestyle=":", label="noise-free")
    axes.set_xlim(1, len(array))


def _legend(axes: Axes) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=6,
        frameon=False,
        fontsize=8.5,
        borderaxespad=0.1,
        handlelength=1.6,
        columnspacing=1.4,
    )


def _array(values: Any) -> np.ndarray:
    if hasattr(values, "detach"):
        values = values.detach().float().cpu()
    return np.asarray(values)
