"""Figures show what they say: every value within the axes."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

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
