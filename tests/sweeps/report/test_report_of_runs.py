"""`python -m seqlab report FOLDER` of ordinary runs: settings, best command, what is left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from expect import Command, refused, rows_of, succeeded
from made import job, made_run, write_ledger


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two learning rates, with two seeds each but for one that was killed; in the folder `runs`."""
    monkeypatch.chdir(tmp_path)
    made(0, 0.4, seed=0)
    made(1, 0.6, seed=1)
    made(2, 0.2, seed=0, optimizer__lr=0.5)
    made(3, 0.1, "running", seed=1, optimizer__lr=0.5)
    return Path("runs")


def made(number: int, loss: float, status: str = "completed", **config: Any) -> None:
    curves = {"val/loss": [loss + 1, loss]}
    made_run(Path("runs", str(number)), status, curves=curves, age_s=100 - number, **config)


def report(seqlab: Command, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(succeeded(seqlab("report", "runs", "--json", *words)).out)
    return found


def test_runs_are_added_up_as_jobs_are(seqlab: Command, runs: Path) -> None:
    found = report(seqlab)
    assert (found["sweep"], found["metric"]) == ("runs", "val/loss")
    assert found["jobs"] == {"completed": 3, "interrupted": 1}
    assert [(each["parameters"], each["values"]) for each in found["settings"]] == [
        ({"optimizer.lr": 0.5}, [0.2]),
        ({"optimizer.lr": 0.01}, [0.4, 0.6]),
    ]
    assert found["command"] == "python -m train -m again=runs/2 seed=0,1 name=runs_again"
    rows = rows_of(runs / "results.csv")
    assert [(row["folder"], row["seed"], row["optimizer.lr"]) for row in rows] == [
        ("0", "0", "0.01"),
        ("1", "1", "0.01"),
        ("2", "0", "0.5"),
        ("3", "1", "0.5"),
    ]
    page = (runs / "report.html").read_text()
    assert 'href="./2/"' in page
    assert (runs / "figures" / "by_optimizer.lr.png").exists()
    assert (runs / "figures" / "curves.png").exists()


def test_a_run_that_repeats_another_is_no_further_seed(seqlab: Command, runs: Path) -> None:
    made(4, 0.3, seed=0, optimizer__lr=0.5, logger={}, trainer__accelerator="gpu")
    found = report(seqlab)
    assert found["settings"][0]["values"] == [0.2]
    assert "1 completed job with the configuration of another: counted once." in found["notes"]


def test_another_class_is_one_parameter(seqlab: Command, runs: Path) -> None:
    sgd = {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.01, "momentum": 0.0}
    made(4, 0.9, optimizer=sgd)
    settings = report(seqlab)["settings"]
    assert [each["parameters"] for each in settings] == [
        {"optimizer": "Adam", "optimizer.lr": 0.5},
        {"optimizer": "Adam", "optimizer.lr": 0.01},
        {"optimizer": "SGD", "optimizer.lr": 0.01},
    ]


def test_runs_on_other_data_are_left_out(seqlab: Command, runs: Path) -> None:
    made(4, 0.001, data__noise=0.0)
    made_run(runs / "5", kind="gru", curves={"val/loss": [0.002]})
    found = report(seqlab)
    assert found["best"]["values"] == [0.2]
    assert found["jobs"] == {"completed": 3, "interrupted": 1}
    assert (
        "2 runs of other data: not in the tables, because their scores cannot be compared with the "
        "others'."
    ) in found["notes"]


def test_damaged_runs_are_counted(seqlab: Command, runs: Path) -> None:
    (runs / "0" / "result.json").write_text("{")
    (runs / "1" / "config.yaml").write_text("name: [\n" + (runs / "1/config.yaml").read_text())
    assert "2 runs cannot be read: not in the tables." in report(seqlab)["notes"]


def test_metric_is_what_all_minimise(seqlab: Command, runs: Path) -> None:
    for folder in runs.iterdir():
        text = (folder / "config.yaml").read_text()
        (folder / "config.yaml").write_text(text.replace("monitor: null", "monitor: val/loss"))
    assert report(seqlab, "--metric", "val/loss")["metric"] == "val/loss"
    assert report(seqlab)["metric"] == "val/loss"


def test_jobs_of_sweeps_below_are_runs_too(seqlab: Command, runs: Path) -> None:
    write_ledger(runs / "sweep", [job(0, 0.5)])
    made_run(runs / "sweep" / "0", curves={"val/loss": [0.05]}, optimizer__lr=0.7, age_s=5)
    found = report(seqlab)
    assert found["best"]["parameters"] == {"optimizer.lr": 0.7}
    assert found["command"] == "python -m train again=runs/sweep/0 seed=0 name=runs_again"


def test_folder_without_runs_is_refused(seqlab: Command, runs: Path) -> None:
    Path("empty").mkdir()
    refused(
        seqlab("report", "empty"),
        "empty is not a sweep: it has no ledger.jsonl, and there is no run in it",
        "Name the folder of a sweep or of runs; python -m seqlab list shows them.",
    )
    assert not list(Path("empty").iterdir())
