"""Figures show what they say: every value within the axes."""

import io
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from seqlab import figures

SERIES = np.sin(np.arange(1, 101) / 10)


def drawn(start: int, first: int, values: np.ndarray) -> tuple[tuple[float, float], list[str]]:
    figure = figures.predictions(SERIES, None, {"forecast": (first, values)}, start, title="t")
    (axes,) = figure.axes
    return axes.get_xlim(), [line.get_label() for line in axes.get_lines()]


def test_axes_end_with_the_series() -> None:
    limits, labels = drawn(60, 60, np.zeros(40))
    assert limits == (1, 100)
    assert "forecast" in labels


def test_forecast_beyond_the_series_is_within_the_axes() -> None:
    limits, labels = drawn(60, 100, np.zeros(50))
    assert limits == (1, 150)
    assert "forecast" in labels


def test_nothing_held_out_draws_no_line_for_it() -> None:
    limits, labels = drawn(100, 100, np.zeros(0))
    assert limits == (1, 100)
    assert "forecast" not in labels


def test_forecast_that_runs_away_does_not_flatten_the_series() -> None:
    figure = figures.predictions(
        SERIES, None, {"forecast": (60, np.full(40, 1e9))}, 60, title="t"
    )  # fmt: skip
    low, high = figure.axes[0].get_ylim()
    assert low == pytest.approx(SERIES.min() - 0.1 * np.ptp(SERIES))
    assert high == pytest.approx(SERIES.max() + 0.1 * np.ptp(SERIES))


def test_personal_settings_change_no_figure() -> None:
    def draw() -> Figure:
        return figures.curves({"a": [(1, 2.0), (2, 1.0)]}, "loss")

    plain = figures.png_of(draw)
    personal = {"text.usetex": True, "font.size": 30.0, "savefig.dpi": 20, "axes.facecolor": "red"}
    with matplotlib.rc_context(personal):
        assert figures.png_of(draw) == plain
        assert matplotlib.rcParams["text.usetex"]
    assert figures.png_of(lambda: None) is None


def test_frequencies_are_shares_by_falling_frequency() -> None:
    figure = figures.frequencies(["<unk>", "a", " ", "\n"], [0, 1, 6, 3], "the text")
    (axes,) = figure.axes
    heights = [patch.get_height() for patch in axes.patches]
    assert heights == pytest.approx([60, 30, 10])
    assert [text.get_text() for text in axes.texts] == ["␣", "↵", "a"]
    assert axes.get_title(loc="left") == "Frequencies in the text"


def test_many_tokens_are_a_line_by_rank() -> None:
    counts = np.arange(1, 101)
    figure = figures.frequencies([f"word{n}" for n in range(100)], counts, "the text")
    (axes,) = figure.axes
    line = axes.get_lines()[0]
    assert list(line.get_xdata()) == list(range(1, 101))
    assert line.get_ydata() == pytest.approx(100 * counts[::-1] / counts.sum())
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in axes.texts] == [f"word{n}" for n in (99, 97, 90, 70, 0)]


def test_tokens_that_the_font_lacks_are_told_by_their_numbers() -> None:
    figure = figures.frequencies(["<unk>", "文", "ж", "x" * 20], [0, 3, 2, 1], "the text")
    assert [text.get_text() for text in figure.axes[0].texts] == ["U+6587", f"{'x' * 13}…"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert figures.png_of(lambda: figure)


@pytest.mark.parametrize("kind", ["k_step", "loss"])
def test_nothing_is_cut_off_and_letters_are_large(kind: str) -> None:
    def draw() -> Figure:
        if kind == "loss":
            curves = {"training": [(1, 0.0735), (2, 0.05751)], "held out": [(1, 0.1), (2, 0.05716)]}
            return figures.curves(curves, "loss")
        lines = {f"{k}-step": (k, SERIES[k:]) for k in (1, 4, 16, 64)}
        return figures.predictions(SERIES, SERIES, lines, 60, title="k-step predictions")

    png = figures.png_of(draw)
    assert png is not None
    image = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    edges = (image[:3], image[-3:], image[:, :3], image[:, -3:])
    assert min(edge.min() for edge in edges) > 200, "something reaches the edge"
    # A dashboard shows it about 340 pixels wide: the smallest letters are then 8 high.
    figure = draw()
    legend = figure.axes[0].get_legend()
    assert legend is not None
    points = min(text.get_fontsize() for text in legend.get_texts())
    assert points / 72 * 340 / figure.get_size_inches()[0] > 8
