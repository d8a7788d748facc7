"""What surrounds a run changes nothing of it: launchers, consoles, settings of libraries."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.utilities import rank_zero_only

from conftest import Outcome
from processes import DEADLINE_S, until
from seqlab import figures
from seqlab.callbacks.progress import Progress
from seqlab.commands.train import main as train_main
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import LEDGER

Command = Callable[..., Outcome]

LAUNCHERS = {
    **{"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "1", "TORCHELASTIC_RUN_ID": "none"},
    **{"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "mine", "SLURM_JOB_ID": "7", "SLURM_PROCID": "3"},
    **{"SLURM_LOCALID": "3", "SLURM_NODEID": "0", "SLURM_STEP_NUM_TASKS": "4"},
    **{"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "PMI_SIZE": "4"},
    **{"LSB_JOBID": "7", "LSB_DJOB_RANKFILE": "/nowhere", "JSM_NAMESPACE_LOCAL_RANK": "1"},
    **{"JSM_NAMESPACE_SIZE": "4", "JSM_NAMESPACE_RANK": "3"},
    **{"KUBERNETES_PORT": "tcp://1", "MASTER_ADDR": "elsewhere", "MASTER_PORT": "1"},
}
WRITTEN = {"config.yaml", "result.json", "metrics.csv", "checkpoints", "tensorboard", "figures"}


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where every launcher calls this the fourth process of a job."""
    for name, value in LAUNCHERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_zero_only, "rank", 3)


def rows(run: RunFolder) -> list[dict[str, str]]:
    """Return the metrics without the speed."""
    with run.metrics.open(newline="", encoding="utf-8") as file:
        return [
            {k: v for k, v in row.items() if "per_second" not in k} for row in csv.DictReader(file)
        ]


