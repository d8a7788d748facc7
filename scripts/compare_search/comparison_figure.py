"""The figure of the comparison: what every single repetition found."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from seqlab.system.files import replacing

METHODS = {"grid": "#6b7683", "random": "#d9541e", "tpe": "#1f6fb4", "gp": "#2f8f4e"}
INK = "#30343b"


def draw(known: dict[str, Any], file: Path) -> None:
    """Draw one panel for each budget: every repetition a dot, the median a line."""
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
        for at, (method, color) in enumerate(METHODS.items()):
            values = np.asarray(each["found"][method])
            beside = rng.uniform(-0.22, 0.22, len(values))
            axes.scatter(at + beside, values, s=9, color=color, alpha=0.55, linewidths=0)
            axes.hlines(np.median(values), at - 0.32, at + 0.32, color=INK, linewidth=1.8)
        axes.set_xticks(range(len(METHODS)), labels=[*METHODS])
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
