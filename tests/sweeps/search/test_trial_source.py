"""The trials of a search: asked, told, asked again, taken over from the ledger."""

import math
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from searching import WORDS, asked, loss, recorded, row, source, told, trials

from expect import refusal
from seqlab.sweeps.search.search_file import read_search
from seqlab.sweeps.search.storage import load_study


def test_a_search_asks_and_is_told(tmp_path: Path) -> None:
    search = source(tmp_path, n_trials=3)
    assert (search.total, search.exhausted) == (3, False)
    jobs = told(search)
    assert [job.trial for job in jobs] == [0, 1, 2]
    assert search.exhausted
    assert search.next() is None
    found = trials(tmp_path)
    assert [each.state for each in found] == [TrialState.COMPLETE] * 3
    assert [each.value for each in found] == [loss(job) for job in jobs]
    assert found[0].params == jobs[0].parameters
    assert all(0.001 <= each.params["optimizer.lr"] <= 10 for each in found)


def test_nothing_is_written_before_the_first_trial(tmp_path: Path) -> None:
    search = source(tmp_path)
    assert len(list(search.preview())) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["ledger.jsonl"]


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "nsgaii"])
def test_a_resumed_search_proposes_what_an_undisturbed_one_does(
    tmp_path: Path, sampler: str
) -> None:
    """A sampler that is seeded once would propose its first trials again."""
    startup = {"n_startup_trials": 4} if sampler == "tpe" else {}
    options: dict[str, Any] = {"n_trials": 7, "sampler": sampler, "sampler_options": startup}
    undisturbed = told(source(tmp_path / "a", **options))
    first = source(tmp_path / "b", **options)
    done = told(first, 3)
    left = asked(first)  # at work when the search is killed
    second = source(tmp_path / "b", **options)
    again = told(second, 3)
    assert [job.overrides for job in again] == [job.overrides for job in done]
    assert second.next() == left
    second.tell(left, row(left, metrics={"val/loss": loss(left)}))
    assert [*done, left, *told(second)] == undisturbed
    assert [each.value for each in trials(tmp_path / "b")] == [loss(job) for job in undisturbed]


def test_gaussian_processes_propose(tmp_path: Path) -> None:
    startup = {"n_startup_trials": 2}
    assert len(told(source(tmp_path, n_trials=3, sampler="gp", sampler_options=startup))) == 3


def test_another_seed_proposes_others(tmp_path: Path) -> None:
    one, other = (told(source(tmp_path / str(n), n_trials=2, sampler_seed=n)) for n in (0, 1))
    assert not {job.overrides for job in one} & {job.overrides for job in other}


def test_more_trials_go_on(tmp_path: Path) -> None:
    jobs = told(source(tmp_path, n_trials=2))
    assert told(source(tmp_path, n_trials=4))[:2] == jobs
    assert [each.number for each in trials(tmp_path)] == [0, 1, 2, 3]
    assert told(source(tmp_path, n_trials=1)) == jobs[:1]


def test_what_is_interrupted_is_not_told(tmp_path: Path) -> None:
    search = source(tmp_path, n_trials=1)
    job = asked(search)
    search.tell(job, row(job, "interrupted", metrics={"val/loss": 1.0}))
    assert trials(tmp_path)[0].state == TrialState.RUNNING
    assert told(source(tmp_path, n_trials=1)) == [job]


def test_a_trial_killed_while_it_was_drawn_gets_the_rest_of_its_values(tmp_path: Path) -> None:
    (undisturbed,) = told(source(tmp_path / "a", n_trials=1))
    search = source(tmp_path / "b", n_trials=1)
    search._open().study.ask()  # it has no values at all
    assert told(source(tmp_path / "b", n_trials=1)) == [undisturbed]


