"""The figures of a sweep show what they are given: places, scales, what is off the axis."""

import io
import math
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.markers import CARETDOWNBASE

from seqlab.figures.scale import Range, Scale, horizon, scale_of, spans, tick_labels
from seqlab.figures.style import GREY, canvas, shortened
from seqlab.figures.sweeps import Point, against, bands, heat_map, scatter


def drawn(figure: Figure) -> Figure:
    figure.savefig(io.BytesIO())
    return figure


def caption(figure: Figure) -> str:
    return figure.get_supxlabel()


def point(at: Any, *values: float) -> Point:
    mean = sum(values) / len(values)
    return Point(at, values, mean, mean - 1, mean + 1) if math.isfinite(mean) else Point(at, values)


@pytest.mark.parametrize(
    ("values", "numeric", "log", "order"),
    [
        ([3, 1, 2, 1], True, False, [1, 2, 3]),
        ([0.001, 0.01, 0.1, 1], True, True, [0.001, 0.01, 0.1, 1]),
        ([1, 20], True, False, [1, 20]),
        ([1, 4, 21], True, True, [1, 4, 21]),
        ([0.003, 0.01, 0.03], True, True, [0.003, 0.01, 0.03]),
        ([16, 32, 64], True, True, [16, 32, 64]),
        ([1, 2, 3, 4], True, False, [1, 2, 3, 4]),
        ([0.1, 0.3, 0.5], True, False, [0.1, 0.3, 0.5]),
        ([1, 2, 3], True, False, [1, 2, 3]),
        ([0, 1, 100], True, True, [0, 1, 100]),
        ([0, 0.0001, 0.001, 0.01], True, True, [0, 0.0001, 0.001, 0.01]),
        ([0, 0.1, 0.2, 0.5], True, False, [0, 0.1, 0.2, 0.5]),
        ([0, 1, 50, 99, 100], True, False, [0, 1, 50, 99, 100]),
        ([0, 0.00012345, 0.1], True, False, [0, 0.00012345, 0.1]),  # whose ticks are not its values
        ([-1, 1, 100], True, False, [-1, 1, 100]),
        # Uniform over a wide range: a logarithm would crowd them at one end.
        (list(range(16, 513, 16)), True, False, list(range(16, 513, 16))),
        (["rnn", "gru", "rnn"], False, False, ["rnn", "gru"]),
        ([1, "a"], False, False, [1, "a"]),
        ([True, False], False, False, [True, False]),
    ],
)
def test_scale(values: list[Any], numeric: bool, log: bool, order: list[Any]) -> None:
    scale = scale_of(values)
    assert (scale.is_numeric, scale.is_log, scale.values) == (numeric, log, order)


def test_scale_that_is_asked_for() -> None:
    assert scale_of([1, 10], is_log=True).is_log
    assert not scale_of([1, 5], is_log=True).is_log  # whose ticks would be too few
    assert not scale_of([0.001, 0.01, 0.1, 1], is_log=False).is_log


def test_places_of_a_value_and_beside_it() -> None:
    assert scale_of([0, 10]).position(5, 0.1) == pytest.approx(6)
    assert scale_of([1, 10, 100]).position(10, 0.5) == pytest.approx(100)
    assert scale_of(["a", "b"]).position("b", 0.1) == pytest.approx(1.4)
    assert scale_of([0, 0.01, 1]).position(0) == pytest.approx(0.0001)  # a step below the others
    assert scale_of([0, 0.01, 1]).share(0.01) == pytest.approx(0.5)
    assert scale_of([10, 30]).share(15) == pytest.approx(0.25)
    assert scale_of([1, 10, 100]).share(10) == pytest.approx(0.5)
    assert scale_of(["a", "b", "c"]).share("b") == 0.5
    assert scale_of([3, 3]).share(3) == 0


def test_long_labels_are_cut_where_they_stay_different() -> None:
    ends = ("a" * 20, "b" * 20)
    assert shortened(["x" * 28, "".join(ends)]) == ["x" * 28, "a" * 14 + "…" + "b" * 13]
    middles = [f"{'a' * 16}{n}{'b' * 20}" for n in range(3)]
    assert shortened(middles) == [f"{'a' * 16}{n}{'b' * 10}…" for n in range(3)]
    backwards = [text[::-1] for text in middles]
    assert shortened(backwards, 20) == [f"…bb{n}{'a' * 16}" for n in range(3)]


