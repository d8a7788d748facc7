"""Which figures a sweep gets, what is read from its run folders, what is removed."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from made import STARTED, job, write_ledger, write_sweep
from seqlab.figures import sweeps
from seqlab.sweeps.ledger import read_ledger
from seqlab.sweeps.report.findings import find
from seqlab.sweeps.report.learning_curves import last_samples, learning_curve
from seqlab.sweeps.report.sweep_figures import draw_figures


def loss(parameters: dict[str, Any]) -> float:
    return 1 + 0.1 * abs(math.log10(parameters.get("optimizer.lr", 1)) + 1)


class Seen:
    """Notes the arguments of the drawing functions, which draw all the same."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: dict[str, list[tuple[Any, dict[str, Any]]]] = {}
        for name in ("against", "heat_map", "scatter", "bands"):
            self._watch(monkeypatch, name)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        draw = getattr(sweeps, name)

        def noted(*args: Any, **options: Any) -> Any:
            self.calls.setdefault(name, []).append((args, options))
            return draw(*args, **options)

        monkeypatch.setattr(sweeps, name, noted)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(monkeypatch)


def drawn(folder: Path) -> list[str]:
    notes: list[str] = []
    found = draw_figures(find(read_ledger(folder)), notes)
    assert notes == []
    assert all(each.file.read_bytes().startswith(b"\x89PNG") for each in found)
    assert {each.file for each in found} == set((folder / "figures").iterdir())
    return [each.file.stem for each in found]


def test_one_parameter_is_one_line(tmp_path: Path, seen: Seen) -> None:
    rows = write_sweep(tmp_path, {"optimizer.lr": [0.01, 0.1]}, [0, 1], quality=loss)
    assert drawn(tmp_path) == ["by_optimizer.lr", "curves"]
    ((parameter, quantity, lines), options) = seen.calls["against"][0]
    assert (parameter, quantity) == ("optimizer.lr", "val/perplexity")
    ((label, points),) = lines.items()
    assert label == ""
    values = [row.metrics["val/perplexity"] for row in rows]
    assert [(point.at, point.values) for point in points] == [
        (0.01, (values[0], values[1])),
        (0.1, (values[2], values[3])),
    ]
    assert options["note"] == "Circles: means with 95 % intervals. Dots: single seeds."


def test_two_parameters_are_a_line_for_each_value_of_the_other_and_a_heat_map(
    tmp_path: Path, seen: Seen
) -> None:
    grid = {"optimizer.lr": [0.01, 0.1, 1], "model.cell": ["rnn", "gru"]}
    rows = write_sweep(tmp_path, grid, [0], quality=loss)
    assert drawn(tmp_path) == [
        *("by_optimizer.lr", "by_model.cell", "pair_optimizer.lr_model.cell", "curves")
    ]
    ((_, _, lines), _) = seen.calls["against"][0]
    assert list(lines) == ["cell=rnn", "cell=gru"]  # as they were typed
    ((names, _, cells), options) = seen.calls["heat_map"][0]
    assert names == ("optimizer.lr", "model.cell")
    assert cells == {
        (row.parameters["optimizer.lr"], row.parameters["model.cell"]): pytest.approx(
            row.metrics["val/perplexity"]
        )
        for row in rows
    }
    assert options["note"] == "Cells: means."


def test_many_combinations_show_the_best_at_each_value(tmp_path: Path, seen: Seen) -> None:
    grid = {"x": ["b", "a"], "y": [1, 2, 3], "z": [1, 2, 3]}
    rows = write_sweep(tmp_path, grid, [0], quality=lambda p: p["y"] + p["z"] + (p["x"] == "b"))
    drawn(tmp_path)
    ((name, _, lines), options) = seen.calls["against"][0]
    found = [(row.parameters["x"], row.metrics["val/perplexity"]) for row in rows]
    best = [(each, min(value for x, value in found if x == each)) for each in ("b", "a")]
    ((label, points),) = lines.items()
    assert (name, label) == ("x", "best setting at each value")
    assert [(point.at, point.mean) for point in points] == best  # as they were typed
    assert len(options["others"]) == 16
    assert "of the best setting at each value, whatever its other parameters" in options["note"]
    ((names, _, cells), options) = seen.calls["heat_map"][0]
    assert names == ("y", "x")  # numbers across
    assert list(cells) == [(y, x) for y in (1, 2, 3) for x in ("b", "a")]
    assert options["note"] == "Cells: the best mean among the settings that share both values."


