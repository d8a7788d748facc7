"""What is drawn for a sweep can be read: nothing cut off, no label on another."""

import math
import random
from typing import Any

import pytest

from legible import faults
from seqlab.figures.sweeps import Point, against, bands, heat_map, scatter
from seqlab.sweeps.report.spread import spread


def point(at: Any, *values: float) -> Point:
    found = spread(values)
    return Point(at, values, found.mean, found.low, found.high)


LONG = "model.a_rather_long_group_name.another_rather_long_key_name"
SEEDS = random.Random(0)
AGAINST: dict[str, list[Point]] = {
    "three learning rates": [
        point(0.003, 0.0626, 0.0757, 0.0715),
        point(0.01, 0.0644, 0.0605, 0.0502),
        point(0.03, 0.0579, 0.0508, 0.0582),
    ],
    "one": [point(0.01, 0.06)],
    "one of two seeds": [point(0.01, 0.06, 0.07)],
    "two seeds": [point(0.01, 0.06, 0.09), point(0.03, 0.05, 0.0501), point(0.1, 0.08, 0.053)],
    "over decades": [point(0.01, 5, 20), point(0.1, 100, 300), point(1, 700, 900)],
    "not finite": [point(1, 9, 10), point(2, 6, math.nan), point(3, math.inf, 1e30)],
    "nothing finite": [point(0.01, math.nan), point(0.1, math.inf)],
    "zeros": [point(0, 0, 0), point(1, 0, 0)],
    "negative": [point(-2, -3, -2), point(0, 0, 0.1), point(2, 1, 1.5)],
    "tiny": [point(0, 1e-9, 2e-9), point(1e-9, 3e-9, 2e-9), point(1e-6, 4e-9, 5e-9)],
    "huge": [point(10**k, 1e12 * k, 1.1e12 * k) for k in range(1, 10)],
    "close": [point(n, 1000 + 1e-4, 1000 + 1e-4 + n * 1e-6) for n in (16, 32, 64)],
    "many categories": [point(f"texts/book_{n:02d}.txt", 7 + n / 60, 8) for n in range(30)],
    "too many categories": [point(f"book {n}", 7 + n / 60) for n in range(90)],
    "long categories": [point(f"a very long category {n} that never ends", n) for n in range(6)],
    "twelve": [point(n, 1 / n) for n in range(1, 13)],
    "hundreds": [point(10 ** SEEDS.uniform(-4, 0), SEEDS.uniform(1, 3)) for _ in range(300)],
}


@pytest.mark.parametrize("points", AGAINST.values(), ids=AGAINST)
def test_metric_against_a_parameter_can_be_read(points: list[Point]) -> None:
    figure = against(LONG, "val/loss", {"": points}, note="Circles: means.")
    assert faults(figure) == []


@pytest.mark.parametrize("name", ["hundreds", "not finite"])
def test_single_jobs_can_be_read(name: str) -> None:
    assert faults(against("optimizer.lr", "val/loss", {}, others=AGAINST[name])) == []


def test_many_lines_with_long_labels_can_be_read() -> None:
    lines = {
        f"{'some.very.long.parameter.name=' * 5}{n}": [point(x, n, n + x) for x in (0.1, 1, 10)]
        for n in range(8)
    }
    assert faults(against(LONG, "val/loss", lines)) == []
    curves = {label: [(1, 2.0, 1.0, 3.0), (2, 1.5, 1.0, 2.0)] for label in lines}
    assert faults(bands(curves, "val/loss")) == []


CELLS: dict[str, dict[tuple[Any, Any], float]] = {
    "two": {(0.01, 16): 1.0, (0.1, 32): 2.0},
    "square": {(x, y): float(x * y) for x in range(1, 25) for y in range(1, 25)},
    "long": {
        (f"value number {x} is long, yes", f"and value {y} is rather long"): float(x + y)
        for x in range(6)
        for y in range(4)
    },
    "huge": {(x, y): 123456.789 * 10**x for x in range(9) for y in range(9)},
    "the same": {(x, y): 1.0 for x in range(3) for y in range(3)},
}


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
def test_metric_over_two_parameters_can_be_read(cells: dict[tuple[Any, Any], float]) -> None:
    names = (LONG, "data.another_extremely_long_parameter_name")
    assert faults(heat_map(names, "val/loss", cells)) == []


@pytest.mark.parametrize("name", ["two", "long"])
def test_points_over_two_parameters_can_be_read(name: str) -> None:
    points = [(x, y, value) for (x, y), value in CELLS[name].items()]
    assert faults(scatter(("a", LONG), "val/loss", points)) == []


def test_faults_are_found() -> None:
    figure = against("x", "y", {"": [point(1, 1.0, 2.0), point(2, 1.0, 2.0)]})
    (axes,) = figure.axes
    axes.set_ylim(0.9, 2.1)
    axes.set_xlim(1.2, 3)
    axes.set_xticks([1.5, 1.51], labels=["one", "other"])
    axes.set_ylabel("long " * 99)
    assert [fault.partition(":")[0] for fault in faults(figure)] == [
        *("cut off", "overlap", "interval beyond the axis", "interval beyond the axis"),
        "points at or beyond the edge",
    ]