@pytest.mark.parametrize("which", ["x", "y"])
@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (scale_of([0.1, 0.2, 0.5]), ["0.1", "0.2", "0.5"]),
        (scale_of([0, 0.001, 0.1, 0.5]), ["0", "0.001", "0.1", "0.5"]),
        (scale_of([0, 0.01, 0.5, 1]), ["0", "0.5", "1"]),  # one label hides no other
        (scale_of([1.23456, 4]), ["1.5", "2.0", "2.5", "3.0", "3.5", "4.0"]),
        (scale_of([*range(3, 13)]), [str(n) for n in range(3, 13)]),
        (scale_of([0.7123, 60], is_log=True), ["1", "2", "5", "10", "20", "50"]),
        (scale_of([0.5123, 1.5e7], is_log=True), [f"{10.0**n:g}" for n in range(8)]),
        (Scale(["rnn", "gru"]), ["rnn", "gru"]),
    ],
)
def test_ticks(which: str, scale: Scale, expected: list[str]) -> None:
    figure, axes = canvas("", "", "", (4, 4))
    places = [scale.position(value) for value in scale.values]
    axes.plot(places, places)
    scale.draw_ticks(axes, which)
    drawn(figure)
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    seen = {t.get_loc(): t.label1.get_text() for t in ticks if low <= t.get_loc() <= high}
    labels = [label for _, label in sorted(seen.items()) if label]
    assert labels == expected


@pytest.mark.parametrize(
    ("values", "lower", "expected"),
    [
        ([1, 2, 3, 4, 5], True, None),
        ([1.0, 1.1, 1.2, 1.3, 1e30], True, 1.3),
        ([1.0, 1.1, 1.2, 1.3, 100.0], True, 10 ** (4 * math.log10(1.3))),
        ([0.0, 1.0, 2.0, 3.0, 1000.0], True, 12.0),
        ([0.9, 0.8, 0.7, 0.6, -1000.0], False, 0.9 - 4 * 0.3),
        ([1.0, 1e30], True, None),
        ([1.0, 1.5, 1e30], True, 1.5),
        ([3.0, 1.0, 1e30, 1.5, 1e24, 2.0, 1e25], True, 3.0),  # more than a quarter
        ([1.0, 1e4, 1e5, 1e9, 1e10], True, 1e5),  # of the worse half alone
        ([10.0**n for n in range(9)], True, None),
        ([1.0, 1.0, 1.0, 1.0, 9.0], True, None),
    ],
)
def test_one_diverged_run_does_not_stretch_the_axis(
    values: list[float], lower: bool, expected: float | None
) -> None:
    found = horizon(values, lower_is_better=lower)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_logarithm_only_for_much_and_positive() -> None:
    assert spans([1, 21])
    assert not spans([1, 20])
    assert not spans([0, 21])
    assert not spans([])


def test_metric_against_a_parameter() -> None:
    lines = {"a": [point(0.1, 3.0, 5.0), point(0.001, 1.0, 2.0)], "b": [point(0.01, 2.0)]}
    figure = drawn(against("lr", "loss", lines, note="Said."))
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.001", "0.01", "0.1"]
    means = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}
    assert means["a"] == [1.5, 4.0]  # in the order of the axis
    assert means["b"] == [2.0]
    dots = [each for each in axes.collections if isinstance(each, PathCollection)]
    seeds = [y for each in dots for _, y in np.asarray(each.get_offsets())]
    assert sorted(seeds) == [1, 2, 2, 3, 5]
    low, high = axes.get_ylim()
    assert low < 1
    assert high > 5
    assert caption(figure) == "Said."


def test_what_is_off_the_axis_is_counted() -> None:
    points = [point(x, 1 + 0.1 * x) for x in range(5)]
    points += [point(5, 1e30), point(6, math.nan), point(7, math.inf)]
    figure = drawn(against("x", "perplexity", {"": points}))
    (axes,) = figure.axes
    assert axes.get_ylim()[1] < 10
    assert caption(figure) == "▲ 3 not finite or beyond the axis."
    dots = [each for each in axes.collections if isinstance(each, PathCollection)]
    (arrows,) = [each for each in dots if len(each.get_paths()[0].vertices) == 4]
    assert [x for x, _ in np.asarray(arrows.get_offsets())] == [5, 6, 7]