def test_values_that_never_repeat_are_points(tmp_path: Path, seen: Seen) -> None:
    rows = [
        job(i, 1 + i / 100, parameters={"lr": 0.001 * 1.2**i, "size": 16 + 3 * i % 97})
        for i in range(40)
    ]
    write_ledger(tmp_path, rows)
    assert drawn(tmp_path) == ["by_lr", "by_size", "pair_lr_size"]
    assert [len(args[2]) for args, _ in seen.calls["against"]] == [0, 0]
    assert [len(options["others"]) for _, options in seen.calls["against"]] == [40, 40]
    assert len(seen.calls["scatter"][0][0][2]) == 40
    assert "heat_map" not in seen.calls


def test_lines_of_one_point_each_are_points(tmp_path: Path, seen: Seen) -> None:
    rows = [job(i, 1.0 + i, parameters={"x": i, "y": (3 * i) % 5}) for i in range(5)]
    write_ledger(tmp_path, rows)
    drawn(tmp_path)
    for (_, _, lines), options in seen.calls["against"]:
        assert (lines, len(options["others"])) == ({}, 5)
        assert options["note"] == "Dots: single jobs."


def test_sweep_over_seeds_alone_has_its_curves(tmp_path: Path) -> None:
    write_sweep(tmp_path, {}, [0, 1, 2])
    assert drawn(tmp_path) == ["curves"]


def test_figures_that_the_sweep_no_longer_has_are_removed(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"x": [1, 2]}, [0])
    (tmp_path / "figures").mkdir()
    for name in ("by_old.png", "pair_a_b.png"):
        (tmp_path / "figures" / name).write_bytes(b"old")
    assert drawn(tmp_path) == ["by_x", "curves"]


def test_figures_of_others_stay(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"x": [1, 2]}, [0])
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "importances.png").write_bytes(b"theirs")
    draw_figures(find(read_ledger(tmp_path)), [])
    assert (tmp_path / "figures" / "importances.png").read_bytes() == b"theirs"


def test_names_with_signs_are_shown_and_filed(tmp_path: Path, seen: Seen) -> None:
    rows = [job(i, 1.0 + i, parameters={"a/$x_{": f"$\\frac{i}$", "a:$x_{": i}) for i in range(3)]
    write_ledger(tmp_path, rows)
    assert sorted(drawn(tmp_path)) == ["by_a_x__", "by_a_x___", "pair_a_x___a_x__"]
    assert seen.calls["against"][0][0][0] == "a/$x_{"


