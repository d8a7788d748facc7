"""Whether other processes want the cores, and what waiting threads then do."""

import os
import sys
from pathlib import Path

import pytest

from conftest import spawn
from seqlab.system import cores
from seqlab.system.cores import OtherProcesses, share_cores

TICKS = os.sysconf("SC_CLK_TCK")


class Clock:
    """A machine whose processes work as a test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.own = 0.0
        self.file = folder / "stat"
        monkeypatch.setattr(cores, "_STAT", self.file)
        monkeypatch.setattr("seqlab.system.cores.time.monotonic", lambda: self.now)
        monkeypatch.setattr("seqlab.system.cores.time.process_time", lambda: self.own)
        self.tell(0)

    def tell(self, busy: float, idle: int = 1000) -> None:
        """Let the machine have been busy for so many seconds: in user, nice, system, interrupts."""
        quarter = int(busy * TICKS / 4)
        counts = f"{quarter} {quarter} {quarter} {idle} {idle} {quarter} 0 0 0 0"
        self.file.write_text(f"cpu  {counts}\ncpu0 1 2 3\n")

    def share(self, busy: float) -> None:
        """Share the cores after a second with so many of them busy, one for this process."""
        others = OtherProcesses()
        self.now, self.own = 1.0, 1.0
        self.tell(busy)
        share_cores(others)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    return Clock(tmp_path, monkeypatch)


def test_cores_that_others_keep_busy(clock: Clock) -> None:
    others = OtherProcesses()
    assert others.busy_cores() == 0
    clock.now, clock.own = 4.0, 2.0
    clock.tell(8, idle=99_999)
    assert others.busy_cores() == pytest.approx(1.5)


@pytest.mark.parametrize("content", [None, "", "cpu 1 2\n", "cpu a b c d e f g\n"])
def test_a_system_that_does_not_tell(clock: Clock, content: str | None) -> None:
    clock.file.unlink()
    if content is not None:
        clock.file.write_text(content)
    assert OtherProcesses().busy_cores() == 0


@pytest.mark.parametrize(("busy", "policy"), [(1.4, None), (1.6, "passive")])
def test_waiting_threads_sleep_where_others_want_the_cores(
    clock: Clock, busy: float, policy: str | None
) -> None:
    clock.share(busy)
    assert os.environ.pop("OMP_WAIT_POLICY", None) == policy


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_what_the_person_said_stays(
    clock: Clock, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "active")
    clock.share(3)
    assert {each: os.environ.get(each) for each in cores._SETTINGS} == {
        each: "active" if each == name else None for each in cores._SETTINGS
    }


def test_it_is_decided_before_torch_is_there(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    clock.share(3)
    assert "OMP_WAIT_POLICY" not in os.environ


LOOK = """
import os, sys
from seqlab.system import cores
from seqlab.commands import search as search_cli, sweep as sweep_cli, train as train_cli

def look(*_):
    print("policy", os.environ.get("OMP_WAIT_POLICY"), flush=True)
    os._exit(0)

class WhereTorchIsLookedFor:
    def find_spec(self, name, *_):
        if name == "torch":
            look()

cores.OtherProcesses.busy_cores = lambda self: 1.0
sweep_cli.run_sweep = search_cli.run_search = look
sys.meta_path.insert(0, WhereTorchIsLookedFor())
train_cli.main(sys.argv[1:])
"""
SEARCH = "-m hydra/sweeper=optuna_search hydra.sweeper.n_trials=2 optimizer.lr=interval(0.01,0.1)"


@pytest.mark.parametrize("words", ["seed=1", "resume=run", "-m seed=0", SEARCH])
def test_every_way_to_train_asks(tmp_path: Path, words: str) -> None:
    """On a machine that seems busy, it is decided when torch is imported or jobs are begun."""
    if "resume" in words:
        few = ("data.num_train=32", "callbacks=none", "trainer.max_epochs=2", "hydra.run.dir=run")
        assert spawn("-m", "train", *few, cwd=tmp_path).returncode == 0
    done = spawn("-c", LOOK, *words.split(), cwd=tmp_path)
    assert done.stdout == "policy passive\n", done.stderr
