"""`python -m seqlab clean`: what goes, what stays, and that nothing goes unasked."""

import fcntl
import io
import os
from pathlib import Path
from typing import Any

import pytest

from expect import Command, refusal, refusals, refused, succeeded, tree, words_of
from made import job, made_run, write_ledger
from seqlab.runs.folder.lock import give_up, hold
from seqlab.runs.folder.removal import remove_run


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `outputs` with an old and a new completed run, a failed and a killed one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    made_run(Path("outputs/a/new"), age_s=60)
    made_run(Path("outputs/a/old"), age_s=40 * 86400)
    made_run(Path("outputs/b/failed"), "failed", age_s=3600)
    made_run(Path("outputs/b/killed"), "running", age_s=7200)
    return Path("outputs")


def left(folder: Path) -> set[str]:
    return {run.parent.name for run in folder.rglob("config.yaml")}


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


def test_by_status_after_showing(seqlab: Command, outputs: Path) -> None:
    done = succeeded(seqlab("clean", "--status", "failed,killed", "--yes"))
    lines = done.out.splitlines()
    assert lines[0] == "status  age         metric    size  run"
    assert lines[1].startswith("failed  60 minutes")
    assert lines[1].endswith("MB  outputs/b/failed")
    assert lines[2].startswith("killed  2 hours")
    assert lines[3] == "removed 2 runs, 0.0 MB"
    assert left(outputs) == {"new", "old"}
    assert not (outputs / "b/failed").exists()


def test_by_age(seqlab: Command, outputs: Path) -> None:
    succeeded(seqlab("clean", "outputs/a", "outputs/b", "--older-than", "30d", "--yes"))
    assert left(outputs) == {"new", "failed", "killed"}


def test_both_have_to_hold(seqlab: Command, outputs: Path) -> None:
    words = ("--older-than", "90m", "--status", "completed,killed,failed", "--yes")
    succeeded(seqlab("clean", *words))
    assert left(outputs) == {"new", "failed"}


def test_runs_that_are_named(seqlab: Command, outputs: Path) -> None:
    succeeded(seqlab("clean", "outputs/a/new", "outputs/b/failed", "--yes"))
    assert left(outputs) == {"old", "killed"}


