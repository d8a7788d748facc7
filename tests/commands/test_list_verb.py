"""`python -m seqlab list`: every run and sweep of a folder, whatever state it is in."""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expect import Command, refusals, refused, succeeded, tree, words_of
from made import STARTED, job, made_run, write_ledger
from processes import probe
from seqlab.runs.folder.found import STATUSES, size_of
from seqlab.runs.folder.run_folder import RunFolder

LOSS = {"train/loss": [0.2, 0.1], "val/loss": [0.4, 0.3]}
PRUNED = {"error": {"type": "Pruned", "message": "", "hint": ""}}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def at_work(here: Path) -> Iterator[RunFolder]:
    """A run whose process is there."""
    run = made_run(Path("outputs/b/running"), "running", curves=LOSS, result={"metrics": {}})
    with run.log.open() as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        yield run


def statuses(seqlab: Command, *words: str) -> dict[str, str]:
    found = json.loads(succeeded(seqlab("list", *words, "--json")).out)
    return {Path(each["folder"]).name: each["status"] for each in found}


def test_table_has_the_newest_first_and_what_to_type_next(seqlab: Command, here: Path) -> None:
    made_run(Path("outputs/a/old"), age_s=7200, curves=LOSS)
    made_run(Path("outputs/a/text"), kind="gru", age_s=180, curves={"val/perplexity": [9.5]})
    made_run(Path("outputs/b/stopped"), "interrupted", age_s=86400 * 3)
    for run in Path("outputs").glob("*/*"):
        (run / "big").write_bytes(b"x" * (1_200_000 - size_of(run)))
    assert succeeded(seqlab("list")).out.splitlines() == [
        "3 runs (2 completed, 1 interrupted), 3.6 MB in outputs",
        "",
        "status       age        metric                size  run",
        "completed    3 minutes  val/perplexity 9.5  1.2 MB  outputs/a/text",
        "completed    2 hours    val/loss 0.3        1.2 MB  outputs/a/old",
        "interrupted  3 days                         1.2 MB  outputs/b/stopped",
        "",
        "next, for the newest of each kind:",
        "  generate (completed)",
        "    python -m seqlab generate outputs/a/text",
        "  forecast (completed)",
        "    python -m seqlab forecast outputs/a/old",
        "  resume (interrupted)",
        "    python -m train resume=outputs/b/stopped",
    ]


def test_path_has_a_line_of_its_own_where_there_is_little_room(
    seqlab: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    name = "outputs/time_machine_rnn/2026-11-28_10-42-56_abc123"
    made_run(Path(name), curves=LOSS, age_s=300)
    lines = seqlab("list").out.splitlines()
    assert lines[2:5] == [
        "status     age        metric          size",
        "completed  5 minutes  val/loss 0.3  0.0 MB",
        f"  {name}",
    ]
    monkeypatch.delenv("COLUMNS")  # into a pipe: one line a run
    assert seqlab("list").out.splitlines()[3].endswith(f"0.0 MB  {name}")


def test_every_status(seqlab: Command, at_work: RunFolder) -> None:
    outputs = Path("outputs")
    for status in ("completed", "failed", "interrupted"):
        made_run(outputs / status, status)
    made_run(outputs / "killed", "running")
    made_run(outputs / "begun", None)
    made_run(outputs / "pruned", "interrupted", result=PRUNED)
    for name, text in {
        "cut": '{"status"',
        "odd": '{"status": 3}',
        "empty": "",
        "list": "[]",
    }.items():
        made_run(outputs / name).result.write_text(text)
    made_run(outputs / "lost").config.write_bytes(b"\xff\x00")
    assert statuses(seqlab) == {
        **{name: name for name in ("completed", "failed", "interrupted", "killed", "pruned")},
        **dict.fromkeys(("cut", "odd", "empty", "list", "lost"), "damaged"),
        "begun": "killed",
        "running": "running",
    }
    assert statuses(seqlab, "--status", "failed,running") == {
        "failed": "failed",
        "running": "running",
    }


def test_run_at_work_shows_its_latest_epoch_and_is_left_in_peace(
    seqlab: Command, at_work: RunFolder
) -> None:
    (found,) = json.loads(seqlab("list", "--json").out)
    assert (found["metric"], found["value"], found["next"]) == ("val/loss", 0.3, None)


@pytest.mark.parametrize(
    ("status", "result", "checkpoint", "command"),
    [
        ("completed", {}, True, "python -m seqlab forecast 'a b'"),
        ("completed", {"sees_future": True}, True, "python -m seqlab evaluate 'a b'"),
        ("completed", {}, False, "python -m train again='a b'"),
        ("failed", {}, True, "python -m train resume='a b'"),
        ("failed", {}, False, "python -m train again='a b'"),
        ("interrupted", {}, False, "python -m train resume='a b'"),
        ("running", {}, True, "python -m train resume='a b'"),
        ("interrupted", PRUNED, True, "python -m train again='a b'"),
        ("nonsense", {}, True, "python -m seqlab clean 'a b' --status damaged"),
    ],
)
def test_next_command(
    seqlab: Command, here: Path, status: str, result: Any, checkpoint: bool, command: str
) -> None:
    run = made_run(Path("a b"), status, result=result)
    if not checkpoint:
        run.last.unlink()
    (found,) = json.loads(seqlab("list", "a b", "--json").out)
    assert found["next"] == command


def test_json_has_what_the_result_says(seqlab: Command, here: Path) -> None:
    run = made_run(Path("outputs/one"), curves=LOSS, result={"again": "/x", "error": None})
    (found,) = json.loads(seqlab("list", "--json").out)
    assert found.pop("age_s") == pytest.approx(60, abs=20)
    assert found.pop("changed").startswith("20")
    assert found == {
        "kind": "run",
        "folder": "outputs/one",
        "status": "completed",
        "bytes": sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file()),
        "metric": "val/loss",
        "value": 0.3,
        "experiment": "sine_mlp",
        "seed": 0,
        "epochs": 2,
        "duration_s": 1.5,
        "again": "/x",
        "error": None,
        "fingerprint": "f" * 64,
        "next": "python -m seqlab forecast outputs/one",
    }


