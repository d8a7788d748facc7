"""A SLURM of one machine, in as much as submitit and the launcher ask of one.

`install(folder)` makes the commands sbatch, srun, sacct, squeue, scancel and scontrol. They keep
one JSON file a job, and run a job's script as a process that outlives who submitted it.
"""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

COMMANDS = ("sbatch", "srun", "sacct", "squeue", "scancel", "scontrol")
_OVER = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "PREEMPTED", "GONE")


def install(folder: Path, slots: int = 9) -> dict[str, str]:
    """Make the commands in a folder; return the environment that finds them."""
    (folder / "bin").mkdir(parents=True)
    (folder / "jobs").mkdir()
    for name in COMMANDS:
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} "$@"\n')
        command.chmod(0o755)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return {"PATH": path, "FAKE_SLURM": str(folder), "FAKE_SLURM_SLOTS": str(slots)}


class Slurm:
    """The jobs, for a test to look at and to strike."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def job(self, job_id: str) -> dict[str, Any]:
        return json.loads((self._folder / "jobs" / job_id).read_text())

    def ids(self) -> list[str]:
        return sorted(file.name for file in (self._folder / "jobs").iterdir())

    def update(self, job_id: str, **values: Any) -> None:
        with self._locked():
            job = self.job(job_id) if job_id in self.ids() else {}
            new = self._folder / "new"
            new.write_text(json.dumps(job | values))
            new.rename(self._folder / "jobs" / job_id)

    def processes(self, job_id: str) -> list[int]:
        """Return every process of a job, as a node's control group would know them."""
        mark = f"FAKE_SLURM_JOB={job_id}".encode()
        found = []
        for each in Path("/proc").iterdir():
            with suppress(OSError):
                if each.name.isdigit() and mark in (each / "environ").read_bytes().split(b"\0"):
                    found.append(int(each.name))
        return found

    def _tasks(self, job_id: str) -> list[int]:
        """Return the processes that srun started: others are spared every signal but SIGKILL."""
        return [
            pid
            for pid in self.processes(job_id)
            if b"submitit.core._submit" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def signal(self, job_id: str, signum: int) -> None:
        every = signum == signal.SIGKILL
        for pid in self.processes(job_id) if every else self._tasks(job_id):
            with suppress(OSError):
                os.kill(pid, signum)

    def preempt(self, job_id: str) -> None:
        self.signal(job_id, signal.SIGTERM)
        time.sleep(0.3)
        self.signal(job_id, signal.SIGUSR2)


def sbatch(slurm: Slurm, words: list[str]) -> None:
    script = Path(words[-1]).read_text()
    if "partition=wrong" in script:
        sys.exit("sbatch: error: invalid partition specified: wrong")
    array = re.search(r"--array=0-(\d+)", script)
    number = 100 + len({each.partition("_")[0] for each in slurm.ids()})
    kept = slurm._folder / f"script_{number}"
    kept.write_text(script)
    ids = [f"{number}_{n}" for n in range(int(array[1]) + 1)] if array else [str(number)]
    for each in ids:
        slurm.update(each, state="PENDING", starts=0)
        subprocess.Popen(
            [sys.executable, __file__, "run", each, str(kept)],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    print(f"Submitted batch job {number}")


def run(slurm: Slurm, words: list[str]) -> None:
    """Wait for a place, run the job, and again as long as it is queued again."""
    job_id, script = words
    while True:
        while slurm.job(job_id)["state"] != "PENDING" or not _taken_place(slurm, job_id):
            if slurm.job(job_id)["state"] in _OVER:
                return
            time.sleep(0.1)
        main, _, index = job_id.partition("_")
        names = {"SLURM_JOB_ID": main, "SLURM_NTASKS": "1", "SLURM_JOB_NAME": "seqlab"}
        if index:
            names |= {"SLURM_ARRAY_JOB_ID": main, "SLURM_ARRAY_TASK_ID": index}
        environment = os.environ | names | {"FAKE_SLURM_JOB": job_id}
        done = subprocess.run(["bash", script], env=environment)
        job = slurm.job(job_id)
        if job.get("requeue"):
            slurm.update(job_id, state="PENDING", requeue=False)
            continue
        state = "COMPLETED" if done.returncode == 0 else "FAILED"
        slurm.update(job_id, state=job.get("forced", state))
        return


def _taken_place(slurm: Slurm, job_id: str) -> bool:
    """Take a place for a job, if there is one and no job before it waits for it."""
    states = {each: slurm.job(each)["state"] for each in slurm.ids()}
    running = list(states.values()).count("RUNNING")
    first = min(each for each in states if states[each] == "PENDING" or each == job_id)
    if running >= int(os.environ["FAKE_SLURM_SLOTS"]) or first != job_id:
        return False
    slurm.update(job_id, state="RUNNING", starts=slurm.job(job_id)["starts"] + 1)
    return True


def srun(slurm: Slurm, words: list[str]) -> None:
    main, index = os.environ["SLURM_JOB_ID"], os.environ.get("SLURM_ARRAY_TASK_ID", "")
    for option, descriptor in (("--output", 1), ("--error", 2)):
        name = words[words.index(option) + 1]
        for mark, value in (("%A", main), ("%j", main), ("%a", index), ("%t", "0")):
            name = name.replace(mark, value)
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    command = words[words.index("--error") + 2 :]
    while command[0].startswith("-"):
        command = command[1:]
    os.execvp(command[0], command)


def sacct(slurm: Slurm, words: list[str]) -> None:
    print("JobID|State|NodeList")
    for each in slurm.ids():
        if each.partition("_")[0] in words and slurm.job(each)["state"] != "GONE":
            print(f"{each}|{slurm.job(each)['state']}|here")


def squeue(slurm: Slurm, words: list[str]) -> None:
    for each in slurm.ids():
        if slurm.job(each)["state"] not in _OVER:
            print(each)


def scancel(slurm: Slurm, words: list[str]) -> None:
    options = dict(word.removeprefix("--").split("=") for word in words if word.startswith("--"))
    for each in (word for word in words if not word.startswith("--")):
        state = slurm.job(each)["state"]
        if options.get("state", state) != state or state in _OVER:
            continue
        if state == "PENDING" and "signal" not in options:
            slurm.update(each, state="CANCELLED")
        if state == "RUNNING":
            if "signal" not in options:
                slurm.update(each, forced="CANCELLED")
            slurm.signal(each, getattr(signal, f"SIG{options.get('signal', 'TERM')}"))


def scontrol(slurm: Slurm, words: list[str]) -> None:
    assert words[0] == "requeue"
    slurm.update(words[1], requeue=True)


if __name__ == "__main__":
    chosen = {name: globals()[name] for name in (*COMMANDS, "run")}
    chosen[sys.argv[1]](Slurm(Path(os.environ["FAKE_SLURM"])), sys.argv[2:])
