"""The figures of a search: which there are, and that trials of every kind can be drawn."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.tri import TriContourSet
from optuna import create_study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial
from searching import WORDS, asked, loss, row, source, told

from legible import faults
from seqlab.figures import searches as figures
from seqlab.figures.scale import Scale, scale_of
from seqlab.figures.searches import Search, Trial
from seqlab.sweeps.search.search_figures import edges_of, write_plots

NAMES = ["history", "importances", "slices", "contour", "parallel"]


def names(folder: Path) -> list[str]:
    notes: list[str] = []
    drawn = write_plots(folder, notes, [])
    assert notes == []
    return [each.file.stem.removeprefix("search_") for each in drawn]


def test_a_search_is_drawn_from_its_folder_alone(tmp_path: Path) -> None:
    told(source(tmp_path / "a", n_trials=6))
    (tmp_path / "a").rename(tmp_path / "b")
    assert names(tmp_path / "b") == NAMES
    files = sorted((tmp_path / "b" / "figures").iterdir())
    assert len(files) == 5
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_a_pruner_adds_the_epochs(tmp_path: Path) -> None:
    search = source(tmp_path, words=WORDS[:1], n_trials=3, pruner="median")
    for value in (1.0, 2.0, 3.0):
        job = asked(search)
        folder = tmp_path / f"{job.trial:04d}"
        folder.mkdir()
        (folder / "metrics.csv").write_text(f"epoch,val/loss\n1,9.0\n2,{value}\n")
        status = "pruned" if value == 3 else "completed"
        search.tell(job, row(job, status, metrics={"val/loss": value}))
    assert "epochs" in names(tmp_path)
    assert "contour" not in names(tmp_path)  # there is one parameter


@pytest.mark.parametrize("trials", [0, 1])
def test_too_few_trials_are_not_drawn(tmp_path: Path, trials: int) -> None:
    told(source(tmp_path, n_trials=4), trials)
    assert names(tmp_path) == []
    assert not (tmp_path / "figures").exists()


def test_nothing_is_drawn_of_what_is_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(tmp_path) == []
    told(source(tmp_path, n_trials=3))
    (tmp_path / "study.journal").rename(tmp_path / "elsewhere")
    assert names(tmp_path) == []
    (tmp_path / "elsewhere").rename(tmp_path / "study.journal")
    monkeypatch.setattr("seqlab.sweeps.search.search_figures.find_spec", lambda name: None)
    assert names(tmp_path) == []
    (tmp_path / "search.json").write_text("{}")
    monkeypatch.undo()
    assert names(tmp_path) == []


def best_at(**values: float) -> list[str]:
    """Return what is said of a search whose best trial has these values."""
    spaces: dict[str, BaseDistribution] = {
        "optimizer.lr": FloatDistribution(0.001, 1, log=True),
        "model.hidden_size": IntDistribution(4, 64),
        "model.dropout": FloatDistribution(0, 0.9),
        "model.cell": CategoricalDistribution(["rnn", "gru"]),
    }
    study = create_study()
    assert edges_of(study) == []
    middle = {"optimizer.lr": 0.03, "model.hidden_size": 30, "model.dropout": 0.4}
    for value, params in ((1.0, middle | values), (2.0, middle)):
        params |= {"model.cell": "gru"}
        study.add_trial(create_trial(params=params, distributions=spaces, value=value))
    return edges_of(study)


def test_best_trial_at_the_edge_of_the_space_is_said() -> None:
    assert best_at() == []
    end = "the best value may lie beyond."
    assert best_at(**{"optimizer.lr": 0.98, "model.hidden_size": 64}) == [
        f"optimizer.lr=0.98 lies at the upper end of what was searched, 0.001 to 1: {end} Search "
        "up to 10.",
        f"model.hidden_size=64 lies at the upper end of what was searched, 4 to 64: {end} Search "
        "up to 94.",
    ]
    assert best_at(**{"optimizer.lr": 0.0011}) == [
        f"optimizer.lr=0.0011 lies at the lower end of what was searched, 0.001 to 1: {end} Search "
        "from 0.0001."
    ]
    # Where no further value is allowed, nothing is.
    assert best_at(**{"model.hidden_size": 4, "model.dropout": 0.89}) == []


def test_edge_of_the_space_is_said_beside_the_figures(tmp_path: Path) -> None:
    words = ["model.hidden_size=int(interval(4,5))"]
    told(source(tmp_path, words=words, n_trials=9), value=lambda job: -loss(job))
    advice: list[str] = []
    write_plots(tmp_path, [], advice)
    assert advice == [
        "model.hidden_size=5 lies at the upper end of what was searched, 4 to 5: the best value "
        "may lie beyond. Search up to 6."
    ]


def trial(number: int, value: float | None, **parameters: object) -> Trial:
    return Trial(number, parameters, value, {1: 5.0, 2: value or 6.0}, pruned=value is None)


def of_values(*values: float | None, lower_is_better: bool = True) -> Search:
    trials = [trial(number, value, lr=0.1) for number, value in enumerate(values)]
    return Search("m", trials, {"lr": scale_of([0.1])}, lower_is_better)


def test_the_best_so_far_goes_its_way() -> None:
    figure = figures.history(of_values(3.0, 4.0, 1.0, None, 2.0))
    (line,) = figure.axes[0].lines
    assert list(line.get_xdata()) == [0, 1, 2, 4, 4]
    assert list(line.get_ydata()) == [3, 3, 1, 1, 1]
    rising = figures.history(of_values(3.0, 4.0, lower_is_better=False))
    assert list(rising.axes[0].lines[0].get_ydata()) == [3, 4, 4]


@pytest.mark.parametrize("draw", [figures.history, figures.slices, figures.learning])
def test_one_that_diverged_does_not_flatten_the_others(draw: Callable[[Search], Figure]) -> None:
    figure = draw(of_values(1.0, 1.1, 1.2, 1.3, 1e6))
    assert figure.axes[0].get_ylim()[1] < 6
    assert figure.get_supxlabel() == "▲ 1 not finite or beyond the axis."


def test_names_that_are_cut_alike_have_a_bar_each() -> None:
    shares = {f"model.some_network.{n}.of_many.parameter": 0.5 - n / 10 for n in range(3)}
    axes = figures.importances(shares, "m").axes[0]
    assert [bar.get_width() for bar in axes.patches] == list(shares.values())
    assert sorted(bar.get_y() + bar.get_height() / 2 for bar in axes.patches) == [0, 1, 2]


def test_contours_of_a_metric_over_many_decades_are_logarithmic() -> None:
    trials = [trial(n, 10.0**n, a=n % 3, b=n // 3) for n in range(9)]
    search = Search("m", trials, {name: scale_of([0, 1, 2]) for name in "ab"})
    axes = figures.contour(search, "a", "b").axes[0]
    (mesh,) = [each for each in axes.collections if isinstance(each, TriContourSet)]
    assert mesh.levels[0] == pytest.approx(1)
    assert mesh.levels[1] == pytest.approx(10 ** (8 / 11))
    assert "best" in [text.get_text() for text in axes.texts]


def test_between_trials_the_metric_is_interpolated_as_the_axes_show_it() -> None:
    places = [(0.01, 1), (0.01, 3), (1.0, 1), (1.0, 3), (0.1, 2)]
    trials = [trial(n, math.log10(lr) + 3, lr=lr, h=h) for n, (lr, h) in enumerate(places)]
    scales = {
        name: scale_of([each.parameters[name] for each in trials], is_log=name == "lr")
        for name in ("lr", "h")
    }
    axes = figures.contour(Search("m", trials, scales), "lr", "h").axes[0]
    (mesh,) = [each for each in axes.collections if isinstance(each, TriContourSet)]
    # Halfway between 0.01 and 1, whatever h is, the metric is 2: the borders of levels are upright.
    borders = [path.vertices for path in mesh.get_paths() if len(path.vertices)]
    for vertices, level in zip(borders[1:], mesh.levels[1:], strict=False):
        left = vertices[:, 0].min()
        assert math.log10(left) + 3 == pytest.approx(level, abs=0.02)


def test_trials_pruned_beyond_the_axis_are_shown_at_its_edge() -> None:
    trials = [trial(n, 1.0 + n / 10, lr=0.1) for n in range(3)]
    trials += [Trial(3, {"lr": 0.1}, None, {1: 99.0}, pruned=True)]
    trials += [Trial(4, {"lr": 0.1}, None, {1: 1.1}, pruned=True)]
    axes = figures.history(Search("m", trials, {"lr": scale_of([0.1])})).axes[0]
    (crosses,) = [each for each in axes.collections if each.get_label() == "pruned"]
    (first, second) = [y for _, y in crosses.get_offsets()]
    low, high = axes.get_ylim()
    assert first == pytest.approx(low + 0.985 * (high - low))
    assert second == pytest.approx(1.1)


LONG = ["model.a_rather_long_group_name.another_long_key", "data.some_very_long_parameter_name"]


@pytest.mark.parametrize("draw", [figures.history, figures.slices, figures.parallel])
def test_figures_of_many_parameters_can_be_read(draw: Callable[[Search], Figure]) -> None:
    names = [f"{LONG[n % 2]}{n}" for n in range(9)]
    kinds = ["a quite long category value number one", "another quite long category value"]
    values = [[kinds[t % 2] if n % 3 else 10.0 ** (t - n) for t in range(9)] for n in range(9)]
    trials = [
        trial(t, 1 + t / 9, **dict(zip(names, each, strict=True)))
        for t, each in enumerate(zip(*values, strict=True))
    ]
    scales = {name: scale_of(each) for name, each in zip(names, values, strict=True)}
    assert faults(draw(Search("val/loss", trials, scales))) == []


def test_every_kind_of_parameter_can_be_drawn(tmp_path: Path) -> None:
    trials = [
        trial(0, 1.0, lr=0.1, model="rnn"),
        trial(1, 2.0, lr=1.0, model="gru", layers=1),
        trial(2, 3.0, lr=10.0, model="gru", layers=3),
        trial(3, None, lr=0.5, model="gru", layers=2),
        trial(4, math.pi, lr=3.0, model="gru", layers=2),
        trial(5, 2.5, lr=2.0, model="gru", layers=1),
    ]
    lr = scale_of([0.1, 1.0, 10.0, 3.0, 2.0], is_log=True)
    scales = {"lr": lr, "model": Scale(["rnn", "gru"]), "layers": scale_of([1, 3, 2])}
    flat = [trial(n, 1.0, lr=0.1, layers=1) for n in range(5)]
    searches = [Search("m", trials, scales, lower_is_better=lower) for lower in (True, False)]
    searches.append(Search("m", flat, {"lr": scale_of([0.1]), "layers": scale_of([1])}))
    for search in searches:
        drawn = [draw(search) for draw in (figures.slices, figures.parallel, figures.learning)]
        for figure in (*drawn, figures.contour(search, "lr", "layers")):
            figure.savefig(tmp_path / "drawn.png")
