"""`python -m seqlab dashboard`: what runs are called, and that TensorBoard shows them so."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from expect import Command, refusals, refused
from seqlab.commands.dashboard import Links, names_of, runs_below
from seqlab.runs.folder.run_folder import RunFolder


def made(folder: Path, *overrides: str) -> Path:
    """Make a run folder of which only what the names come from is there."""
    run = RunFolder(folder)
    run.tensorboard.mkdir(parents=True)
    run.config.write_text("seed: 0\n")
    run.write_result({"status": "completed", "overrides": list(overrides)})
    return folder


def named(root: Path) -> list[str]:
    return list(names_of(list(runs_below(root)), root).values())


def test_jobs_are_named_by_the_words_that_differ(tmp_path: Path) -> None:
    for number, rate in enumerate(("0.1", "0.01")):
        words = ["trainer.max_epochs=2", "model.hidden_size=4", f"optimizer.lr={rate}"]
        made(tmp_path / f"000{number}_lr={rate}", *words, f"seed={number}")
    assert named(tmp_path) == ["lr=0.1 seed=0", "lr=0.01 seed=1"]


def test_keys_whose_last_parts_are_the_same_stay_whole(tmp_path: Path) -> None:
    made(tmp_path / "a", "+data.seed=1", "seed=1")
    made(tmp_path / "b", "+data.seed=2", "seed=2", "hydra.run.dir=b")
    assert named(tmp_path) == ["data.seed=1 seed=1", "data.seed=2 seed=2"]


def test_runs_of_several_folders_are_named_by_theirs(tmp_path: Path) -> None:
    made(tmp_path / "grid" / "0000_lr=1", "optimizer.lr=1")
    made(tmp_path / "grid" / "0001_lr=2", "optimizer.lr=2")
    made(tmp_path / "sine_mlp" / "sweep_seed" / "0000_seed=7", "seed=7")
    made(tmp_path / "text" / "2026-11-28_10-43-24_71dcab", "data=sample_story")
    assert named(tmp_path) == ["grid lr=1", "grid lr=2", "sine_mlp sweep_seed", "text"]


def test_runs_that_differ_in_nothing_are_named_by_their_time(tmp_path: Path) -> None:
    for name in ("2026-11-28_10-43-24_71dcab", "2026-11-28_10-43-25_000000"):
        made(tmp_path / name, "seed=1")
    made(tmp_path / "2026-11-28_10-43-25_111111", "seed=1")
    assert named(tmp_path) == [
        "2026-11-28_10-43-24",
        *("2026-11-28_10-43-25 2026-11-28_10-43-25_000000",),
        *("2026-11-28_10-43-25 2026-11-28_10-43-25_111111",),
    ]


def test_what_was_typed_leads_to_no_other_folder(tmp_path: Path) -> None:
    root, links = tmp_path / "runs", tmp_path / "links"
    links.mkdir()
    made(root / "a", "data.path=../../texts/a.txt")
    made(root / "b", f"data.path=/{'länger' * 50}")
    assert Links(root).update(links) == 2
    first, second = sorted(link.name for link in links.iterdir())
    assert (first, second[:12]) == ("path=.._.._texts_a.txt", "path=_länger")
    assert len(second.encode()) in (119, 120)


def test_run_that_begins_later_is_added_and_no_name_changes(tmp_path: Path) -> None:
    root, folder = tmp_path / "runs", tmp_path / "links"
    folder.mkdir()
    made(root / "a", "seed=1")
    links = Links(root)
    assert links.update(folder) == 1
    made(root / "b", "seed=2")
    (root / "c").mkdir()
    assert links.update(folder) == 2
    later = RunFolder(root / "a").tensorboard / "events.out.tfevents.2"
    later.touch()  # the run was resumed
    assert links.update(folder) == 2
    found = {str(link.relative_to(folder)): link.readlink() for link in folder.rglob("events*")}
    assert found == {f"a/{later.name}": later.resolve()}
    assert {each.name for each in folder.iterdir()} == {"a", "seed=2"}


@refusals(
    ("nowhere", "there is no folder nowhere", "Name the folder of runs"),
    ("s3://bucket/runs", "s3://bucket/runs is a URL", "Download it"),
    (".", ". has no run with event files", "logger=csv"),
)
def test_folder_without_runs_is_refused(
    seqlab: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    message: str,
    remedy: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(seqlab("dashboard", asked), message, remedy)


def test_port_that_is_taken_is_refused(seqlab: Command, sine_run: RunFolder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        outcome = seqlab("dashboard", str(sine_run.path), "--port", port, "--host", "127.0.0.1")
    refused(outcome, "TensorBoard did not start", f"port {port}", "Use another --port")


def test_tensorboard_shows_the_runs_by_these_names_until_it_is_ended(
    sine_run: RunFolder, language_run: RunFolder, tmp_path: Path
) -> None:
    for name, run in (("sine", sine_run), ("text", language_run)):
        shutil.copytree(run.path, tmp_path / name / "run")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = ["dashboard", str(tmp_path), "--port", port, "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "seqlab", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == (
            f"2 runs at http://127.0.0.1:{port}/?smoothing=0#timeseries (Ctrl-C ends it)\n"
        )
        address = re.findall(r"http://[^?]*", line)[0]
        with urllib.request.urlopen(f"{address}data/runs", timeout=30) as answer:
            assert sorted(json.load(answer)) == ["sine", "text"]
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
    assert code == 0
