"""What cannot be compared is not ranked; a best value at the edge of what was tried is said."""

from pathlib import Path
from typing import Any

import pytest

from made import job, ledger
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.ranking import best_row, differing
from seqlab.sweeps.report.findings import Findings, find
from seqlab.sweeps.report.results_text import results_lines
from seqlab.sweeps.report.tables import counts_text, results_csv, results_md


def swept(name: str, values: list[Any], best: Any, **options: Any) -> Findings:
    """Return a sweep over one parameter whose best value is this one."""
    rows = [
        job(i, 1.0 + (value != best), parameters={name: value}, **options)
        for i, value in enumerate(values)
    ]
    return find(ledger(*rows))


@pytest.mark.parametrize(
    ("name", "values", "best", "more"),
    [
        ("optimizer.lr", [0.003, 0.01, 0.03], 0.03, "0.003,0.01,0.03,0.1"),
        ("optimizer.lr", [0.003, 0.01, 0.03], 0.003, "0.001,0.003,0.01,0.03"),
        ("optimizer.lr", [0.01, 0.1], 0.1, "0.01,0.1,1"),
        ("optimizer.lr", [0.1, 0.2, 0.4], 0.4, "0.1,0.2,0.4,0.8"),
        ("optimizer.lr", [0.01, 0.025], 0.025, "0.01,0.025,0.05"),
        ("model.hidden_size", [16, 32, 64], 64, "16,32,64,128"),
        ("model.hidden_size", [64, 128], 64, "32,64,128"),
        ("model.num_layers", [1, 2], 2, "1,2,3"),
        ("model.dropout", [0.1, 0.2, 0.3], 0.1, "0,0.1,0.2,0.3"),
        ("model.dropout", [0.1, 0.5], 0.5, "0.1,0.5,0.9"),  # 2.5 is not allowed
        ("optimizer.weight_decay", [0, 0.001, 0.01], 0.01, "0,0.001,0.01,0.1"),
        ("own.shift", [-2, -1, 0], -2, "-3,-2,-1,0"),
    ],
)
def test_best_value_at_the_edge_is_said_with_the_next_one(
    name: str, values: list[Any], best: Any, more: str
) -> None:
    which = "largest" if best == max(values) else "smallest"
    assert swept(name, values, best).advice == [
        f"{name}={best} is the {which} value tried: the best one may lie beyond. "
        f"Repeat the sweep with {name}={more}; only new jobs run."
    ]


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("optimizer.lr", [0.003, 0.01, 0.03], 0.01),
        ("model.num_layers", [1, 2, 3], 1),  # there is none below
        ("model.hidden_size", [1, 2, 4], 1),
        ("optimizer.weight_decay", [0, 0.01, 0.02], 0),
        ("trainer.precision", [16, 32, 64], 64),
        ("data.seed", [0, 1, 2], 2),
        ("model.cell", ["rnn", "gru"], "gru"),
        ("model.bias", [False, True], True),
        ("trainer.gradient_clip_val", [None, 1.0], 1.0),
    ],
)
def test_nothing_is_said_where_there_is_no_edge(name: str, values: list[Any], best: Any) -> None:
    assert swept(name, values, best).advice == []


def test_many_values_are_not_typed_again() -> None:
    (sentence,) = swept("optimizer.lr", [2.0**-n for n in range(8)], 1.0).advice
    assert sentence.endswith("Repeat the sweep with optimizer.lr=2; only new jobs run.")


def test_what_has_diverged_beyond_the_best_was_tried() -> None:
    rows = [job(0, 1.0, parameters={"lr": 0.1}), job(1, 2.0, parameters={"lr": 0.01})]
    beyond = job(2, None, "failed", parameters={"lr": 1.0})
    assert len(find(ledger(*rows)).advice) == 1
    assert find(ledger(*rows, beyond)).advice == []


def test_trials_of_a_search_have_the_edges_of_their_space() -> None:
    rows = [job(i, 1.0 + i, parameters={"lr": 0.1 * i}, trial=i) for i in range(3)]
    assert find(ledger(*rows)).advice == []


@pytest.mark.parametrize(
    ("metric", "names", "expected"),
    [
        ("val/perplexity", ["data.level", "model.cell"], ["data.level"]),
        ("val/loss", ["data"], ["data"]),
        ("val/loss", ["data.growth"], ["data.growth"]),  # of a data set of one's own
        ("val/loss", ["data.tau", "data.batch_size", "data.num_steps", "data.seed"], []),
        ("val/perplexity", ["data.max_tokens"], []),
        ("train/perplexity", ["data.max_tokens"], ["data.max_tokens"]),
        ("val/perplexity", ["data.val_fraction"], ["data.val_fraction"]),
        ("test/perplexity", ["data.val_fraction"], []),
        ("val/bits_per_character", ["data.level"], []),
        ("val/bits_per_character", ["data.path"], ["data.path"]),
    ],
)
def test_metric_compares_settings_of_the_same_data_alone(
    metric: str, names: list[str], expected: list[str]
) -> None:
    assert differing(metric, names) == expected


