"""Settings, their order, the metric that decides, and what is said of the best one."""

import math
from typing import Any

import pytest

from expect import exact_refusal
from made import job, ledger
from seqlab.config.compose.naming import short_names
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.findings import find, separation
from seqlab.sweeps.report.settings import same, settings_of, shown, varying


def at(x: Any, seed: int) -> dict[str, Any]:
    return {"x": x, "seed": seed}


def three(number: int, x: Any, *values: float) -> list[Row]:
    """Return one job a value, of the setting x."""
    return [job(number + i, v, parameters=at(x, i)) for i, v in enumerate(values)]


def test_setting_is_the_parameters_without_the_seed() -> None:
    rows = [*three(0, 1, 0.1, 0.2), *three(2, 2, 0.3), *three(3, 1.0, 0.4), *three(4, True, 0.5)]
    settings = settings_of(rows)
    assert [[row.number for row in each.rows] for each in settings] == [[0, 1, 3], [2], [4]]
    assert [each.parameters for each in settings] == [{"x": 1}, {"x": 2}, {"x": True}]
    assert varying(rows) == ["x"]


def test_name_makes_no_setting() -> None:
    rows = [job(i, 1.0, parameters={"x": 1, "name": f"sweep_{i}"}) for i in range(2)]
    found = find(ledger(*rows))
    assert [len(each.rows) for each in found.settings] == [2]
    assert (found.swept, found.fixed) == ([], {"x": 1})


def test_parameter_that_some_jobs_lack_varies() -> None:
    assert varying([job(0, parameters={"x": 1}), job(1, parameters={"x": 1, "y": 2})]) == ["y"]
    assert varying([job(0, parameters={"x": [1]}), job(1, parameters={"x": [1.0]})]) == []


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [(1, 1.0, True), (1, True, False), ("1", 1, False), ({"a": 1}, {"a": 1.0}, True)],
)
def test_equal_values(one: Any, other: Any, equal: bool) -> None:
    assert (same(one) == same(other)) is equal


def test_values_are_shown_as_they_are_typed() -> None:
    values = [0.1234567891, 1e-5, True, None, "gru", [1, "a"]]
    assert [shown(v) for v in values] == ["0.123457", "1e-05", "true", "null", "gru", '[1, "a"]']


def test_names_are_short_where_they_stay_different() -> None:
    assert short_names(["optimizer.lr", "scheduler.lr", "model.cell"]) == {
        "optimizer.lr": "optimizer.lr",
        "scheduler.lr": "scheduler.lr",
        "model.cell": "cell",
    }


@pytest.mark.parametrize(("direction", "order"), [("minimize", [2, 1]), ("maximize", [1, 2])])
def test_best_mean_comes_first(direction: str, order: list[int]) -> None:
    rows = [*three(0, 1, 0.5, 0.7), *three(2, 2, 0.3, 0.5), *three(4, 3, 0.1, math.nan)]
    found = find(ledger(*rows, direction=direction))
    assert [each.parameters["x"] for each in found.settings] == [*order, 3]
    assert [each.rank for each in found.settings] == [1, 2, None]
    assert found.best is found.settings[0]
    assert found.notes == [
        "val/loss is not finite in 1 job of 1 setting: a setting with such a job has no mean and "
        "is not best."
    ]


def test_only_completed_jobs_are_averaged() -> None:
    rows = [
        job(0, 1.0, parameters=at(1, 0)),
        *(
            job(number, 9.0, status, parameters=at(1, number))
            for number, status in enumerate(("pruned", "failed", "interrupted", "running"), start=1)
        ),
    ]
    found = find(ledger(*rows))
    (setting,) = found.settings
    assert setting.spread("val/loss").values == (1.0,)
    assert setting.others == {"pruned": 1, "failed": 1, "interrupted": 1, "running": 1}
    assert [row.status for row in found.incomplete] == [
        *("failed", "interrupted", "running", "pruned")
    ]
    assert list(found.counts.items()) == [
        *[("completed", 1), ("running", 1), ("pruned", 1), ("interrupted", 1), ("failed", 1)]
    ]