@pytest.mark.parametrize(
    ("status", "error", "value", "state"),
    [
        ("failed", "RuntimeError", None, TrialState.FAIL),
        ("failed", "Killed", None, TrialState.FAIL),
        ("failed", "NonFiniteError", None, TrialState.PRUNED),
        ("pruned", "Pruned", 3.0, TrialState.PRUNED),
        ("completed", None, math.nan, TrialState.PRUNED),
        ("completed", None, 2.0, TrialState.COMPLETE),
    ],
)
def test_how_trials_end(
    tmp_path: Path, status: str, error: str | None, value: float | None, state: TrialState
) -> None:
    search = source(tmp_path, n_trials=1)
    job = asked(search)
    metrics = {} if value is None else {"val/loss": value}
    found = None if error is None else {"type": error, "message": "", "hint": ""}
    search.tell(job, row(job, status, metrics=metrics, error=found))
    assert trials(tmp_path)[0].state == state


def test_a_failed_trial_that_is_tried_again_counts(tmp_path: Path) -> None:
    search = source(tmp_path, n_trials=2)
    job = asked(search)
    error = {"type": "RuntimeError", "message": "", "hint": ""}
    search.tell(job, row(job, "failed", error=error))
    told(search)
    jobs = told(source(tmp_path, n_trials=3))  # this time the first one succeeds
    assert jobs[0] == job
    assert [each.state.name for each in trials(tmp_path)] == [
        *("FAIL", "COMPLETE", "COMPLETE", "COMPLETE")
    ]
    added = trials(tmp_path)[2]
    assert (added.params, added.value) == (job.parameters, loss(job))
    assert added.user_attrs == {"again": 0}
    assert [each.trial for each in told(source(tmp_path, n_trials=3))] == [0, 1, 3]
    assert len(trials(tmp_path)) == 4


def test_a_trial_is_the_mean_over_its_seeds(tmp_path: Path) -> None:
    search = source(tmp_path, words=["a=1,2", "seed=range(3)"], n_trials=1)
    assert search.total == 3
    for place, job in enumerate([asked(search) for _ in range(3)]):
        assert (job.trial, job.parameters["seed"]) == (0, place)
        search.tell(job, row(job, metrics={"val/loss": float(place**2)}))
        assert trials(tmp_path)[0].state == (
            TrialState.COMPLETE if place == 2 else TrialState.RUNNING
        )
    assert trials(tmp_path)[0].value == pytest.approx(5 / 3)


@pytest.mark.parametrize(
    ("metric", "metrics", "value"),
    [
        (None, {"val/loss": 1.0, "val/perplexity": 2.0}, 2.0),
        (None, {"train/loss": 1.0, "val/loss": 3.0}, 3.0),
        ("train/loss", {"train/loss": 1.0, "val/loss": 3.0}, 1.0),
    ],
)
def test_the_metric(
    tmp_path: Path, metric: str | None, metrics: dict[str, float], value: float
) -> None:
    search = source(tmp_path, n_trials=1, metric=metric)
    job = asked(search)
    search.tell(job, row(job, metrics=metrics))
    assert trials(tmp_path)[0].value == value


def test_a_metric_that_is_not_there_ends_the_search(tmp_path: Path) -> None:
    search = source(tmp_path, metric="val/los")
    job = asked(search)
    message = "a search by val/los: job 0000 has no such metric"
    with refusal(message, "There are: val/loss, train/loss."):
        search.tell(job, row(job, metrics={"val/loss": 1.0, "train/loss": 2.0}))


def test_a_lost_study_is_taken_over_from_the_ledger(tmp_path: Path) -> None:
    jobs = told(source(tmp_path, n_trials=4))
    recorded(tmp_path, jobs)
    (tmp_path / "study.journal").unlink()
    again = source(tmp_path, n_trials=5)
    assert [job.overrides for job in told(again, 4)] == [job.overrides for job in jobs]
    assert [each.value for each in trials(tmp_path)] == [loss(job) for job in jobs]
    assert len(told(again)) == 1


