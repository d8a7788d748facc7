"""Sweeps for real: jobs that fail, are killed or interrupted, and how the sweep goes on."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import QUICK, own_class, trained
from expect import Command, Refuses, refusals, refused, succeeded, tree
from processes import DEADLINE_S, processes_where, started, until
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import Ledger, Row, read_ledger

LONG = ["-m", "seed=1,2", "trainer.max_epochs=60", "~callbacks.forecasts", "~callbacks.curves"]
LONG += ["logger=csv", "hydra.sweep.dir=sweep"]

# Each way for a job to end badly, and one to end well.
BROKEN = """
import os, signal, sys
from torch import nn

class Broken(nn.Module):
    def __init__(self, num_inputs, how="none"):
        super().__init__()
        self.how = how
        self.linear = nn.Linear(num_inputs, 1)

    def forward(self, x):
        if not self.training:
            return self.linear(x).squeeze(-1)
        if self.how == "raise":
            raise RuntimeError("broken on purpose")
        if self.how == "exit":
            sys.exit(0)
        if self.how == "vanish":
            os._exit(0)
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "memory":
            raise MemoryError
        scale = float("nan") if self.how == "number" else 1.0
        return scale * self.linear(x).squeeze(-1)
"""

# The first job edits the file that its own configuration came from.
EDITING = """
from pathlib import Path
from torch import nn

class Editing(nn.Module):
    def __init__(self, num_inputs, width=4):
        super().__init__()
        self.linear = nn.Linear(num_inputs, 1)
        file = Path("mine/model/own.yaml")
        file.write_text(file.read_text().replace("width: 4", "width: 8"))

    def forward(self, x):
        return self.linear(x).squeeze(-1)
"""


@pytest.fixture
def own(tmp_path: Path) -> Callable[[str, str], list[str]]:
    """Make `model=own` of a class of the person's own; return the words that choose it."""

    def make(code: str, keys: str) -> list[str]:
        name = re.search(r"class (\w+)", code)
        assert name is not None
        content = f"task: forecasting\n_target_: own_network.{name[1]}\n{keys}\n"
        own_class(tmp_path, "own_network", code, "model/own", content)
        return ["--config-dir", "mine", "-m", "model=own"]

    return make


def ledger(folder: Path) -> Ledger:
    found = read_ledger(folder)
    assert found.damaged == 0
    return found


def rows(folder: Path) -> list[Row]:
    return [row for _, row in sorted(ledger(folder).rows.items())]


def test_same_command_skips_what_is_done_and_adds_what_is_new(
    train: Command, tmp_path: Path
) -> None:
    words = ["-m", "name=grid", "optimizer.lr=0.1,1", *QUICK]
    outcome = succeeded(train(*words, "seed=1,2"))
    folder = tmp_path / "outputs" / "grid"
    found = rows(folder)
    assert [row.label for row in found] == [
        *("lr=0.1 seed=1", "lr=0.1 seed=2", "lr=1 seed=1", "lr=1 seed=2"),
    ]
    for row in found:
        run = RunFolder(folder / row.folder)
        result = run.read_result()
        assert (row.status, result["status"], row.epochs) == ("completed", "completed", 1)
        assert row.fingerprint == result["fingerprint"]
        assert row.metrics == result["metrics"]
        assert result["seed"] == row.parameters["seed"]
        assert result["overrides"] == row.overrides
        assert f"lr: {row.parameters['optimizer.lr']}" in run.config.read_text()
    assert outcome.out.startswith("grid: 4 jobs: 4 completed; ")
    before = tree(folder / "0000_lr=0.1_seed=1")

    again = succeeded(train(*words, "seed=1,2,3"))
    assert again.out.startswith("grid: 6 jobs: 6 completed, 4 of them before; ")
    assert [row.label for row in rows(folder)][4:] == ["lr=0.1 seed=3", "lr=1 seed=3"]
    assert tree(folder / "0000_lr=0.1_seed=1") == before
    assert [each.words for each in ledger(folder).starts] == [
        [*words, "seed=1,2"],
        [*words, "seed=1,2,3"],
    ]


def test_sweep_without_a_name_has_one_folder_for_the_same_question(
    train: Command, tmp_path: Path
) -> None:
    assert train("-m", "seed=1", "optimizer.lr=0.1,", *QUICK).code == 2
    assert train("-m", "seed=1,2", *QUICK).code == 0
    assert train("-m", "seed=3", *QUICK, "optimizer.lr=0.1,0.2").code == 0
    assert train("-m", "seed=2,3", *QUICK).code == 0
    folders = sorted(path.name for path in (tmp_path / "outputs" / "sine_mlp").iterdir())
    assert [re.sub("_[0-9a-f]{6}$", "", name) for name in folders] == ["sweep_lr", "sweep_seed"]
    assert len(rows(tmp_path / "outputs" / "sine_mlp" / folders[1])) == 3