def test_same_configuration_twice_is_no_second_seed() -> None:
    rows = [job(0, 1.0, parameters={"x": 1}), job(1, 1.0, parameters={"x": 1})]
    rows[1] = job(1, 1.0, parameters={"x": 1}, fingerprint=rows[0].fingerprint)
    found = find(ledger(*rows))
    assert found.settings[0].spread("val/loss").values == (1.0,)
    assert found.notes == ["1 completed job with the configuration of another: counted once."]


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ([{"val/loss": 1, "val/perplexity": 2}] * 2, "val/perplexity"),
        ([{"val/loss": 1, "val/perplexity": 2}, {"val/loss": 1}], "val/loss"),
        ([{"train/loss": 1}, {"val/loss": 1}], "val/loss"),
        ([{"other": 1}], "other"),
        ([{}], None),
    ],
)
def test_metric_that_decides_where_none_is_named(
    metrics: list[dict[str, float]], expected: str | None
) -> None:
    rows = [job(i, metrics=each) for i, each in enumerate(metrics)]
    assert find(ledger(*rows)).metric == expected


def test_metric_and_direction_of_the_sweep_itself() -> None:
    rows = [job(0, metrics={"val/loss": 1.0, "val/accuracy": 0.5})]
    own = ledger(*rows, metric="val/accuracy", direction="maximize")
    assert (find(own).metric, find(own).direction) == ("val/accuracy", "maximize")
    other = find(own, "val/loss")
    assert (other.metric, other.direction) == ("val/loss", "minimize")
    assert find(own, "val/loss", "maximize").direction == "maximize"


def test_metric_of_the_sweep_that_no_job_has_is_said() -> None:
    found = find(ledger(job(0, 1.0), metric="val/accuracy"))
    assert found.metric == "val/loss"
    assert found.notes == ["No job has val/accuracy, which the sweep was started for."]


def test_unknown_metric_is_refused_with_those_that_there_are() -> None:
    message = "no job of the sweep has a metric val/los"
    with exact_refusal(message, "There are: train/loss, val/loss."):
        find(ledger(job(0, metrics={"val/loss": 1.0, "train/loss": 1.0})), "val/los")


def test_job_without_the_metric_is_left_out_and_said() -> None:
    rows = [job(0, 1.0), job(1, metrics={"train/loss": 3.0})]
    found = find(ledger(*rows), "val/loss")
    assert found.settings[0].spread("val/loss").values == (1.0,)
    assert found.notes == ["1 completed job without val/loss: not averaged."]


def test_earlier_configurations_stand_apart() -> None:
    found = find(ledger(job(0, 1.0, snapshot="old"), job(1, 2.0)))
    assert [row.number for row in found.rows] == [1]
    assert [row.number for row in found.earlier] == [0]
    assert found.notes == [
        "1 job of earlier configurations: the YAML files have changed since, so they are not in "
        "the tables; earlier.csv has them."
    ]


def test_damaged_lines_are_counted() -> None:
    damaged = ledger(job(0, 1.0))
    damaged.damaged = 2
    assert find(damaged).notes == ["2 lines of the ledger cannot be read."]


def test_ledger_that_lost_its_start_still_has_its_jobs() -> None:
    lost = ledger(job(0, 1.0))
    lost.starts.clear()
    found = find(lost)
    assert [row.number for row in found.rows] == [0]
    assert found.name == "sweep"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ([[1.0, 1.1]], ""),
        (
            [[1.0], [2.0]],
            "It has one seed and so no interval: whether it is better than the others cannot be "
            "said.",
        ),
        (
            [[1.0, 1.001], [2.0, 2.001], [3.0, 3.001]],
            "Its interval overlaps no other: it differs clearly from 2 other settings.",
        ),
        (
            [[1.0, 1.1], [1.2, 1.3], [90.0, 90.1], [1.5]],
            "It does not differ clearly from 1 of 3 other settings: the intervals overlap. 1 of "
            "them has one seed, no interval.",
        ),
        (
            [[1.0, 1.1], [1.05, 1.15]],
            "It does not differ clearly from the other setting: the intervals overlap.",
        ),
        (
            [[1.0, 1.1], [1.05, 1.15], [1.06, 1.16]],
            "It does not differ clearly from any of 2 other settings: the intervals overlap.",
        ),
        (
            [[1.0, 1.1], [1.2]],
            "1 other setting with one seed each: there is no interval to compare with.",
        ),
    ],
)
def test_best_is_said_to_differ_clearly_only_where_it_does(
    settings: list[list[float]], sentence: str
) -> None:
    rows = [row for i, values in enumerate(settings) for row in three(10 * i, i, *values)]
    assert separation(find(ledger(*rows))) == sentence


def test_nothing_completed_is_said_plainly() -> None:
    found = find(ledger(job(0, status="running")))
    assert (found.metric, found.best, found.command) == (None, None, None)
    assert found.notes == [
        "No job has completed yet: there is nothing to average.",
        "Jobs are at work, or were killed: what is here is so far.",
    ]
