"""What every figure looks like."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#30343b"
NOISY = "#b9c0ca"
COLORS = (
    *("#1f6fb4", "#d9541e", "#2f8f4e", "#8a4fb5", "#b3851a"),
    *("#c23b6b", "#12908e", "#7a4a2b", "#6b7683", "#7d9a1c"),
)


def canvas(title: str, x: str, y: str, size: tuple[float, float] = (8, 4)) -> tuple[Figure, Axes]:
    """Return an empty figure with its title and axis labels; its legend goes under the title."""
    figure = Figure(figsize=size, dpi=130, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=24)
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
    """Draw the legend between title and axes, in as many rows as it takes."""
    labels = axes.get_legend_handles_labels()[1]
    longest = max(map(len, labels), default=0)
    fits = sum(len(label) + 7 for label in labels) <= 118
    columns = 6 if fits else max(1, min(6, 118 // (longest + 8)))
    rows = -(-len(labels) // columns)
    title = axes.get_title(loc="left")
    figure = axes.get_figure(root=True)
    if figure is not None:
        width, height = figure.get_size_inches()
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


def log_ticks(axes: Axes) -> None:
    """Make the vertical axis logarithmic, its ticks plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(some_minor)
    axes.grid(True, which="minor", linewidth=0.3, alpha=0.4)


def some_minor(x: float, _: float = 0.0) -> str:
    """Return the label of a minor logarithmic tick: only 2, 5 and their decades have one."""
    return f"{x:g}" if f"{x:e}"[0] in "25" else ""