def test_what_is_known_is_let_go_where_it_does_not_hold_any_more(tmp_path: Path) -> None:
    jobs = told(source(tmp_path, n_trials=4))
    recorded(tmp_path, jobs)
    changed = source(tmp_path, n_trials=4, snapshot="second")
    first, _ = asked(changed), asked(changed)  # the first is at work: its files have changed
    assert first.overrides == jobs[0].overrides
    begun = trials(tmp_path)
    assert ["fixed_params" in each.system_attrs for each in begun] == [True, False]
    found = read_search(tmp_path)
    assert found is not None
    assert found.study == "mine-2"
    assert [each.value for each in load_study(found.storage, "mine").trials] == [
        loss(job) for job in jobs
    ]


def test_another_space_in_the_same_folder_takes_over_what_lies_in_it(tmp_path: Path) -> None:
    jobs = told(source(tmp_path, n_trials=6))
    recorded(tmp_path, jobs)
    inside = [job for job in jobs if job.parameters["optimizer.lr"] >= 0.1]
    assert 0 < len(inside) < 6
    narrower = source(tmp_path, words=["optimizer.lr=interval(0.1,10)", WORDS[1]], n_trials=6)
    assert [job.parameters for job in told(narrower, len(inside))] == [
        job.parameters for job in inside
    ]
    assert narrower._open().name == "mine-2"


def test_studies_of_two_sweeps_in_one_file_stay_apart(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/all.db"
    for name in ("a", "b"):
        jobs = told(source(tmp_path / name, n_trials=2, storage=place))
        assert told(source(tmp_path / name, n_trials=3, storage=place))[:2] == jobs
    names = {found.study for name in "ab" if (found := read_search(tmp_path / name))}
    assert len(names) == 2
    assert [len(trials(tmp_path / name)) for name in "ab"] == [3, 3]


def test_conditions_reach_the_trials(tmp_path: Path) -> None:
    from seqlab.config.space.reading import read_space
    from seqlab.sweeps.search.options import SearchOptions
    from seqlab.sweeps.search.trial_source import SearchSource

    described = {
        "model": {"type": "choice", "values": ["rnn", "gru"]},
        "model.num_layers": {"type": "int", "low": 1, "high": 3, "when": {"model": "gru"}},
    }
    source(tmp_path)
    search = SearchSource(
        read_space(described, []), SearchOptions(n_trials=12), tmp_path, "mine", ""
    )
    jobs = told(search)
    assert {job.parameters["model"] for job in jobs} == {"rnn", "gru"}
    for job in jobs:
        assert ("model.num_layers" in job.parameters) == (job.parameters["model"] == "gru")


@pytest.mark.parametrize("content", ["no study\n", "{}"])
def test_a_file_that_is_no_study_is_refused_and_left(tmp_path: Path, content: str) -> None:
    for name in ("mine.journal", "mine.db"):
        (tmp_path / name).write_text(content)
        storage = str(tmp_path / name)
        with refusal("cannot be used"):
            source(tmp_path / "s", storage=storage if "journal" in name else f"sqlite:///{storage}")
        assert (tmp_path / name).read_text() == content


@pytest.mark.parametrize(
    ("options", "words", "message"),
    [
        ({"pruner": "median"}, [*WORDS, "seed=0,1"], "pruner=median with 2 seeds a trial"),
        (
            {"pruner": "asha", "pruner_options": {"reduction_factor": 1}},
            WORDS,
            "hydra.sweeper.pruner_options: The value of `reduction_factor` is 1",
        ),
        (
            {"sampler": "nsgaii", "sampler_options": {"population_size": 0}},
            WORDS,
            "hydra.sweeper.sampler_options: `population_size` must be greater than",
        ),
    ],
)
def test_methods_that_cannot_be_are_refused(
    tmp_path: Path, options: dict[str, Any], words: list[str], message: str
) -> None:
    with refusal(message):
        source(tmp_path, words=words, **options)
