"""What a job reports to its study, and what it is answered."""

import logging
from pathlib import Path
from typing import Any

import pytest
from searching import asked, row, source, told, trials

from seqlab.config.compose.jobs import Assignment
from seqlab.sweeps.search.judge import Judge
from seqlab.sweeps.search.trial_source import SearchSource

MEDIAN: dict[str, Any] = {"pruner": "median", "pruner_options": {"n_startup_trials": 2}}


def pruning(search: SearchSource, job: Assignment) -> dict[str, Any]:
    """Return what a task of the search is told of its study."""
    found = search.pruning(job)
    assert found is not None
    return found


def judge_of_the_next(search: SearchSource) -> Judge:
    return Judge(pruning(search, asked(search)))


def reported(tmp_path: Path) -> SearchSource:
    """Return a search with two trials told, whose epochs had the values 1 and 3."""
    search = source(tmp_path, n_trials=5, **MEDIAN)
    for value in (1.0, 3.0):
        job = asked(search)
        assert not Judge(pruning(search, job)).report(1, value)
        search.tell(job, row(job, metrics={"val/loss": value}))
    return search


def test_the_pruner_answers_by_what_other_trials_reported(tmp_path: Path) -> None:
    search = reported(tmp_path)
    assert judge_of_the_next(search).report(1, 2.1)
    assert not judge_of_the_next(search).report(1, 1.9)
    assert trials(tmp_path)[2].intermediate_values == {1: 2.1}


def test_an_epoch_is_reported_once(tmp_path: Path) -> None:
    search = reported(tmp_path)
    judge = judge_of_the_next(search)
    lines = (tmp_path / "study.journal").read_text().count("\n")
    assert judge.report(1, 2.1)
    assert judge.report(1, 2.1)  # resumed from the checkpoint before it
    assert (tmp_path / "study.journal").read_text().count("\n") == lines + 1


def test_a_trial_that_is_over_is_not_judged(tmp_path: Path) -> None:
    search = reported(tmp_path)
    judge = judge_of_the_next(search)
    job = search._space.assignments(trials(tmp_path)[2].params, 2)[0]
    search.tell(job, row(job, "failed", error={"type": "Killed", "message": "", "hint": ""}))
    assert not judge.report(1, 100.0)


def test_a_study_out_of_reach_does_not_end_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    judge = judge_of_the_next(reported(tmp_path))
    (tmp_path / "study.journal").unlink()
    with caplog.at_level(logging.WARNING):
        assert not judge.report(1, 100.0)
    assert "epoch 1 was not reported to the search" in caplog.text


def test_without_a_pruner_nothing_is_reported(tmp_path: Path) -> None:
    search = source(tmp_path)
    assert search.pruning(asked(search)) is None


def test_the_metric_that_was_found_goes_with_the_task(tmp_path: Path) -> None:
    search = source(tmp_path, n_trials=2, **MEDIAN)
    told(search, 1)
    found = pruning(search, asked(search))
    assert (found["metric"], found["trial"]) == ("val/loss", 1)


def test_curves_of_jobs_that_told_nobody_are_added(tmp_path: Path) -> None:
    search = source(tmp_path, n_trials=1, **MEDIAN)
    job = asked(search)
    (tmp_path / "0000").mkdir()
    (tmp_path / "0000" / "metrics.csv").write_text("epoch,val/loss\n1,3.0\n2,2.0\n")
    search.tell(job, row(job, metrics={"val/loss": 2.0}))
    assert trials(tmp_path)[0].intermediate_values == {1: 3.0, 2: 2.0}
