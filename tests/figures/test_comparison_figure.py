"""The figure of several runs: panels, colors, labels, scales."""

from typing import Any

from matplotlib.colors import to_hex

from seqlab.figures.comparison import comparison
from seqlab.figures.style import COLORS

PANELS: dict[str, Any] = {
    "train/loss by epoch": {0: [(1, 0.3), (2, 0.2)], 11: [(1, 0.3), (2, 0.2)]},
    "val/perplexity by epoch, of run 2": {1: [(1, 90.0), (2, 9.0)]},
}


def test_a_run_has_its_color_and_label_in_every_panel() -> None:
    first, second = comparison(PANELS, [f"run {number}" for number in range(12)]).axes
    assert (first.get_title(loc="left"), first.get_ylabel()) == (
        "train/loss by epoch",
        "train/loss",
    )
    assert [line.get_label() for line in first.lines] == ["run 0", "run 11"]
    assert [to_hex(line.get_color()) for line in first.lines] == [COLORS[0], COLORS[1]]
    assert [line.get_linestyle() for line in first.lines] == ["-", "-."]  # equal, and both seen
    assert second.get_ylabel() == "val/perplexity"
    assert [to_hex(line.get_color()) for line in second.lines] == [COLORS[1]]


def test_wide_spans_are_logarithmic() -> None:
    first, second = comparison(PANELS, ["run"] * 12).axes
    assert (first.get_yscale(), second.get_yscale()) == ("linear", "log")


def test_figure_grows_with_its_panels() -> None:
    assert comparison(PANELS, ["run"] * 12).get_size_inches().tolist() == [8, 7.2]
