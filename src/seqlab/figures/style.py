"""What every figure looks like: its colors, title, legend, note, and the labels of its ticks."""

import io
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, MaxNLocator, NullLocator

INK = "#30343b"
PALE = "#b9c0ca"
COLORS = (
    *("#1f6fb4", "#d9541e", "#2f8f4e", "#8a4fb5", "#b3851a"),
    *("#c23b6b", "#12908e", "#7a4a2b", "#6b7683", "#7d9a1c"),
)
BLUE, ORANGE, GREY = COLORS[0], COLORS[1], COLORS[8]
CHARACTER = 0.07
"""The width of a character of a tick's label, in inches."""


def png_of(
    draw: Callable[[], Figure | None], *, math: bool = True, compress_level: int = 6
) -> bytes | None:
    """Return a figure as a PNG file, drawn with Matplotlib's own settings, whatever the person's.

    Args:
        draw: returns the figure; `None`: there is nothing to be drawn.
        math: whether dollar signs enclose a formula.
        compress_level: of the PNG file, 0 to 9.
    """
    settings: dict[Any, Any] = dict(matplotlib.rcParamsDefault)
    settings.pop("backend", None)  # a PNG file needs none
    packed = io.BytesIO()
    with matplotlib.rc_context(settings | {"text.parse_math": math}):
        if (figure := draw()) is None:
            return None
        figure.savefig(packed, format="png", pil_kwargs={"compress_level": compress_level})
    return packed.getvalue()


def canvas(
    title: str, x: str, y: str, size: tuple[float, float] = (8, 4), dpi: int = 130
) -> tuple[Figure, Axes]:
    """Return an empty figure of so many inches with its title and axis labels."""
    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=8)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """Give axes the look of all figures."""
    axes.grid(True, linewidth=0.5, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", colors=INK, labelsize=9)


def legend(axes: Axes) -> None:
    """Draw the legend, if there are labels, between title and axes, in as many rows as it takes."""
    labels = axes.get_legend_handles_labels()[1]
    if not labels:
        return
    figure = axes.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    room = int(118 * (width - 0.7) / 7.3)  # characters beside the labels of the axis
    fits = sum(len(label) + 7 for label in labels) <= room
    columns = 6 if fits else max(1, min(6, room // (max(map(len, labels)) + 8)))
    rows = -(-len(labels) // columns)
    title = axes.get_title(loc="left")
    figure.set_size_inches(width, height + 0.2 * (rows - 1))
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=11 + 13 * rows)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=8.5,
        borderaxespad=0.1,
        handlelength=1.6,
        columnspacing=1.4,
    )


def write_note(figure: Figure, *sentences: str) -> None:
    """Write sentences, of which some may be empty, under a figure."""
    if text := " ".join(filter(None, sentences)):
        wrapped = textwrap.fill(text, 130)
        figure.supxlabel(wrapped, x=0.01, ha="left", fontsize=7.5, color="#5b6470")


def shortened(texts: Sequence[str], most: int = 28) -> list[str]:
    """Return texts of at most so many characters, cut where most of them stay different."""
    cuts = [
        [t if len(t) <= most else f"{t[:kept]}…{t[len(t) - most + 1 + kept :]}" for t in texts]
        for kept in (most // 2, most - 1, 0)
    ]
    return max(cuts, key=lambda cut: len(set(cut)))


def axis_of(axes: Axes, which: str) -> Any:
    """Return the horizontal axis, `x`, or the vertical one, `y`."""
    return axes.xaxis if which == "x" else axes.yaxis


def length_of(axes: Axes, which: str) -> float:
    """Return the length of an axis in inches: before the figure is laid out, about that."""
    box, figure = axes.get_window_extent(), axes.get_figure(root=True)
    return (box.width if which == "x" else box.height) / (figure.dpi if figure else 100)


def label_ticks(
    axes: Axes, which: str, places: Sequence[float], labels: Sequence[str], *, turn: bool = True
) -> None:
    """Put ticks at these places alone; labels are shortened and, if they need it, turned."""
    axis, length, texts = axis_of(axes, which), length_of(axes, which) / CHARACTER, labels
    labels = shortened(texts)
    each = length / max(len(labels), 1)
    turn = turn and which == "x" and max(map(len, labels), default=0) + 1.5 > each
    if turn and len(set(short := shortened(texts, int(length / 2)))) == len(set(labels)):
        labels = min(labels, short, key=lambda cut: max(map(len, cut)))
    axis.set_ticks(places, labels=labels)
    axis.set_minor_locator(NullLocator())
    if turn:
        style = {"rotation": 30, "va": "top"}
        if each * CHARACTER < 0.3:  # turned by less, they would overlap
            style = {"rotation": 90, "va": "center"}
        for text in axis.get_ticklabels():
            text.set(**style, ha="right", rotation_mode="anchor")


def whole_ticks(axes: Axes, which: str = "x") -> None:
    """Put ticks at whole numbers alone."""
    locator = MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
    axis_of(axes, which).set_major_locator(locator)


def log_ticks(axes: Axes, which: str = "y") -> None:
    """Make an axis logarithmic, its ticks plain numbers."""
    axes.set(**{f"{which}scale": "log"})
    plain_ticks(axes, which)
    axis_of(axes, which).grid(True, which="minor", linewidth=0.3, alpha=0.4)


def plain_ticks(axes: Axes, which: str) -> None:
    """Label the ticks of a logarithmic axis with plain numbers."""
    # Labels of the shorter ticks stand as far away as those of the longer ones.
    axis_of(axes, which).set_tick_params(which="minor", pad=5)
    axis_of(axes, which).set_major_formatter(_PlainNumbers())
    axis_of(axes, which).set_minor_formatter(_PlainNumbers())


class _PlainNumbers(Formatter):
    """Labels each power of ten and, where a decade is long enough, its 2 and its 5."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        axis: Any = self.axis
        decades = [math.log10(end) for end in sorted(axis.get_view_interval())]
        decade = length_of(axis.axes, axis.axis_name) / (decades[1] - decades[0])
        longest = max(len(f"{10.0 ** round(end):g}") for end in decades)
        # The labels of 5 and 10 are the closest.
        needed = CHARACTER * (longest + 1) / 0.28 if axis.axis_name == "x" else 0.55
        return f"{x:g}" if f"{x:e}"[0] in ("125" if decade > needed else "1") else ""