def test_metric_is_the_one_that_the_run_minimises(seqlab: Command, here: Path) -> None:
    texts = {"train/perplexity": [2.0], "val/perplexity": [9.0], "val/loss": [2.2]}
    made_run(Path("outputs/a"), kind="gru", curves=texts, monitor="train/loss")
    made_run(Path("outputs/b"), curves=LOSS | {"val/rmse@4": [2.0, 1.0]}, monitor="val/rmse@4")
    found = json.loads(seqlab("list", "--json").out)
    assert {each["folder"]: each["metric"] for each in found} == {
        "outputs/a": "train/perplexity",
        "outputs/b": "val/rmse@4",
    }


def sweep_at(folder: str, *rows: Any, words: tuple[str, ...] = ("-m", "x=1,2")) -> None:
    Path(folder).mkdir(parents=True)
    write_ledger(Path(folder), list(rows), replace(STARTED, words=list(words)))


def test_sweep_is_one_line_and_its_jobs_are_shown_when_asked_for(
    seqlab: Command, here: Path
) -> None:
    sweep_at("outputs/s", job(0, 0.5), job(1, 0.25), job(2, status="failed"))
    for number, status in enumerate(("completed", "completed", "failed")):
        made_run(Path(f"outputs/s/{number}"), status, age_s=100 + number)
    made_run(Path("outputs/s/2026_alone"), age_s=200)  # of `name=s` without -m
    lines = seqlab("list").out.splitlines()
    assert lines[0].startswith("1 run and 1 sweep (1 completed), ")
    assert lines[3].startswith("failed ")
    assert "val/loss 0.25" in lines[3]
    assert lines[3].endswith("  outputs/s  sweep of 3 jobs: 2 completed, 1 failed")
    assert lines[4].endswith("  outputs/s/2026_alone")
    assert lines[7:9] == [
        "  resume a sweep (failed)",
        "    python -m train -m x=1,2 hydra.launcher.retry_failed=true",
    ]
    jobs = ["0", "1", "2", "2026_alone"]
    assert list(statuses(seqlab, "--jobs")) == jobs
    assert list(statuses(seqlab, "outputs/s")) == jobs
    (of_sweep, _) = json.loads(seqlab("list", "--json").out)
    assert (of_sweep["kind"], of_sweep["jobs"]) == ("sweep", {"completed": 2, "failed": 1})


def test_sweep_whose_process_is_gone_was_killed(seqlab: Command, here: Path) -> None:
    sweep_at("outputs/s", job(0, 0.5), job(1, status="running"))
    assert statuses(seqlab) == {"s": "killed"}
    made_run(Path("outputs/s/1"), "running")
    with Path("outputs/s/1/run.log").open() as log:  # its job is at work all the same
        fcntl.flock(log, fcntl.LOCK_EX)
        assert statuses(seqlab) == {"s": "running"}
    with Path("outputs/s/ledger.jsonl").open() as ledger:
        fcntl.flock(ledger, fcntl.LOCK_EX)
        assert statuses(seqlab) == {"s": "running"}
    sweep_at("outputs/t", job(0, status="running", handle="slurm 12"))
    assert statuses(seqlab)["t"] == "running"


