"""The curves of several runs in one figure."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from seqlab.figures.scale import spans
from seqlab.figures.style import COLORS, INK, dress, legend, log_ticks, whole_ticks

Curves = Mapping[int, Sequence[tuple[int, float]]]
_STYLES = ("-", "--", ":", "-.")


def comparison(panels: Mapping[str, Curves], labels: Sequence[str]) -> Figure:
    """Return curves by epoch, one panel under the other; a run has its color in all of them.

    Args:
        panels: for each title, which begins with a quantity, the `(epoch, value)` pairs of some
            runs, by their place.
        labels: what each run is called.
    """
    figure = Figure(figsize=(8, 3.6 * len(panels)), dpi=130, layout="constrained")
    for number, (title, curves) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(len(panels), 1, number)
        axes.set_title(title, loc="left", fontsize=11, color=INK, pad=8)
        axes.set_xlabel("epoch", color=INK)
        axes.set_ylabel(title.partition(" ")[0], color=INK)
        dress(axes)
        for place, pairs in curves.items():
            epochs, values = zip(*pairs, strict=True)
            axes.plot(
                epochs,
                values,
                color=COLORS[place % len(COLORS)],
                linestyle=_STYLES[place % len(_STYLES)],  # equal curves are both seen
                linewidth=1.6,
                marker="o" if len(epochs) < 12 else None,
                ms=4,
                label=labels[place],
            )
        if spans([value for pairs in curves.values() for _, value in pairs if value > 0], 5):
            log_ticks(axes)
        whole_ticks(axes)
        legend(axes)
    return figure
