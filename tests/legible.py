"""Whether what a figure shows can be read."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure


def _texts(axes: Axes) -> Iterator[Any]:
    ticks = [
        label
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for which in ("major", "minor")
        for place, label in zip(
            axis.get_ticklocs(minor=which == "minor"),
            axis.get_ticklabels(which=which),
            strict=False,
        )
        if low <= place <= high or low >= place >= high
    ]
    yield from (each for each in ticks if each.get_text())
    yield from (axes.xaxis.label, axes.yaxis.label, axes._left_title)  # type: ignore[attr-defined]
    if (legend := axes.get_legend()) is not None:
        yield from legend.get_texts()


def faults(figure: Figure) -> list[str]:
    """Return what is wrong with a figure, in words."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    whole = figure.bbox.padded(1)
    found = []
    for axes in figure.axes:
        boxes = {each: each.get_window_extent(renderer) for each in _texts(axes)}
        for text, box in boxes.items():
            if text.get_text() and not (whole.contains(*box.min) and whole.contains(*box.max)):
                found.append(f"cut off: {text.get_text()}")
        upright = [each for each in boxes if each.get_rotation() in (0, 90)]
        for one, other in itertools.combinations(upright, 2):
            if boxes[one].overlaps(boxes[other]) and one.get_text() and other.get_text():
                found.append(f"overlap: {one.get_text()} and {other.get_text()}")
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        for bars in (each for each in axes.containers if isinstance(each, ErrorbarContainer)):
            (segment,) = bars.lines[2][0].get_segments()
            slack = 1e-9 * (top - bottom)
            if not (bottom - slack <= segment[:, 1].min() and segment[:, 1].max() <= top):
                found.append(f"interval beyond the axis: {segment[:, 1]}")
        for dots in (each for each in axes.collections if isinstance(each, PathCollection)):
            x = np.asarray(dots.get_offsets())[:, 0]
            if x.size and not (left < x.min() and x.max() < right):
                found.append(f"points at or beyond the edge: {x}")
    return found