def test_intervals_are_shown_whole() -> None:
    points = [Point(x, (0.06, 0.07), 0.065, low, 0.08) for x, low in ((1, 0.05), (2, -0.3))]
    figure = drawn(against("x", "loss", {"": points}, note="Said."))
    low, high = figure.axes[0].get_ylim()
    assert (low, high) == pytest.approx((-0.3 - 0.08 * 0.38, 0.08 + 0.08 * 0.38))
    assert caption(figure) == "Said."


def test_interval_that_reaches_to_zero_ends_in_an_arrow_where_the_axis_is_logarithmic() -> None:
    points = [Point(1, (1.0, 1.0), 1.0, 0.9, 1.1), Point(2, (100.0, 90.0), 95.0, -5.0, 195.0)]
    figure = drawn(against("x", "loss", {"": points}))
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    assert axes.get_yscale() == "log"
    assert 0.05 < low < 0.1
    assert high > 195
    (arrow,) = [line for line in axes.get_lines() if line.get_marker() == CARETDOWNBASE]
    assert (list(arrow.get_xdata()), list(arrow.get_ydata())) == ([2.0], [low])
    assert caption(figure) == "An interval that ends in an arrow reaches further down."


def test_nothing_finite_has_no_numbers_on_its_axis() -> None:
    figure = drawn(against("x", "loss", {"": [point(1, math.nan), point(2, math.inf)]}))
    assert list(figure.axes[0].get_yticks()) == []
    assert caption(figure) == "▲ 2 not finite or beyond the axis."


def test_ticks_are_numbers_and_no_distances_from_one() -> None:
    figure = drawn(against("x", "loss", {"": [point(n, 1000 + n * 1e-6) for n in (1, 2)]}))
    assert figure.axes[0].yaxis.get_major_formatter().get_offset() == ""


