"""The figures of one run: its data, its predictions, its curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqlab.figures.scale import spans
from seqlab.figures.style import (
    BLUE,
    COLORS,
    INK,
    PALE,
    canvas,
    legend,
    log_ticks,
    whole_ticks,
)

_MOST_BARS = 40
_ZOOM = 10
_NAMED = {" ": "␣", "\n": "↵", "\t": "⇥"}


def series(values: Any, clean: Any = None, start: int | None = None) -> Figure:
    """Return the series over time, with its noise-free curve where that is known.

    Args:
        values: `(T,)`, first value at time 1.
        clean: `(T,)` or `None`.
        start: index of the first value that is not trained on; `None`: it is not marked.
    """
    figure, axes = _small("The series", "time step t", "value x(t)")
    _background(axes, values, clean)
    if start is not None and start < len(_array(values)):
        _mark_held_out(axes, start)
    legend(axes)
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
    figure, axes = _small(title, "time step t", "value x(t)")
    _background(axes, values, clean)
    # A forecast fed with itself may run away; the data stay readable all the same.
    low, high = _array(values).min(), _array(values).max()
    axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    end = len(_array(values))
    for (label, (first, numbers)), color in zip(predicted.items(), COLORS, strict=False):
        array = _array(numbers)
        if not len(array):
            continue
        time = np.arange(first, first + len(array)) + 1
        axes.plot(time, array, color=color, linewidth=1.1, label=label)
        end = max(end, first + len(array))
    begin = min((first for first, _ in predicted.values()), default=0)
    length = max((len(_array(numbers)) for _, numbers in predicted.values()), default=0)
    if 0 < _ZOOM * length < end:  # it would be a speck on the whole series
        axes.set_xlim(max(begin + 1 - 4 * length - 20, 1), begin + 3 * length + 10)
    else:
        axes.set_xlim(1, end)
    left, right = axes.get_xlim()
    if left <= start + 1 < right and start < end:
        _mark_held_out(axes, start)
    legend(axes)
    return figure


def _mark_held_out(axes: Axes, start: int) -> None:
    axes.axvline(start + 1, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        f"held out from t = {start + 1}",
        (start + 1, 1.0),
        (5, -4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        color=INK,
        fontsize=8,
    )


def curves(named: Mapping[str, Sequence[tuple[int, float]]], quantity: str) -> Figure:
    """Return a quantity by epoch; its scale is logarithmic where it spans more than a factor 5.

    Args:
        named: for each label its `(epoch, value)` pairs.
        quantity: what the values are: `perplexity` or `loss`.
    """
    figure, axes = _small(f"{quantity.capitalize()} by epoch", "epoch", quantity)
    numbers = [value for pairs in named.values() for _, value in pairs if value > 0]
    for (label, pairs), color in zip(named.items(), COLORS, strict=False):
        epochs, values = zip(*pairs, strict=True)
        marker = "o" if len(epochs) < 12 else None
        text = f"{label}, {values[-1]:.4g} at the end"
        axes.plot(epochs, values, color=color, label=text, linewidth=1.6, marker=marker, ms=4)
    if spans(numbers, 5):
        log_ticks(axes)
    whole_ticks(axes)
    legend(axes)
    return figure


def frequencies(tokens: Sequence[str], counts: Any, part: str) -> Figure:
    """Return how often each token comes: bars of a few characters, or a line by rank.

    Args:
        tokens: the vocabulary.
        counts: `(V,)`, how often each of them comes.
        part: what was counted.
    """
    array = _array(counts)
    order = [index for index in np.argsort(-array, kind="stable") if array[index] > 0]
    shares = array[order] / max(array.sum(), 1)
    labels = [_label(tokens[index]) for index in order]
    if len(order) <= _MOST_BARS and max(map(len, labels), default=0) <= 2:
        figure, axes = _small(f"Frequencies in {part}", "", "share, %")
        axes.bar(np.arange(len(order)), 100 * shares, color=BLUE)
        axes.set_xticks([])
        for place, label in enumerate(labels):  # labels of ticks would take twice as long
            where = axes.get_xaxis_transform()
            axes.text(place, -0.03, label, fontsize=8.5, ha="center", va="top", transform=where)
        axes.margins(x=0.01)
        return figure
    figure, axes = _small(f"Frequencies in {part}", "rank", "share, %")
    ranks = np.arange(1, len(order) + 1)
    axes.plot(ranks, 100 * shares, color=BLUE, linewidth=1.6)
    for which in ("x", "y"):
        log_ticks(axes, which)
    for rank in (rank for rank in (1, 3, 10, 30, 100, 300, 1000) if rank <= len(order)):
        share = 100 * shares[rank - 1]
        axes.plot(rank, share, "o", color=BLUE, markersize=3.5)
        text = labels[rank - 1]
        axes.annotate(text, (rank, share), (4, 3), textcoords="offset points", fontsize=8)
    return figure


def _small(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Return an empty figure that can be read at a third of its size, as dashboards show it."""
    return canvas(title, x, y, (4.2, 2.8), 240)


def _label(token: str) -> str:
    """Return a token as the font can draw it."""
    if token in _NAMED:
        return _NAMED[token]
    # Matplotlib's own font has letters of Europe only; it warns of every other one.
    known = all(char.isprintable() and ord(char) < 0x530 for char in token)
    label = token if known else " ".join(f"U+{ord(char):04X}" for char in token[:2])
    return label if len(label) <= 14 else f"{label[:13]}…"


def _background(axes: Axes, values: Any, clean: Any) -> None:
    array = _array(values)
    time = np.arange(len(array)) + 1
    axes.plot(time, array, color=PALE, linewidth=0.7, label="data")
    if clean is not None:
        axes.plot(time, _array(clean), color=INK, linewidth=1.1, linestyle=":", label="noise-free")
    axes.set_xlim(1, len(array))


def _array(values: Any) -> np.ndarray:
    if hasattr(values, "detach"):
        values = values.detach().float().cpu()
    return np.asarray(values)
