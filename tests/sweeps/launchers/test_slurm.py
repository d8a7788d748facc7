"""Sweeps through submitit: on a SLURM of one machine, and on submitit's own stand-in."""

import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake_slurm
import pytest
from launched import LONG, Swept, strike, workers

from conftest import trained_here
from expect import Command, Refuses, refusal, refusals, succeeded
from processes import parent, until
from same_runs import assert_same
from seqlab.sweeps.launchers import remote
from seqlab.sweeps.launchers import slurm as module
from seqlab.sweeps.launchers.base import Ending
from seqlab.sweeps.launchers.launcher_options import SlurmOptions
from seqlab.sweeps.task import Task
from seqlab.system.signals import REPEATED_SIGNALS, is_echo

submitit = pytest.importorskip(
    "submitit", reason="submitit is not installed: pip install 'seqlab[slurm]'"
)


pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
SLURM = "hydra/launcher=slurm"


@pytest.mark.slow
def test_later_process_follows_an_array_whose_job_is_preempted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = fake_slurm.install(tmp_path / "slurm")
    slurm = fake_slurm.Slurm(tmp_path / "slurm")
    swept = Swept(tmp_path)
    words = [*LONG, "seed=1,2", SLURM, "hydra.launcher.partition=day"]
    with swept.running(*words, **environment) as process:
        until(swept.begun(0), process)
        assert swept.each("handle") == ["slurm:100_0", "slurm:100_1"]
        process.kill()
        process.wait()
    slurm.preempt("100_0")
    until(lambda: slurm.job("100_0")["starts"] == 2)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    succeeded(trained_here(tmp_path, "-m", *words, "hydra.sweep.dir=sweep"))
    assert slurm.ids() == ["100_0", "100_1"], "jobs were submitted twice"
    assert swept.each("status") == ["completed", "completed"]
    assert swept.each("attempts") == [1, 1]
    assert "#SBATCH --partition=day" in (tmp_path / "slurm" / "script_100").read_text()
    assert "going on after epoch" in swept.run(0).log.read_text()
    assert_same(swept.run(0), swept.alone(*LONG, "seed=1"))
    assert not list((swept.folder / "jobs" / "submitit").glob("*.pkl"))


@pytest.mark.slow
def test_ctrl_c_takes_jobs_off_the_queue_and_saves_those_at_work(tmp_path: Path) -> None:
    environment = fake_slurm.install(tmp_path / "slurm", slots=1)
    slurm = fake_slurm.Slurm(tmp_path / "slurm")
    swept = Swept(tmp_path)
    words = [*LONG, "seed=1,2", SLURM]
    with swept.running(*words, **environment) as process:
        until(swept.begun(0), process)
        process.send_signal(signal.SIGINT)
        assert swept.end_of(process) == 130
    assert [slurm.job(each)["state"] for each in slurm.ids()] == ["COMPLETED", "CANCELLED"]
    assert swept.run(0).read_result()["status"] == "interrupted"
    assert swept.each("status") == ["interrupted", "interrupted"]
    assert swept.each("handle") == [None, None]
    assert swept.rows[1].error == {
        "type": "Lost",
        "message": "job 100_1 was cancelled",
        "hint": "hydra.launcher.retries=2 starts such a job again.",
    }
    assert not workers(tmp_path)
    assert not list((swept.folder / "jobs").glob("*.stop"))


