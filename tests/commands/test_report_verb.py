"""`python -m seqlab report SWEEP`: what it prints, writes, refuses."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import ROOT, spawn
from expect import Command, refusals, refused, succeeded, tree, words_of
from made import STARTED, job, write_ledger
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import Row, row_line


def row(number: int, value: float | None, status: str = "completed") -> Row:
    parameters = {"x": number // 2, "seed": number % 2}
    metrics = {} if value is None else {"val/loss": value, "val/accuracy": value}
    return job(number, status=status, parameters=parameters, metrics=metrics)


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep of two settings, x = 0 and x = 1, named `sweep` in the working folder."""
    monkeypatch.chdir(tmp_path)
    rows = [row(0, 1.0), row(1, 2.0), row(2, 3.0), row(3, None, "failed")]
    write_ledger(Path("sweep"), rows, replace(STARTED, name="two"))
    return Path("sweep")


def test_table_best_setting_command_failures_and_files(seqlab: Command, sweep: Path) -> None:
    outcome = seqlab("report", "sweep")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        "two: 4 jobs: 3 completed, 1 failed. Compared by val/loss, lower is better.\n"
    )
    assert "best: x=0: val/loss 1.5 over 2 seeds, 95 % interval -4.8531 to 7.8531." in outcome.out
    assert "\n  python -m train -m x=0 seed=0,1 name=sweep_again\n" in outcome.out
    assert "\n  failed: job 3 (x=1, seed=1)\n" in outcome.out
    written = {file.relative_to(sweep).as_posix() for file in sweep.rglob("*") if file.is_file()}
    assert written == {
        *("ledger.jsonl", "results.csv", "settings.csv", "results.md", "report.html"),
        "figures/by_x.png",
    }
    for name in ("report.html", "results.md", "results.csv"):
        assert f"\n  sweep/{name}" in outcome.out


def test_json(seqlab: Command, sweep: Path) -> None:
    found = json.loads(seqlab("report", "sweep", "--json").out)
    assert found["jobs"] == {"completed": 3, "failed": 1}
    assert (found["metric"], found["direction"]) == ("val/loss", "minimize")
    best = found["best"]
    assert best == found["settings"][0]
    assert (best["parameters"], best["values"], best["mean"]) == ({"x": 0}, [1.0, 2.0], 1.5)
    assert best["std"] == pytest.approx(math.sqrt(0.5))
    assert found["settings"][1]["low_95"] is None
    assert found["settings"][1]["others"] == {"failed": 1}
    assert found["command"] == "python -m train -m x=0 seed=0,1 name=sweep_again"


def test_metric_and_direction_are_chosen(seqlab: Command, sweep: Path) -> None:
    words = ("--metric", "val/accuracy", "--direction", "maximize")
    outcome = seqlab("report", "sweep", *words)
    assert "Compared by val/accuracy, higher is better." in outcome.out
    assert "best: x=1: val/accuracy 3 over 1 seed." in outcome.out


def test_report_can_be_made_again_and_again(seqlab: Command, sweep: Path) -> None:
    assert seqlab("report", "sweep").code == 0
    before = {name: content for name, (content, _) in tree(sweep).items() if name != "report.html"}
    assert seqlab("report", "sweep").code == 0
    after = {name: content for name, (content, _) in tree(sweep).items() if name != "report.html"}
    assert after == before


def test_sweep_at_work_with_a_line_cut_off(seqlab: Command, sweep: Path) -> None:
    with (sweep / "ledger.jsonl").open("a") as file:
        file.write("{broken\n" + row_line(row(4, None, "running")) + '{"row": {"numb')
    outcome = succeeded(seqlab("report", "sweep"))
    assert "Jobs are at work, or were killed: what is here is so far." in outcome.out
    assert "1 line of the ledger cannot be read." in outcome.out
    assert "running: job 4 (x=2, seed=0)" in outcome.out


def test_nothing_completed_is_said_and_no_error(seqlab: Command, sweep: Path) -> None:
    write_ledger(sweep, [row(0, None, "running")])
    outcome = succeeded(seqlab("report", "sweep"))
    assert "No job has completed yet: there is nothing to average." in outcome.out
    assert (sweep / "report.html").exists()


@refusals(
    ("nowhere", "there is no folder nowhere", "Name a run, a sweep, or a folder of runs"),
    ("\x00", "there is no folder", "Name a run, a sweep, or a folder of runs"),
    (("x" * 5000,), "there is no folder", "Name a run, a sweep, or a folder of runs"),
    ("s3://b/sweep", "is a URL", "Download it"),
    (".", ". is not a sweep: it has no ledger.jsonl", "Name the folder"),
    ("sweep --metric val/los", "has a metric val/los", "There are: val/accuracy, val/loss."),
    ("sweep --direction up", "invalid choice: 'up'", "--help"),
    ("sweep --checkpoint best", "--checkpoint", "--help"),
)  # fmt: skip
def test_what_is_wrong_is_refused(
    seqlab: Command, sweep: Path, asked: str, message: str, remedy: str
) -> None:
    before = tree(sweep)
    refused(seqlab("report", *words_of(asked)), message, remedy)
    assert tree(sweep) == before


def test_run_folder_is_refused_with_the_sweep_above(seqlab: Command, sweep: Path) -> None:
    run = RunFolder(sweep / "0")
    run.path.mkdir()
    run.config.write_text("seed: 1\n")
    refused(
        seqlab("report", "sweep/0"),
        "sweep/0 is one run, not a sweep",
        "Its sweep: python -m seqlab report sweep",
    )


def test_single_run_is_refused(seqlab: Command, sine_run: RunFolder) -> None:
    refused(seqlab("report", str(sine_run.path)), "is one run, not a sweep", "Name the folder")


def test_torch_is_not_imported(sweep: Path) -> None:
    code = (
        "import sys; from seqlab.commands.main import main; code = main(['report', 'sweep']); "
        "sys.exit(code or 3 * ('torch' in sys.modules or 'lightning' in sys.modules))"
    )
    done = spawn("-c", code, cwd=Path.cwd(), PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 0, done.stderr


def test_json_of_a_sweep_that_diverged_is_json(seqlab: Command, sweep: Path) -> None:
    with (sweep / "ledger.jsonl").open("a") as file:
        file.write(row_line(row(3, math.inf)))
    found = json.loads(seqlab("report", "sweep", "--json").out, parse_constant=pytest.fail)
    assert [each["values"] for each in found["settings"]] == [[1.0, 2.0], [3.0, None]]
    assert [each["rank"] for each in found["settings"]] == [1, None]