@pytest.mark.usefixtures("launched")
def test_run_on_one_device_writes_all_whatever_launchers_say(
    train: Command, seqlab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: list[Any] = []
    monkeypatch.setattr(
        Progress, "on_train_start", lambda *_: handlers.append(signal.getsignal(signal.SIGUSR1))
    )
    done = train("trainer.max_epochs=1", "hydra.run.dir=run")
    assert done.code == 0, done.err
    run = RunFolder(tmp_path / "run")
    assert {each.name for each in run.path.iterdir()} >= WRITTEN
    assert len([*run.path.glob("figures/*.png")]) == 5
    assert len([*run.tensorboard.iterdir()]) == 2  # the hyperparameters have a file of their own
    assert handlers == [signal.SIG_DFL]

    first = run.best.read_bytes()
    done = train("resume=run", "trainer.max_epochs=2")
    assert done.code == 0, done.err
    assert run.best.read_bytes() != first
    assert [row["epoch"] for row in rows(run)] == ["1", "2"]

    # One that Lightning had written before SLURM queued the job again.
    content = torch.load(run.best, weights_only=True)
    content["state_dict"] = {k: torch.zeros_like(v) for k, v in content["state_dict"].items()}
    torch.save(content, run.path / "hpc_ckpt_1.ckpt")
    scored = json.loads(seqlab("evaluate", "run", "--device", "cpu", "--json").out)["metrics"]
    assert scored["val/loss"] == pytest.approx(float(rows(run)[1]["val/loss"]), rel=1e-5)


@pytest.mark.usefixtures("launched")
def test_several_devices_under_several_tasks_are_refused(refuses: Callable[..., None]) -> None:
    refuses(
        "trainer=ddp trainer.devices=2 trainer.accelerator=cpu",
        "in each of the 4 processes that srun has started",
    )


def test_torchrun_is_refused_before_anything_is_written(
    refuses: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    refuses("model=mlp", "python -m train model=mlp trainer=ddp trainer.devices=2")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_run_goes_on_where_nothing_can_be_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("/dev/full").open("w", encoding="ascii", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "stderr", full)
        assert train_main(['name="löp"', "trainer.max_epochs=2", "hydra.run.dir=run"]) == 0
    run = RunFolder(tmp_path / "run")
    assert run.read_result()["status"] == "completed"
    log = run.log.read_text(encoding="utf-8")
    assert "löp: 61 parameters" in log
    assert "epoch 2/2" in log


def test_words_that_the_locale_cannot_read_are_refused(train: Command) -> None:
    outcome = train("name=l\udcc3\udcb6p")
    assert outcome.code == 2
    assert "name=l\\udcc3\\udcb6p is not text in" in outcome.err
    assert "LC_ALL=C.UTF-8 python -m train" in outcome.err


def test_library_that_cannot_be_imported_is_no_fault_of_the_configuration(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "seqlab.runs.run", None)
    done = train("trainer.max_epochs=1")
    assert done.code == 1
    assert done.err.startswith("error: PyTorch, Lightning or what they need cannot be imported: ")


def test_figure_that_fails_costs_a_run_nothing_else(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **named: Any) -> None:
        raise RuntimeError("no\nfont")

    monkeypatch.setattr(figures, "predictions", broken)
    done = train("trainer.max_epochs=1", "hydra.run.dir=run")
    assert done.code == 0, done.err
    run = RunFolder(tmp_path / "run")
    told = [
        f"the figure {name} could not be drawn: no font"
        for name in ("one_step", "multi_step", "k_step")
    ]
    assert run.read_result()["warnings"] == told
    assert sorted(each.name for each in run.path.glob("figures/*")) == ["data.png", "loss.png"]


@pytest.mark.slow
def test_personal_settings_and_a_bare_environment_change_nothing(
    sine_run: RunFolder, tmp_path: Path
) -> None:
    """As from cron or in a container: no home, no user, no terminal; and settings of other work."""
    settings = tmp_path / "matplotlibrc"
    settings.write_text("text.usetex: True\nfigure.facecolor: red\nbackend: nothing\n")
    environment = {
        **{"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MPLCONFIGDIR": "/proc/none"},
        **{"PL_TRAINER_FAST_DEV_RUN": "1", "PL_TRAINER_OVERFIT_BATCHES": "1"},
        **{"PL_TRAINER_MAX_TIME": "nonsense", "PL_GLOBAL_SEED": "7", "PL_SEED_WORKERS": "x"},
        **{"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
        **{"HYDRA_MAIN_MODULE": "other", "HYDRA_DEPRECATION_WARNINGS_AS_ERRORS": "1"},
        **{"PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONHASHSEED": "5"},
        **{"PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
        **{"LOCAL_RANK": "gold", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        **{"TZ": "Pacific/Kiritimati", "TQDM_DISABLE": "1", "COLUMNS": "none"},
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "train", "hydra.run.dir=run"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    run = RunFolder(tmp_path / "run")
    assert rows(run) == rows(sine_run)
    assert run.read_result()["warnings"] == []
    for name in ("data", "loss", "one_step"):
        assert run.figure(name).read_bytes() == sine_run.figure(name).read_bytes()
    assert b"atplotlib" not in done.stderr


def on_a_terminal(folder: Path, *words: str) -> tuple["subprocess.Popen[bytes]", int]:
    """Start a command as the leader of a terminal's session; return it, and the terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "train", *words],
        cwd=folder,
        env=os.environ | {"TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    return process, ours


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["run", "sweep"])
def test_terminal_that_is_closed_ends_nothing(tmp_path: Path, kind: str) -> None:
    words = ["trainer.max_epochs=30", "hydra.run.dir=run"]
    begun, metrics = tmp_path / "run" / "metrics.csv", tmp_path / "run" / "metrics.csv"
    if kind == "sweep":
        words = ["-m", "seed=1,2", "trainer.max_epochs=3", "hydra.sweep.dir=run"]
        begun, metrics = tmp_path / "run" / LEDGER, tmp_path / "run" / "0001_seed=2" / "metrics.csv"
    process, terminal = on_a_terminal(tmp_path, *words)
    try:
        until(begun.exists, process)
        os.close(terminal)
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
    run = RunFolder(metrics.parent)
    assert run.read_result()["status"] == "completed"
    assert "epoch 30/30" in run.log.read_text() or kind == "sweep"