@pytest.mark.slow
def test_on_submitits_own_stand_in_one_job_is_preempted_and_one_is_killed(tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    options = [SLURM, "hydra.launcher.cluster=local", "hydra.launcher.cpus_per_task=1"]
    with swept.running(*LONG, "seed=1,2", *options) as process:
        until(swept.begun(0, 1), process)
        jobs = swept.folder / "jobs"
        strike([parent(pid) for pid in workers(jobs / "0000.json")], signal.SIGUSR2)
        strike(workers(jobs / "0001.json"))
        assert swept.end_of(process) == 1
    assert swept.each("status") == ["completed", "failed"]
    assert (swept.rows[1].error or {})["message"] == "its process was ended by SIGKILL"
    assert "going on after epoch" in swept.run(0).log.read_text()
    assert_same(swept.run(0), swept.alone(*LONG, "seed=1"))


# What the launcher makes of SLURM's answers


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_slurm.Slurm]:
    """A SLURM whose jobs all stay in the queue."""
    for name, value in fake_slurm.install(tmp_path / "slurm", slots=0).items():
        monkeypatch.setenv(name, value)
    from submitit.slurm.slurm import SlurmInfoWatcher

    monkeypatch.setattr(module, "_ASK_EVERY_S", 0.0)
    monkeypatch.setattr(submitit.SlurmJob, "watcher", SlurmInfoWatcher(delay_s=0))
    queue = fake_slurm.Slurm(tmp_path / "slurm")
    yield queue
    for each in queue.ids():
        queue.update(each, state="CANCELLED")


def task(folder: Path, number: int = 0) -> Task:
    files = folder / "sweep" / "jobs" / f"{number:04d}"
    files.parent.mkdir(parents=True, exist_ok=True)
    found = Task(number, str(folder / "sweep" / str(number)), [], "", str(folder), str(files))
    found.write()
    return found


def endings(launcher: module.SlurmLauncher) -> list[Ending]:
    return [ending for _ in range(3) for ending in launcher.wait(0)]