def test_every_bad_end_is_one_row_and_the_sweep_goes_on(
    train: Command, tmp_path: Path, own: Callable[[str, str], list[str]]
) -> None:
    words = own(BROKEN, "how: none")
    ways = ["raise", "exit", "vanish", "kill", "memory", "number", "none"]
    outcome = train(*words, f"model.how={','.join(ways)}", "name=bad", *QUICK)
    assert outcome.code == 1
    found = {row.parameters["model.how"]: row for row in rows(tmp_path / "outputs" / "bad")}
    assert [found[way].status for way in ways] == ["failed"] * 6 + ["completed"]
    messages = {way: (found[way].error or {}).get("message") for way in ways}
    assert messages["raise"] == "broken on purpose"
    assert messages["exit"] == "the job left with sys.exit(0)"
    assert messages["vanish"] == "its process left with exit code 0, and did not say why"
    assert messages["kill"] == "its process was ended by SIGKILL"
    assert "the loss is nan at step 1" in f"{messages['number']}"
    assert outcome.out.startswith("bad: 7 jobs: 1 completed, 6 failed; ")
    for number, way in enumerate(ways[:-1]):
        assert f"  failed {number:04d} how={way}\n" in outcome.out
        assert f"{messages[way]}" in " ".join(outcome.out.split())
    assert "hydra.launcher.retry_failed=true" in outcome.out
    result = RunFolder(tmp_path / "outputs" / "bad" / found["kill"].folder).read_result()
    assert result["status"] == "failed"

    again = train(*words, f"model.how={','.join(ways)}", "name=bad", *QUICK)
    assert again.code == 1
    assert [row.attempts for row in rows(tmp_path / "outputs" / "bad")] == [1] * 7
    words += ["hydra.launcher.retry_failed=true", "hydra/launcher=local"]
    assert train(*words, "model.how=raise,none", "name=bad", *QUICK).code == 1
    assert [row.attempts for row in rows(tmp_path / "outputs" / "bad")][:2] == [2, 1]


def test_edit_of_a_file_while_the_sweep_runs_waits_for_the_next_one(
    train: Command, tmp_path: Path, own: Callable[[str, str], list[str]]
) -> None:
    words = [*own(EDITING, "width: 4"), "seed=1,2", "hydra.sweep.dir=sweep", *QUICK]
    assert train(*words).code == 0
    folder = tmp_path / "sweep"
    assert "width: 8" in (tmp_path / "mine" / "model" / "own.yaml").read_text()
    for row in rows(folder):
        assert "width: 4" in RunFolder(folder / row.folder).config.read_text()
    assert train(*words).code == 0
    found = ledger(folder)
    assert [row.number for row in found.earlier] == [0, 1]
    assert [row.number for row in found.current] == [2, 3]
    for row in found.current:
        assert "width: 8" in RunFolder(folder / row.folder).config.read_text()


def epochs(folder: Path, place: int) -> int:
    found = sorted(folder.glob(f"{place:04d}_*"))
    return len(RunFolder(found[0]).read_metrics().get("train/loss", [])) if found else 0


