"""The figure of the comparison: the result of every repetition."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from compare_search.comparison import METHODS
from seqlab.figures.style import INK
from seqlab.system.files import replacing

COLORS = ("#6b7683", "#d9541e", "#1f6fb4", "#2f8f4e")


def draw(known: dict[str, Any], file: Path) -> None:
    """Draw a panel for each budget: a dot for every repetition, a line for the median."""
    panels = [
        (name, each)
        for name in ("synthetic", "runs")
        for each in known.get(name, {}).get("comparisons", [])
    ]
    columns = 3
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(2.6 * columns, 3.3 * rows), dpi=130, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_visible(False)
            continue
        name, each = panels[place]
        rng = np.random.default_rng(0)
        for at, (method, color) in enumerate(zip(METHODS, COLORS, strict=True)):
            values = np.asarray(each["found"][method])
            beside = rng.uniform(-0.22, 0.22, len(values))
            axes.scatter(at + beside, values, s=9, color=color, alpha=0.55, linewidths=0)
            axes.hlines(np.median(values), at - 0.32, at + 0.32, color=INK, linewidth=1.8)
        axes.set_xticks(range(len(METHODS)), labels=METHODS)
        axes.set_title(
            f"{each['case']}, {each['budget']} trials", loc="left", fontsize=10, color=INK
        )
        label = "distance from the optimum" if name == "synthetic" else "val/loss, fresh seeds"
        axes.set_ylabel(label, color=INK)
        axes.grid(True, axis="y", linewidth=0.5, alpha=0.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK, labelsize=9)
        if name == "synthetic":
            axes.set_ylim(bottom=0)
    with replacing(file) as partial:
        figure.savefig(partial, format="png")
