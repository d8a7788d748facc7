"""What a search can be told: defaults, refusals, and where the study is kept."""

from dataclasses import fields
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from expect import refusal, refusals
from hydra_plugins.seqlab_sweepers import OptunaSearchConf, PrunerOptions, SamplerOptions
from seqlab.sweeps.search import options
from seqlab.sweeps.search.options import (
    PRUNERS,
    SAMPLERS,
    SearchOptions,
    check_optuna,
    storage_place,
)


def test_hydra_knows_every_option_and_no_other() -> None:
    ours = {each.name for each in fields(SearchOptions)}
    assert {each.name for each in fields(OptunaSearchConf)} - {"_target_", "params"} == ours
    assert {each.name for each in fields(SamplerOptions)} == {
        n for s in SAMPLERS.values() for n in s
    }
    assert {each.name for each in fields(PrunerOptions)} == {n for s in PRUNERS.values() for n in s}


@refusals(
    ({"n_trials": 0}, "hydra.sweeper.n_trials=0: must be 1 or more", "n_trials=20"),
    ({"sampler_seed": -1}, "sampler_seed=-1: must be 0 or more", "sampler_seed=1"),
    ({"sampler": "tep"}, "sampler=tep: there is no such sampler", "Did you mean tpe?"),
    ({"sampler": "grid"}, "a grid is not searched", "key=1,2,3"),
    ({"pruner": "best"}, "pruner=best: there is no such pruner", "There are none, median"),
    ({"direction": "down"}, "direction=down", "direction=maximize"),
    (
        {"sampler": "random", "sampler_options": {"n_startup_trials": 3}},
        "sampler_options.n_startup_trials: random has no such option",
        "It has none",
    ),
    (
        {"pruner": "median", "pruner_options": {"max_resource": 3}},
        "pruner_options.max_resource: median has no such option",
        "It has n_startup_trials",
    ),
    (
        {"pruner": "threshold", "pruner_options": {"lower": 0.0, "upper": float("inf")}},
        "pruner_options.upper=inf: must be a finite number",
        "Leave it out",
    ),
)
def test_what_cannot_be_is_refused(asked: dict[str, Any], message: str, remedy: str) -> None:
    with refusal(message, remedy):
        SearchOptions(**asked)


def test_successive_halving_is_asha() -> None:
    assert SearchOptions(pruner="successive_halving").pruner == "asha"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    with refusal("sampler=cmaes needs the package cmaes") as caught:
        SearchOptions(sampler="cmaes")
    assert caught.value.hint == "python -m pip install cmaes"


def test_optuna_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    check_optuna()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "4.9.0")
    with refusal("needs optuna 5, and 4.9.0 is installed"):
        check_optuna()

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with refusal("hydra/sweeper=optuna_search needs optuna 5", 'pip install "seqlab[sweep]"'):
        check_optuna()


def test_where_a_study_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("outputs/sweep")
    assert storage_place(None, folder) == str(tmp_path / "outputs/sweep/study.journal")
    assert storage_place("mine.journal", folder) == str(tmp_path / "mine.journal")
    assert storage_place("sqlite:///mine.db", folder) == f"sqlite:///{tmp_path}/mine.db"
    assert storage_place(f"sqlite:///{tmp_path}/a.db", folder) == f"sqlite:///{tmp_path}/a.db"


@refusals(
    ("postgresql://u:p@h/db", "a study is kept in a file"),
    ("sqlite://", "a study is kept in a file"),
    (".", "is a folder"),
    ("nowhere/mine.journal", "there is no folder"),
    ("sqlite:///nowhere/mine.db", "there is no folder"),
)
def test_where_it_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with refusal(message):
        storage_place(asked, Path("outputs"))
    assert not list(tmp_path.iterdir())