def test_many_jobs_are_few_arrays(
    slurm: fake_slurm.Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ARRAY", 3)
    launcher = module.SlurmLauncher(
        SlurmOptions(
            mem_gb=1.5,
            gpus_per_node=1,
            cpus_per_task=4,
            parallel=7,
            qos="low",
            timeout_min=90,
            setup=["module load cuda"],
            additional_parameters={"mail_type": "END"},
        )
    )
    for number in range(4):
        launcher.start(task(tmp_path, number))
    assert launcher.submit() == {
        0: "slurm:100_0",
        1: "slurm:100_1",
        2: "slurm:100_2",
        3: "slurm:101",
    }
    assert launcher.submit() == {}
    script = (tmp_path / "slurm" / "script_100").read_text()
    for line in (
        "--array=0-2%3",
        "--mem=1536MB",
        "--gpus-per-node=1",
        "--cpus-per-task=4",
        "--qos=low",
        "--time=90",
        "--mail-type=END",
        "--job-name=seqlab_sweep",
        "--signal=USR2@90",
    ):
        assert f"#SBATCH {line}\n" in script
    assert "module load cuda" in script
    assert (launcher.slots, launcher.threads) == (7, 4)
    assert launcher.describe() == "SLURM, up to 7 at once, 4 CPUs, 1 GPU each"


@pytest.mark.parametrize(
    ("state", "ending"),
    [
        ("CANCELLED", Ending(0, -signal.SIGTERM, "job 100 was cancelled")),
        ("NODE_FAIL", Ending(0, None, "job 100 is over (node fail) and left no result")),
        ("PREEMPTED", Ending(0, None, "job 100 is over (preempted) and left no result")),
        ("GONE", Ending(0, None, "job 100 is over and left no result")),
    ],
)
def test_job_that_left_nothing_is_over_once_it_is_not_in_the_queue(
    slurm: fake_slurm.Slurm, tmp_path: Path, state: str, ending: Ending
) -> None:
    launcher = module.SlurmLauncher(SlurmOptions())
    launcher.start(task(tmp_path))
    launcher.submit()
    if state != "GONE":
        assert endings(launcher) == []
    slurm.update("100", state=state)
    assert endings(launcher) == [ending]


def test_job_that_sacct_does_not_know_is_followed_while_it_is_queued(
    slurm: fake_slurm.Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slurm" / "bin" / "sacct").write_text("#!/bin/sh\nexit 1\n")
    launcher = module.SlurmLauncher(SlurmOptions())
    launcher.start(task(tmp_path))
    launcher.submit()
    assert endings(launcher) == []
    (tmp_path / "slurm" / "bin" / "squeue").write_text("#!/bin/sh\nexit 1\n")
    slurm.update("100", state="GONE")
    assert endings(launcher) == []  # neither answers: nobody knows


def test_only_a_job_of_this_sweep_is_followed(slurm: fake_slurm.Slurm, tmp_path: Path) -> None:
    first = module.SlurmLauncher(SlurmOptions())
    first.start(task(tmp_path))
    first.submit()
    later = module.SlurmLauncher(SlurmOptions())
    assert not later.adopt(task(tmp_path), "slurm:99")
    assert not later.adopt(task(tmp_path), "local:100")
    assert later.adopt(task(tmp_path), "slurm:100")
    assert endings(later) == []
    slurm.update("100", state="CANCELLED")
    assert endings(later) == [Ending(0, -signal.SIGTERM, "job 100 was cancelled")]


def test_job_that_was_stopped_before_it_began_does_not_begin(tmp_path: Path) -> None:
    found = task(tmp_path)
    module.ask_to_stop(found)
    assert module.Requeued(str(found.file))() == 143
    assert not Path(found.folder).exists()
    module.forget_stop(found)
    module.forget_stop(found)


def test_job_has_the_threads_of_its_task_and_the_engines_own_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_NAME", "mine")
    environment = remote._environment(replace(task(tmp_path), threads=3))
    assert environment["OMP_NUM_THREADS"] == "3"
    assert environment["SLURM_JOB_NAME"] == "mine"


def test_signal_that_a_cluster_repeats_is_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = time.monotonic() - 60
    assert not is_echo(long_ago)
    monkeypatch.setenv(REPEATED_SIGNALS, "1")
    assert is_echo(long_ago)


# What is refused


@refusals(
    ({"cluster": "pbs"}, "hydra.launcher.cluster=pbs: there are: slurm, local"),
    ({"mem_gb": 0.0}, "hydra.launcher.mem_gb=0.0: must be a number, above 0"),
    ({"timeout_min": 0}, "hydra.launcher.timeout_min=0: must be a whole number, 1 or more"),
    ({"cpus_per_task": 0}, "hydra.launcher.cpus_per_task=0: must be a whole number, 1 or more"),
    ({"gpus_per_node": -1}, "hydra.launcher.gpus_per_node=-1: must be a whole number, 0 or"),
    ({"parallel": 0}, "hydra.launcher.parallel=0: must be a whole number, 1 or more"),
    ({"max_requeues": -1}, "hydra.launcher.max_requeues=-1: must be a whole number, 0 or more"),
    ({"partition": ""}, "hydra.launcher.partition='': must be one line of text"),
    ({"setup": ["a\nb"]}, r"hydra.launcher.setup='a\nb': must be one line of text"),
)
def test_impossible_options_are_refused(asked: dict[str, Any], message: str) -> None:
    with refusal(message):
        module.SlurmLauncher(SlurmOptions(**asked))


def test_refused_option_leaves_nothing(refuses: Refuses) -> None:
    words = f"-m seed=1,2 {SLURM}"
    refuses(f"{words} hydra.launcher.parallel=0", "hydra.launcher.parallel=0: must be")
    refuses(f"{words} hydra.launcher.parallel=some", "hydra.launcher.parallel", "Integer")


def test_without_slurm_or_submitit_nothing_begins(
    refuses: Refuses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = f"-m seed=1,2 {SLURM}"
    refuses(words, "has no sbatch and srun", "hydra.launcher.cluster=local")
    monkeypatch.setitem(sys.modules, "submitit", None)
    refuses(words, "needs submitit", "pip install 'seqlab[slurm]'")


def test_what_sbatch_says_is_told(train: Command, slurm: fake_slurm.Slurm) -> None:
    outcome = train("-m", "seed=1,2", SLURM, "hydra.launcher.partition=wrong")
    assert outcome.code == 2
    header, *message = outcome.err.splitlines()
    assert header.startswith("sine_mlp: 2 jobs, SLURM (wrong), up to 100 at once, 1 CPU each")
    assert message[0] == (
        "error: sbatch refuses the jobs: sbatch: error: invalid partition specified: wrong"
    )
    assert "hydra.launcher (partition, account, timeout_min, ...)" in message[1]
    assert slurm.ids() == []


def test_launcher_needs_submitit_only_once_it_is_chosen() -> None:
    assert "submitit" not in module.__dict__