def at_work(folder: Path) -> list[int]:
    """Return the other processes that work in a folder."""
    found = processes_where(lambda each: (each / "cwd").resolve() == folder.resolve())
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The second job of the long sweep, alone and from beginning to end."""
    return trained(tmp_path_factory.mktemp("alone"), "seed=2", *LONG[2:-1])


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_stopped_sweep_goes_on_where_it_was(
    tmp_path: Path, train: Command, whole: RunFolder, sent: signal.Signals
) -> None:
    sweep = tmp_path / "sweep"
    process = started(tmp_path, *LONG, "hydra/launcher=local", "hydra.launcher.workers=2")
    try:
        until(lambda: all(epochs(sweep, place) > 1 for place in (0, 1)), process)
        process.send_signal(sent)
        process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert process.returncode == {2: 130, 15: 143, 9: -9}[sent]
    until(lambda: not at_work(tmp_path))
    results = [RunFolder(path).read_result() for path in sorted(sweep.glob("0*"))]
    assert [result["status"] for result in results] == ["interrupted"] * 2

    assert all(0 < result["epochs"] < 60 for result in results)
    assert train(*LONG, "hydra/launcher=local").code == 0
    assert [(row.attempts, row.epochs) for row in rows(sweep)] == [(2, 60), (2, 60)]
    resumed = RunFolder(sweep / rows(sweep)[1].folder)
    names = ("train/loss", "val/loss")
    assert [resumed.read_metrics()[name] for name in names] == [
        whole.read_metrics()[name] for name in names
    ]


def test_progress_is_drawn_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    words = ["-m", "name=live", "seed=1,2", "trainer.max_epochs=60", *QUICK[1:]]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    colours = {"env": os.environ | {"TERM": "xterm"}}
    process = started(tmp_path, *words, stderr=theirs, **colours)
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 4096):
            drawn += chunk
    except OSError:  # the other end is closed
        pass
    process.communicate(timeout=DEADLINE_S)
    text = drawn.decode(errors="replace")
    assert "live: 0/2 jobs" in text
    assert re.search(r"0000 seed=1 .*epoch \d+/60", text)
    best = r"best (train|val)/loss \x1b\[32m0\.\d+\x1b\[0m \(0000\)"
    assert re.search(rf"live: 1/2 jobs .*{best}", text)
    os.close(ours)

    quiet = started(tmp_path, *words)
    out, err = quiet.communicate(timeout=DEADLINE_S)
    assert err == "live: 2 jobs, one at a time; sweep folder outputs/live\n"
    assert out.startswith("live: 2 jobs: 2 completed, 2 of them before; ")


@refusals(
    ("hydra.sweep.subdir=x", "hydra.sweep.subdir=x", "Leave it out; hydra.sweep.dir="),
    ("hydra/launcher=locl", "there is no such hydra/launcher"),
    ("hydra.launcher.retries=-1", "hydra.launcher.retries=-1", "0 or more"),
    ("hydra.launcher.retries=x", "hydra.launcher.retries=x"),
    ("hydra.launcher.fail_fst=true", "hydra.launcher.fail_fst", "fail_fast"),
    ("hydra.launcher.workers=2", "hydra.launcher.workers"),
    ("hydra/launcher=local hydra.launcher.workers=0", "workers=0", "1 or more"),
    ("hydra/launcher=local hydra.launcher.threads=0", "threads=0", "1 or more"),
    ("hydra/launcher=local hydra.launcher.gpus=[-1]", "gpus=[-1]", "[0,1]"),
    ("optimizer.lr=interval(0,1)", "not an interval", "hydra/sweeper=optuna_search"),
    ("optimizer.lr=0.1,-1", "optimizer.lr=-1"),
    ("data.tua=1,2", "data.tua", "data.tau"),
    ("sweep=tua", "there is no such sweep", "Did you mean sweep=tau?"),
    (
        "hydra.launcher._target_=hydra._internal.core_plugins.basic_launcher.BasicLauncher",
        "cannot keep a sweep's ledger",
        "There are: hydra/launcher=basic, local",
    ),
    (
        "hydra.sweeper._target_=hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
        "hydra.sweeper._target_",
        "There are: hydra/sweeper=basic, optuna_search.",
    ),
)
def test_sweep_that_cannot_be_run_starts_nothing(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    refuses(f"-m seed=1,2 {asked}", message, remedy)


def test_folder_of_a_run_is_no_place_for_a_sweep(train: Command, refuses: Refuses) -> None:
    assert train(*QUICK, "hydra.run.dir=run").code == 0
    what = "run is the folder of a run"
    refuses("-m seed=1,2 hydra.sweep.dir=run", what, "hydra.sweep.dir=FOLDER")


def test_file_of_a_sweep_says_only_what_its_jobs_are(train: Command, tmp_path: Path) -> None:
    file = tmp_path / "mine" / "sweep" / "widths.yaml"
    file.parent.mkdir(parents=True)
    text = (
        "# @package _global_\nname: widths\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"
        "      model.hidden_size: 4,8\n      seed: 7\n      trainer.max_epochs: 1\n"
    )
    file.write_text(f"{text}optimizer:\n  lr: 3\n")
    words = ["--config-dir", "mine", "sweep=widths", *QUICK[1:]]
    refused(train(*words), "sweep/widths.yaml sets optimizer", "hydra.sweeper.params: optimizer.")
    override = "defaults:\n  - override /experiment: sine_mlp\n"
    file.write_text(override + text)
    refused(train(*words), "sweep/widths.yaml overrides 'experiment'", "# @package _global_")
    file.write_text(text)
    assert train(*words, "seed=1,2").code == 0
    found = rows(tmp_path / "outputs" / "widths")
    assert [row.label for row in found] == [
        *("hidden_size=4 seed=1", "hidden_size=4 seed=2"),
        *("hidden_size=8 seed=1", "hidden_size=8 seed=2"),
    ]
    assert json.loads(json.dumps(found[0].parameters))["trainer.max_epochs"] == 1
