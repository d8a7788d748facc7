"""The jobs of a sweep: every combination once, named by what varies."""

import time
from itertools import islice
from pathlib import Path

import pytest

from expect import refusal, refusals
from seqlab.config.compose.command import hydra_loader
from seqlab.config.compose.jobs import Assignment, Grid, composing
from seqlab.config.compose.naming import register_resolvers
from seqlab.config.compose.snapshot import snapshot_id, take_snapshot


def words(grid: Grid) -> list[tuple[str, ...]]:
    return [assignment.overrides for assignment in grid]


def test_every_combination_comes_once_the_last_key_fastest() -> None:
    grid = Grid(["optimizer.lr=0.1,1", "trainer.max_epochs=2", "seed=range(2)"])
    assert len(grid) == 4
    assert words(grid) == [
        ("optimizer.lr=0.1", "trainer.max_epochs=2", "seed=0"),
        ("optimizer.lr=0.1", "trainer.max_epochs=2", "seed=1"),
        ("optimizer.lr=1", "trainer.max_epochs=2", "seed=0"),
        ("optimizer.lr=1", "trainer.max_epochs=2", "seed=1"),
    ]
    first = next(iter(grid))
    assert first.parameters == {"optimizer.lr": 0.1, "trainer.max_epochs": 2, "seed": 0}
    assert first.varied == ("optimizer.lr", "seed")
    assert (first.label, first.folder) == ("lr=0.1 seed=0", "lr=0.1_seed=0")


def test_value_that_no_json_holds_is_the_word_for_it_and_a_label_is_one_line() -> None:
    first, second = Grid(["optimizer.lr=inf", "name='a\nb|',c", "x=[nan,1.5]"])
    assert first.parameters == {"optimizer.lr": "inf", "name": "a\nb|", "x": ["nan", 1.5]}
    assert (first.label, first.folder) == (r"name=a\nb|", "name=a_nb")
    assert second.label == "name=c"
    long = next(iter(Grid([f"name='{'漢' * 90}',c"])))
    assert (len(long.label), long.folder) == (95, f"name={'漢' * 25}")


def test_later_word_takes_the_place_of_an_earlier_one() -> None:
    grid = Grid(["seed=1,2,3", "optimizer.lr=1", "seed=5"])
    assert words(grid) == [("optimizer.lr=1", "seed=5")]
    assert grid.varied == ()
    assert next(iter(grid)).label == ""


def test_grid_of_any_size_is_walked_without_being_built() -> None:
    grid = Grid([f"data.{name}=range(1000)" for name in "abcd"])
    assert len(grid) == 10**12
    began = time.perf_counter()
    assert [each.parameters["data.d"] for each in islice(grid, 3)] == [0, 1, 2]
    assert time.perf_counter() - began < 60  # it ends at all


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("x=1,2", [1, 2]),
        ("x=choice(a,b)", ["a", "b"]),
        ("x=range(1,10,4)", [1, 5, 9]),
        ("x=null,true", [None, True]),
        ("x=[1,2],[3]", [[1, 2], [3]]),
        ("+x=1,2", [1, 2]),
    ],
)
def test_values_are_what_hydra_makes_of_them(word: str, values: list[object]) -> None:
    assert [each.parameters["x"] for each in Grid([word])] == values


def test_glob_stands_for_the_options_that_there_are() -> None:
    with hydra_loader(None) as loader:
        grid = Grid(["optimizer=glob(ada*)"], loader)
        assert words(grid) == [("optimizer=adam",), ("optimizer=adamw",)]


def test_interval_is_refused_with_the_way_to_search_it() -> None:
    with refusal("not an interval", "hydra/sweeper=optuna_search"):
        Grid(["optimizer.lr=interval(0,1)"])


@pytest.mark.parametrize(
    ("parameters", "label", "folder"),
    [
        ({"optimizer.lr": 1e-5, "model": "rnn"}, "lr=1e-05 model=rnn", "lr=1e-05_model=rnn"),
        ({"a.x": 1, "b.x": None}, "a.x=1 b.x=null", "a.x=1_b.x=null"),
        ({"data.path": "../a b/c.txt"}, "path=../a b/c.txt", "path=.._a_b_c.txt"),
        ({"model.bidirectional": True}, "bidirectional=true", "bidirectional=true"),
        ({"name": "x" * 200}, f"name={'x' * 200}", f"name={'x' * 75}"),
    ],
)
def test_label_and_folder_are_short_and_safe(
    parameters: dict[str, object], label: str, folder: str
) -> None:
    assignment = Assignment((), parameters, tuple(parameters))
    assert assignment.label == label
    assert assignment.folder == folder


def test_edit_of_a_file_does_not_reach_what_is_composed_from_a_copy(tmp_path: Path) -> None:
    register_resolvers()
    own = tmp_path / "own"
    (own / "optimizer").mkdir(parents=True)
    file = own / "optimizer" / "mine.yaml"
    text = "_target_: torch.optim.SGD\n_partial_: true\nlr: 0.25\n"
    file.write_text(text)
    before = snapshot_id(own, [])
    files = take_snapshot(tmp_path / "copy", own)
    file.write_text(text.replace("0.25", "0.75"))
    assert snapshot_id(own, []) != before
    with composing(files, []) as composer:
        composed = composer.compose(["optimizer=mine", "seed=3"])
    assert composed.plain["optimizer"]["lr"] == 0.25
    assert composed.plain["seed"] == 3
    assert "lr: 0.25" in composed.text


@refusals(
    ("optimizer.lrr=1", "unknown key 'optimizer.lrr'", "Did you mean 'optimizer.lr'"),
    ("optimizer.lr=-1", "optimizer.lr=-1"),
    ("model=lstn", "model=lstn: there is no such model", "Did you mean model=lstm?"),
)
def test_job_that_cannot_be_run_is_refused_as_a_run_is(
    tmp_path: Path, asked: str, message: str, remedy: str
) -> None:
    register_resolvers()
    files = take_snapshot(tmp_path / "copy", None)
    with composing(files, []) as composer, refusal(message, remedy):
        composer.compose([asked])


def test_state_of_the_files_is_told_by_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("a: 1\n")
    first = snapshot_id(tmp_path, [])
    file.write_text("# a comment\na:   1\n")
    assert snapshot_id(tmp_path, []) == first
    file.write_text("# @package _global_\na: 1\n")
    assert snapshot_id(tmp_path, []) != first
    file.write_text("a: 2\n")
    assert snapshot_id(tmp_path, []) != first
    file.write_text("a: ${oc.env:SEQLAB_TEST_LR}\n")
    monkeypatch.setenv("SEQLAB_TEST_LR", "1")
    one = snapshot_id(tmp_path, [])
    monkeypatch.setenv("SEQLAB_TEST_LR", "2")
    assert snapshot_id(tmp_path, []) != one
    file.write_text("a: 1\n")
    typed = [snapshot_id(tmp_path, ["x=${oc.env:SEQLAB_TEST_LR}"])]
    monkeypatch.setenv("SEQLAB_TEST_LR", "3")
    assert snapshot_id(tmp_path, ["x=${oc.env:SEQLAB_TEST_LR}"]) not in typed
    assert snapshot_id(tmp_path, []) == first