@pytest.mark.parametrize(
    ("answer", "removed"),
    [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False)],
)
def test_terminal_is_asked(
    seqlab: Command, outputs: Path, answer: str, removed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    done = succeeded(seqlab("clean", "--status", "failed"))
    assert "\nRemove 1 run (1 failed), 0.0 MB? [y/N] " in done.out
    assert ("failed" not in left(outputs)) == removed
    assert ("nothing was removed" in done.out) != removed


def test_dry_run_removes_nothing(seqlab: Command, outputs: Path) -> None:
    before = tree(outputs)
    done = succeeded(seqlab("clean", "--status", "failed", "--dry-run", "--yes"))
    assert "outputs/b/failed" in done.out
    assert "nothing was removed, because of --dry-run" in done.out
    assert tree(outputs) == before


@refusals(
    ("", "clean has to be told what to remove", "--older-than 30d. Or name run folders."),
    ("outputs/a --yes", "clean has to be told what to remove", "By status"),
    ("outputs/a/new outputs/b --yes", "clean has to be told what to remove", "By status"),
    ("--status failed", "there is no terminal to ask on: nothing was removed", "--dry-run shows"),
    ("--status failed,running --yes", "a run at work is never removed", "Stop it first."),
    ("--status old --yes", "--status old: there is no such status", "There are: running"),
    ("--older-than soon --yes", "--older-than soon: that is no age", "12h"),
    ("nowhere --yes", "there is no folder nowhere", "Name a run"),
    ("s3://bucket/x --yes", "is a URL", ""),
)
def test_what_is_wrong_is_refused_and_nothing_goes(
    seqlab: Command, outputs: Path, asked: Any, message: str, remedy: str
) -> None:
    before = tree(outputs)
    refused(seqlab("clean", *words_of(asked)), message, remedy)
    assert tree(outputs) == before


def test_run_at_work_stays(seqlab: Command, outputs: Path) -> None:
    with (outputs / "b/killed/run.log").open() as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        done = succeeded(seqlab("clean", "--older-than", "1s", "--yes"))
    assert "left alone: outputs/b/killed is at work" in done.err
    assert left(outputs) == {"killed"}


def test_run_that_is_taken_up_meanwhile_stays(outputs: Path) -> None:
    with (outputs / "a/new/run.log").open() as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        with refusal("the run outputs/a/new is at work in another process"):
            remove_run(outputs / "a/new")
    assert "new" in left(outputs)
    hold(outputs / "a/new")  # nothing of the attempt is left
    give_up(outputs / "a/new")


def test_what_cannot_be_removed_is_told(
    seqlab: Command, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove(path: Path) -> None:
        if path.name == "failed":
            raise PermissionError(13, "Permission denied", str(path))
        remove_run(path)

    monkeypatch.setattr("seqlab.commands.clean.remove_run", remove)
    done = seqlab("clean", "--status", "failed,killed", "--yes")
    assert done.code == 1
    assert "not removed: outputs/b/failed: [Errno 13] Permission denied" in done.err
    assert done.out.endswith("removed 1 run, 0.0 MB\n")
    assert left(outputs) == {"new", "old", "failed"}


def test_killed_removal_can_be_done_again(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, seqlab: Command
) -> None:
    removed: list[str] = []
    unlink = Path.unlink

    def dying(file: Path, *rest: Any, **more: Any) -> None:
        if file.name == "result.json":
            raise KeyboardInterrupt
        removed.append(file.name)
        unlink(file, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying)
        with pytest.raises(KeyboardInterrupt):
            remove_run(outputs / "a/new")
    assert removed == ["metrics.csv"]
    assert sorted(each.name for each in (outputs / "a/new").iterdir()) == [
        "config.yaml",
        "result.json",
        "run.log",
    ]
    succeeded(seqlab("clean", "outputs/a/new", "--yes"))
    assert not (outputs / "a/new").exists()


def test_links_are_not_followed(seqlab: Command, outputs: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    made_run(outside / "run", "failed")
    (outputs / "link").symlink_to(outside)
    made_run(outputs / "leads_out", "failed").figures.symlink_to(outside)
    (outputs / "b/failed/inner.txt").symlink_to("run.log")
    before = tree(outside)
    done = succeeded(seqlab("clean", "--status", "failed", "--yes"))
    assert "leads_out/figures is a link that leads out of the run folder" in done.err
    assert tree(outside) == before
    assert left(outputs) == {"new", "old", "killed", "leads_out"}
    Path("named").symlink_to(outside / "run")
    assert "left alone: named is no run folder" in seqlab("clean", "named", "--yes").err
    assert tree(outside) == before


def test_what_is_no_run_stays(
    seqlab: Command, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (outputs / "project").mkdir()
    (outputs / "project/config.yaml").write_text("site: mine\n")
    (outputs / "project/result.json").write_text('{"status": "failed"}')
    made_run(outputs / "with_code", "failed")
    (outputs / "with_code/src").mkdir()
    made_run(outputs / "here", "failed")
    monkeypatch.chdir(outputs / "here")
    done = succeeded(seqlab("clean", "../../outputs", "--status", "failed,damaged", "--yes"))
    assert "with_code holds a folder src, which no run makes" in done.err
    assert "here is the working folder, or holds it" in done.err
    assert left(Path("..")) == {"new", "old", "killed", "project", "with_code", "here"}
    with refusal("project is no run folder"):
        remove_run(Path("../project"))


def test_sweep_stays_and_its_jobs_go_only_when_asked_for(seqlab: Command, outputs: Path) -> None:
    sweep = outputs / "sweep"
    made_run(sweep / "0", age_s=9 * 86400)
    made_run(sweep / "1", "failed", age_s=9 * 86400)
    write_ledger(sweep, [job(0, 0.5), job(1, status="failed")])
    os.utime(sweep / "ledger.jsonl", (0, 0))
    done = succeeded(seqlab("clean", "--older-than", "8d", "--yes"))
    assert "left alone: 1 sweep; add --jobs to choose among their jobs" in done.err
    assert left(outputs) == {"new", "failed", "killed", "0", "1"}
    with (sweep / "ledger.jsonl").open() as ledger:
        fcntl.flock(ledger, fcntl.LOCK_EX)
        done = succeeded(seqlab("clean", "outputs/sweep/1", "--yes"))
        assert "outputs/sweep/1: its sweep is at work" in done.err
    done = succeeded(seqlab("clean", "outputs/sweep", "--status", "failed", "--yes"))
    assert "sweep;" not in done.err
    assert left(sweep) == {"0"}
    succeeded(seqlab("clean", "--older-than", "8d", "--jobs", "--yes"))
    assert left(sweep) == set()
    assert [file.name for file in sweep.iterdir()] == ["ledger.jsonl"]


def test_damaged_run_goes(seqlab: Command, outputs: Path) -> None:
    (outputs / "b/failed/result.json").write_text("{")
    done = succeeded(seqlab("clean", "outputs/b/failed", "--status", "damaged", "--yes"))
    assert "removed 1 run" in done.out
    assert "failed" not in left(outputs)


def test_nothing_to_remove(seqlab: Command, outputs: Path) -> None:
    done = succeeded(seqlab("clean", "--status", "damaged", "--yes"))
    assert done.out == "there is nothing to remove\n"
    outputs.rename("elsewhere")
    assert seqlab("clean", "--status", "failed", "--yes").out == done.out