def of_levels(**more: float) -> list[Row]:
    """Return jobs of two levels with two sizes each; characters have the lower perplexity."""
    found = []
    for i, (level, size) in enumerate([("char", 16), ("word", 16), ("char", 32), ("word", 32)]):
        value = {"char": 8.0, "word": 300.0}[level] - size / 16
        parameters = {"data.level": level, "model.hidden_size": size}
        found.append(job(i, metrics={"val/perplexity": value, **more}, parameters=parameters))
    return found


def test_settings_that_cannot_be_compared_are_not_ranked() -> None:
    found = find(ledger(*of_levels()))
    assert found.apart == ["data.level"]
    assert (found.best, found.command) == (None, None)
    assert [each.rank for each in found.settings] == [None] * 4
    # Each group by itself has its best first.
    assert [each.label(found.swept) for each in found.settings] == [
        "data.level=char, model.hidden_size=32",
        "data.level=char, model.hidden_size=16",
        "data.level=word, model.hidden_size=32",
        "data.level=word, model.hidden_size=16",
    ]
    assert found.advice == [
        "Not ranked: the settings differ in data.level, and val/perplexity of other data or other "
        "tokens cannot be compared.",
        "No metric that every job has can be compared between them.",
        "Best of those with data.level=char: model.hidden_size=32, val/perplexity 6.",
        "Best of those with data.level=word: model.hidden_size=32, val/perplexity 298.",
    ]
    assert counts_text(found) == ("4 jobs: 4 completed. Metric: val/perplexity, lower is better.")
    assert "Not ranked: the settings differ in data.level, and val/perplexity of other data" in (
        "\n".join(results_lines(found))
    )
    assert "- Not ranked: the settings differ in data.level" in results_md(found, [])
    assert "setting_rank" in results_csv(found).splitlines()[0]
    assert best_row(found.rows, "val/perplexity") is None
    assert best_row(found.rows[::2], "val/perplexity") is found.rows[2]


def test_metric_that_compares_them_is_offered() -> None:
    found = find(ledger(*of_levels(**{"val/bits_per_character": 2.0})))
    assert found.advice[1] == (
        "val/bits_per_character can be compared: python -m seqlab report sweep "
        "--metric val/bits_per_character"
    )
    rows = of_levels(**{"val/bits_per_character": 2.0})
    ranked = find(ledger(*rows), "val/bits_per_character")
    assert (ranked.apart, ranked.settings[0].rank) == ([], 1)


def test_training_texts_are_compared_by_what_was_held_out() -> None:
    metrics = [{"train/perplexity": 3.0 + i, "val/perplexity": 5.0 - i} for i in range(3)]
    rows = [
        job(i, metrics=each, parameters={"data.max_tokens": tokens})
        for i, (each, tokens) in enumerate(zip(metrics, (1000, 5000, 2000), strict=True))
    ]
    own = find(ledger(*rows, metric="train/perplexity"))
    assert own.advice == [
        "Not ranked: the settings differ in data.max_tokens, and train/perplexity of other data "
        "or other tokens cannot be compared.",
        "val/perplexity can be compared: python -m seqlab report sweep --metric val/perplexity",
    ]
    other = find(ledger(*rows, metric="train/perplexity"), "val/perplexity")
    assert other.settings[0].parameters == {"data.max_tokens": 2000}
    assert other.advice == [
        "data.max_tokens changes the training data alone: val/perplexity is of the same held-out "
        "data, and can be compared; metrics of the training cannot."
    ]


def test_network_that_reads_the_future_is_no_language_model() -> None:
    metrics = {"val/loss": 1.0, "val/perplexity": 2.0}
    rows = [job(i, metrics=metrics, parameters={"model.bidirectional": i == 0}) for i in range(2)]
    for metric in metrics:
        assert find(ledger(*rows), metric).advice == [
            "Not ranked: the settings differ in model.bidirectional, and a network that reads the "
            f"future too has no {metric} of a language model.",
            "No metric that every job has can be compared between them.",
        ]
    series = [job(i, 1.0, parameters={"model.bidirectional": i == 0}) for i in range(2)]
    assert find(ledger(*series)).apart == []


@pytest.mark.parametrize(
    ("other", "apart"),
    [
        ("data: {path: a, batch_size: 2}", []),
        ("data: {path: b, batch_size: 1}", ["experiment"]),
        ("data: {path: a}\nmodel: {bidirectional: true}", ["experiment"]),
        ("data: [", []),
    ],
)
def test_experiments_are_compared_where_they_predict_the_same(
    tmp_path: Path, other: str, apart: list[str]
) -> None:
    rows = []
    for i, text in enumerate(["data: {path: a, batch_size: 1, seed: '${seed}'}", other]):
        metrics = {"val/perplexity": 1.0 + i}
        rows.append(job(i, metrics=metrics, parameters={"experiment": f"{i}"}))
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "config.yaml").write_text(f"seed: 1\n{text}\n")
    assert find(ledger(*rows, folder=str(tmp_path))).apart == apart
    assert find(ledger(*rows, folder=str(tmp_path / "moved"))).apart == []


def test_nothing_is_advised_before_a_job_has_completed() -> None:
    rows = [job(i, None, "running", parameters={"data.level": x}) for i, x in enumerate("ab")]
    assert find(ledger(*rows, metric="val/loss")).advice == []
