"""The figures of a search: which there are, and that trials of every kind can be drawn."""

import math
from pathlib import Path

import pytest
from searching import WORDS, row, source, told

from seqlab.figures import searches as figures
from seqlab.figures.trials import Axis, Trial
from seqlab.sweeps.search.search_figures import write_plots

NAMES = ["history", "importances", "slices", "contour", "parallel"]


def names(folder: Path) -> list[str]:
    return [file.stem.removeprefix("search_") for _, file in write_plots(folder)]


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
        job = search.next()
        assert job is not None
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
    assert write_plots(tmp_path) == []
    assert not (tmp_path / "figures").exists()


def test_nothing_is_drawn_of_what_is_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert write_plots(tmp_path) == []
    told(source(tmp_path, n_trials=3))
    (tmp_path / "study.journal").rename(tmp_path / "elsewhere")
    assert write_plots(tmp_path) == []
    (tmp_path / "elsewhere").rename(tmp_path / "study.journal")
    monkeypatch.setattr("seqlab.sweeps.search.search_figures.find_spec", lambda name: None)
    assert write_plots(tmp_path) == []
    (tmp_path / "search.json").write_text("{}")
    monkeypatch.undo()
    assert write_plots(tmp_path) == []


def trial(number: int, value: float | None, **parameters: object) -> Trial:
    return Trial(number, parameters, value, {1: 5.0, 2: value or 6.0}, pruned=value is None)


def test_the_best_so_far_goes_its_way() -> None:
    figure = figures.history([trial(n, v) for n, v in enumerate((3.0, 4.0, 1.0, None, 2.0))], "m")
    (line,) = figure.axes[0].lines
    assert list(line.get_xdata()) == [0, 1, 2, 4, 4]
    assert list(line.get_ydata()) == [3, 3, 1, 1, 1]
    rising = figures.history([trial(0, 3.0), trial(1, 4.0)], "m", minimize=False)
    assert list(rising.axes[0].lines[0].get_ydata()) == [3, 4, 4]


def test_one_that_diverged_does_not_flatten_the_others() -> None:
    values = (1.0, 1.1, 1.2, 1.3, 1e6)
    figure = figures.history([trial(n, v) for n, v in enumerate(values)], "m")
    assert figure.axes[0].get_ylim()[1] < 3
    assert "1 beyond" in [text.get_text() for text in figure.axes[0].texts]


def test_every_kind_of_parameter_can_be_drawn(tmp_path: Path) -> None:
    axes = [Axis("lr", log=True), Axis("model", ("rnn", "gru")), Axis("layers", whole=True)]
    trials = [
        trial(0, 1.0, lr=0.1, model="rnn"),
        trial(1, 2.0, lr=1.0, model="gru", layers=1),
        trial(2, 3.0, lr=10.0, model="gru", layers=3),
        trial(3, None, lr=0.5, model="gru", layers=2),
        trial(4, math.pi, lr=3.0, model="gru", layers=2),
        trial(5, 2.5, lr=2.0, model="gru", layers=1),
    ]
    for minimize in (True, False):
        drawn = [
            figures.slices(trials, axes, "m", minimize=minimize),
            figures.parallel(trials, axes, "m", minimize=minimize),
            figures.contour(trials, axes[0], axes[2], "m", minimize=minimize),
            figures.learning(trials, "m", minimize=minimize),
        ]
        for place, figure in enumerate(drawn):
            figure.savefig(tmp_path / f"{place}.png")
    flat = [trial(n, 1.0, lr=0.1, layers=1) for n in range(5)]
    figures.contour(flat, axes[0], axes[2], "m").savefig(tmp_path / "flat.png")
    figures.parallel(flat, [axes[0], axes[2]], "m").savefig(tmp_path / "flat.png")