def test_categories_are_not_joined() -> None:
    figure = drawn(against("cell", "loss", {"": [point("rnn", 1.0), point("gru", 2.0)]}))
    (axes,) = figure.axes
    assert [line.get_linestyle() for line in axes.get_lines()[:1]] == ["None"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["rnn", "gru"]


def test_heat_map_puts_each_value_into_its_cell() -> None:
    cells = {(8, "a"): 1.0, (4, "a"): 2.0, (4, "b"): 3.0, (16, "b"): math.nan}
    figure = drawn(heat_map(("x", "y"), "loss", cells))
    axes = figure.axes[0]
    (image,) = axes.get_images()
    grid = np.asarray(image.get_array().filled(-1))
    assert grid[0, :2].tolist() == [2.0, 1.0]  # row a: x = 4, 8
    assert grid[1, 0] == 3.0
    texts = {text.get_text(): text.get_position() for text in axes.texts}
    assert texts == {"1": (1, 0), "2": (0, 0), "3": (0, 1), "not finite": (2, 1)}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["4", "8", "16"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


@pytest.mark.parametrize("lower", [True, False])
def test_better_is_brighter(lower: bool) -> None:
    figure = heat_map(("x", "y"), "q", {(0, 0): 1.0, (1, 0): 2.0}, lower_is_better=lower)
    (image,) = figure.axes[0].get_images()
    first, second = (sum(image.cmap(image.norm(value))[:3]) for value in (1.0, 2.0))
    assert bool(first > second) is lower


def test_colors_of_a_heat_map_are_not_stretched_by_one_cell() -> None:
    cells = {(i, 0): 1 + 0.1 * i for i in range(5)} | {(9, 0): 1e30}
    (image,) = heat_map(("x", "y"), "q", cells).axes[0].get_images()
    assert image.norm.vmax < 100
    wide = {(i, 0): 10.0**i for i in range(4)}
    (image,) = heat_map(("x", "y"), "q", wide).axes[0].get_images()
    assert isinstance(image.norm, LogNorm)


@pytest.mark.parametrize(("lower", "extend"), [(True, "max"), (False, "min")])
def test_what_is_beyond_the_colors_is_grey(lower: bool, extend: str) -> None:
    values = [1.0, 1.1, 1.2, 1.3, 1e9 if lower else -1e9]
    shown = Range([*values, math.nan], lower_is_better=lower)
    assert (shown.low, shown.high) == (1.0, 1.3)
    assert [shown.hides(value) for value in (*values, math.nan)] == [False] * 4 + [True] * 2
    wide = Range([1, 30, 100, 300, -1e9], lower_is_better=False)
    for color in (shown.color_of(values[-1]), wide.color_of(-1e9)):
        assert color == to_rgba(GREY)
    figure = heat_map(("x", "y"), "q", {(v, 0): v for v in values}, lower_is_better=lower)
    assert figure.axes[0].get_images()[0].colorbar.extend == extend
    better = "lower" if lower else "higher"
    assert figure.axes[1].get_ylabel() == f"q, {better} is better"


def test_many_cells_have_no_numbers() -> None:
    figure = drawn(heat_map(("x", "y"), "q", {(i, j): 1.0 for i in range(11) for j in range(10)}))
    assert figure.axes[0].texts[:] == []


def test_numbers_that_do_not_fit_into_their_cells_are_left_out() -> None:
    narrow = {(i, 0): 1.234 + i for i in range(20)}
    assert drawn(heat_map(("x", "y"), "q", narrow)).axes[0].texts[:] == []
    wide = {(i, 0): 1.234 + i for i in range(12)}
    assert len(drawn(heat_map(("x", "y"), "q", wide)).axes[0].texts) == 12


def test_ticks_of_long_numbers_are_rounded_where_they_stay_different() -> None:
    assert tick_labels([0.000158489, 0.1, 16, "a"]) == ["0.000158", "0.1", "16", "a"]
    assert tick_labels([1.0001, 1.0002]) == ["1.0001", "1.0002"]


def test_scatter_leaves_out_what_is_not_finite() -> None:
    points = [(0.001, 1, 1.0), (1.0, 2, 2.0), (10.0, 3, math.nan)]
    figure = drawn(scatter(("lr", "size"), "loss", points))
    axes = figure.axes[0]
    (dots,) = [each for each in axes.collections if len(each.get_offsets())]
    assert np.asarray(dots.get_offsets()).tolist() == [[0.001, 1], [1.0, 2]]
    assert axes.get_xscale() == "log"


def test_curves_have_their_bands() -> None:
    named = {"a": [(1, 2.0, 1.0, 3.0), (2, 1.5, 1.0, 2.0)], "b": [(1, 4.0, 4.0, 4.0)]}
    figure = drawn(bands(named, "loss"))
    (axes,) = figure.axes
    assert {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()} == {
        "a": [2.0, 1.5],
        "b": [4.0],
    }
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (1.0, 3.0)


def test_one_diverged_curve_does_not_flatten_the_others() -> None:
    named = {f"{n}": [(e, 9 / e, 9 / e, 9 / e) for e in range(1, 9)] for n in range(5)}
    named["diverged"] = [(e, 10.0**e, 10.0**e, 10.0**e) for e in range(1, 9)]
    figure = drawn(bands(named, "loss", note="Said."))
    low, high = figure.axes[0].get_ylim()
    assert low < 9 / 8
    assert 10 < high < 1e4  # every beginning is shown
    assert caption(figure) == "Said. What leaves the figure is far beyond the rest."
    named["diverged"] = [(e, 1e40 / e, 1e40 / e, 1e40 / e) for e in range(1, 9)]  # from the start
    assert drawn(bands(named, "loss")).axes[0].get_ylim()[1] < 12
    assert caption(drawn(bands({"0": named["0"]}, "loss"))) == ""


def test_epochs_are_counted_in_round_steps() -> None:
    figure = drawn(bands({"": [(e, 1.0, 1.0, 1.0) for e in range(1, 91)]}, "loss"))
    assert [t for t in figure.axes[0].get_xticks() if 0 <= t <= 90] == [*range(0, 91, 10)]


def test_long_legends_do_not_shrink_the_axes() -> None:
    named = {f"{'x' * 60} {i}": [(1, 1.0, 1.0, 1.0), (2, 2.0, 2.0, 2.0)] for i in range(10)}
    figure = drawn(bands(named, "loss"))
    place = figure.axes[0].get_position()
    width, height = figure.get_size_inches()
    assert place.width * width > 6.5
    assert place.height * height > 2.5