def test_parameters_of_little_effect_have_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def values(i: int) -> dict[str, int]:
        return {"p0": i % 2} | {f"p{k}": (i // (k + 1)) % 3 for k in range(1, 10)}

    monkeypatch.setattr(Figure, "savefig", lambda figure, file, **options: None)
    rows = [job(i, float(i % 2), parameters=values(i)) for i in range(64)]
    write_ledger(tmp_path, rows)
    notes: list[str] = []
    found = draw_figures(find(read_ledger(tmp_path)), notes)
    names = [each.file.stem for each in found]
    assert names[0] == "by_p0"  # the only one that matters
    assert len([name for name in names if name.startswith("by_")]) == 8
    assert len([name for name in names if name.startswith("pair_")]) == 6
    assert notes == ["2 parameters with little effect have no figure."]


def test_figure_that_cannot_be_drawn_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sweep(tmp_path, {"x": [1, 2]}, [0])

    def broken(*args: Any, **options: Any) -> None:
        raise OverflowError("too large")

    monkeypatch.setattr(sweeps, "against", broken)
    notes: list[str] = []
    found = draw_figures(find(read_ledger(tmp_path)), notes)
    assert [each.file.stem for each in found] == ["curves"]
    assert notes == ["The figure by_x could not be drawn: too large"]


def test_learning_curve_by_hand(tmp_path: Path) -> None:
    rows = [job(0, 1.0), job(1, 2.0), job(2, 3.0, "failed")]
    tables = ["1,1.0\n2,3.0\n3,9.0\n", "1,2.0\n2,5.0\n", "1,100\n2,100\n"]
    for row, table in zip(rows, tables, strict=True):
        (tmp_path / row.folder).mkdir()
        (tmp_path / row.folder / "metrics.csv").write_text(f"epoch,val/loss\n{table}")
    write_ledger(tmp_path, rows)
    (setting,) = find(read_ledger(tmp_path)).settings
    assert learning_curve(tmp_path, setting, "val/loss") == [(1, 1.5, 1, 2), (2, 4, 3, 5)]
    assert learning_curve(tmp_path, setting, "val/other") == []
    assert learning_curve(tmp_path / "moved", setting, "val/loss") == []


def test_only_the_best_ten_are_read(tmp_path: Path, seen: Seen) -> None:
    write_sweep(tmp_path, {"x": list(range(12))}, [0, 1], quality=lambda p: 1 + p["x"], noise=0)
    drawn(tmp_path)
    ((named, _), options) = seen.calls["bands"][0]
    assert list(named) == [f"x={x}" for x in range(10)]
    assert options["note"] == (
        "Lines: means over seeds. Bands: from the smallest to the largest value over seeds. "
        "The best 10 of 12 settings."
    )


def test_what_cannot_be_compared_shares_no_colors(tmp_path: Path, seen: Seen) -> None:
    grid = {"data.level": ["char", "word"], "x": [1, 2, 3], "y": [1, 2, 3, 4, 5, 6]}
    quality = {"char": 2, "word": 5}
    write_sweep(tmp_path, grid, [0], quality=lambda p: quality[p["data.level"]] + p["x"] + p["y"])
    assert drawn(tmp_path) == ["by_data.level", "by_x", "by_y", "curves"]
    notes = [options["note"] for _, options in seen.calls["against"]]
    different = "Different values of data.level cannot be compared."
    assert [note.endswith(different) for note in notes] == [True, False, False]
    lines = seen.calls["against"][1][0][2]
    assert {label: [point.at for point in line] for label, line in lines.items()} == {
        "level=char: best at each value": [1, 2, 3],
        "level=word: best at each value": [1, 2, 3],
    }
    ((named, _), options) = seen.calls["bands"][0]
    assert [label.partition(",")[0] for label in named] == ["level=char"] * 5 + ["level=word"] * 5
    assert options["note"] == (
        "One seed each. The best 5 of 36 settings for each value of data.level."
    )


def test_one_seed_each_has_no_intervals_and_no_dots(tmp_path: Path, seen: Seen) -> None:
    write_sweep(tmp_path, {"x": [1, 2]}, [0], num_epochs=1)
    assert drawn(tmp_path) == ["by_x"]  # of one epoch there is no curve
    assert seen.calls["against"][0][1]["note"] == "One seed each."


def test_nothing_finite_has_no_heat_map(tmp_path: Path) -> None:
    rows = [job(i, math.nan, parameters={"x": i % 2, "y": i // 2, "seed": 0}) for i in range(4)]
    write_ledger(tmp_path, rows)
    assert drawn(tmp_path) == ["by_x", "by_y"]


def test_samples_are_those_of_the_last_epoch(tmp_path: Path) -> None:
    (tmp_path / "samples.txt").write_text(
        "    0 | the | eee\n    2 | the | sea | and\n    2 | a b |\\n\n    2 | cut"
    )
    assert last_samples(tmp_path) == [("the", " sea | and"), ("a b", "\\n")]
    assert last_samples(tmp_path / "nowhere") == []


def test_maximised_metric_is_drawn_so(tmp_path: Path, seen: Seen) -> None:
    started = replace(STARTED, metric="val/loss", direction="maximize")
    write_sweep(tmp_path, {"x": [1, 2], "y": [1, 2]}, [0], started=started)
    drawn(tmp_path)
    flags = {options.get("lower_is_better") for name in ("against", "heat_map")
             for _, options in seen.calls[name]}  # fmt: skip
    assert flags == {False}