def test_finished_sweep_has_its_report_next(seqlab: Command, here: Path) -> None:
    sweep_at("outputs/s", job(0, 0.5), job(1, status="pruned"))
    (found,) = json.loads(seqlab("list", "--json").out)
    assert (found["status"], found["next"]) == ("completed", "python -m seqlab report outputs/s")


def test_foreign_folders_are_looked_through_and_never_followed(seqlab: Command, here: Path) -> None:
    made_run(Path("outside/run"))
    outputs = Path("outputs")
    made_run(outputs / "deep/er/run")
    (outputs / "link").symlink_to(here / "outside")
    (outputs / "loop").symlink_to(here / "outputs")
    (outputs / "project").mkdir()
    (outputs / "project/config.yaml").write_text("site: mine\n")
    (outputs / "project/result.json").write_text('{"status": "completed"}')
    (outputs / ".hidden").mkdir()
    made_run(outputs / ".hidden/run")
    made_run(outputs / "pipe").result.unlink()
    os.mkfifo(outputs / "pipe/result.json")
    (outputs / "pipe/config.yaml").unlink()
    os.mkfifo(outputs / "pipe/config.yaml")
    (outputs / "ledger").mkdir()
    (outputs / "ledger/ledger.jsonl").write_bytes(b"\xff{}\n[]\n")
    before = tree(here / "outside")
    assert statuses(seqlab) == {"run": "completed", "ledger": "damaged"}
    assert tree(here / "outside") == before


def test_names_of_others_are_shown_and_not_obeyed(seqlab: Command, here: Path) -> None:
    made_run(Path("outputs/a\x1b[2Jb\nc"))
    lines = seqlab("list").out.splitlines()
    assert lines[3].endswith("  'outputs/a\\x1b[2Jb\\nc'")
    assert not lines[4]


def test_path_from_the_working_folder_or_the_root_whichever_is_shorter(
    seqlab: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_run(here / "outputs/one")
    (here / "beside").mkdir()
    monkeypatch.chdir(here / "beside")
    assert "  ../outputs/one\n" in seqlab("list", str(here / "outputs")).out
    monkeypatch.chdir(here / "outputs/one")
    assert seqlab("list", str(here / "outputs")).out.splitlines()[3].endswith("  .")


def test_nothing_there_is_said(seqlab: Command, here: Path) -> None:
    assert succeeded(seqlab("list")).out == "there is no run in outputs\n"
    Path("outputs").mkdir()
    assert succeeded(seqlab("list")).out == "there is no run in outputs\n"
    assert json.loads(seqlab("list", "--json").out) == []
    made_run(Path("outputs/one"))
    none = succeeded(seqlab("list", "--status", "failed"))
    assert none.out == "there is no such run in outputs\n"
    assert succeeded(seqlab("list", "--older-than", "1h")).out == none.out
    assert statuses(seqlab, "--older-than", "30s") == {"one": "completed"}


def test_help_names_every_status(seqlab: Command) -> None:
    for verb in ("list", "clean"):
        assert ",".join(STATUSES) in "".join(seqlab(verb, "--help").out.split())


@refusals(
    ("nowhere", "there is no folder nowhere", "Name a run, a sweep, or a folder of runs"),
    ("\x00", "there is no folder", "Name a run"),
    (("x" * 5000,), "there is no folder", "Name a run"),
    ("s3://b/runs", "is a URL", "Download it"),
    ("outputs --status faild", "--status faild: there is no such status", "There are: running"),
    ("outputs --older-than 3", "--older-than 3: that is no age", "--older-than 30d"),
)
def test_what_is_wrong_is_refused(
    seqlab: Command, here: Path, asked: Any, message: str, remedy: str
) -> None:
    made_run(Path("outputs/one"))
    refused(seqlab("list", *words_of(asked)), message, remedy)


def test_neither_torch_nor_a_lock_is_needed(here: Path) -> None:
    made_run(Path("outputs/one"))
    outcome, imported = probe("seqlab.commands.main", "list", cwd=here)
    assert outcome.code == 0, outcome.err
    assert not imported
