"""What a sweep costs beside its training: starting jobs, keeping the ledger, taking it up again."""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmark.sections import Row, Section
from seqlab.config.compose.jobs import Grid
from seqlab.config.compose.naming import register_resolvers
from seqlab.config.compose.snapshot import snapshot_id
from seqlab.sweeps.ledger import LEDGER, Started, row_line, start_line
from seqlab.sweeps.ledger import Row as Job
from seqlab.system.files import write_text

FINISHED_JOBS = 10_000
FINISHED_LIMIT_S = 5.0
"""Seconds within which a sweep whose jobs are all finished has to say so."""

_TINY = ["trainer.max_epochs=1", "callbacks=none", "logger=csv"]
_TINY_JOBS = 8
_REFUSED_JOBS = 50
_READY = "import seqlab.sweeps.worker, seqlab.runs.run, seqlab.figures, torch.utils.tensorboard"
EXPLANATION = (
    "Seconds, not ratios: the baseline is one second. Every row but the two about processes is a "
    "whole command, the start of its interpreter included. "
    "[Scaling](scaling.md) says what follows from them."
)


def measure_sweeps(repeats: int, only: list[str]) -> Section:
    """Return a row for each cost.

    Args:
        repeats: how often each is measured, at most.
        only: measure rows with one of these texts in their label; none: all.
    """
    with tempfile.TemporaryDirectory() as name:
        rows = [
            Row(label, seconds, (1.0,) * len(seconds), limit)
            for label, measure, most, limit in _measures(Path(name))
            if not only or any(text in label for text in only)
            for seconds in [tuple(round(measure(), 4) for _ in range(min(most, repeats)))]
        ]
    for row in rows:
        print(row.line(), flush=True)
    return Section("Sweeps", EXPLANATION, "one second", rows)


def _measures(folder: Path) -> list[tuple[str, Callable[[], float], int, float | None]]:
    finished = f"the same command again, {FINISHED_JOBS:,} jobs finished"
    return [
        ("a process ready to train, of a fresh interpreter", _fresh, 5, None),
        ("a process ready to train, forked", _Forking().seconds, 15, None),
        (f"{_TINY_JOBS} jobs of one epoch, one at a time", lambda: _tiny(folder, 1), 5, None),
        (f"{_TINY_JOBS} jobs of one epoch, two at once", lambda: _tiny(folder, 2), 5, None),
        (
            f"{_REFUSED_JOBS} jobs that end at once: composed, checked, entered, forked, collected",
            lambda: _ending_at_once(folder),
            5,
            None,
        ),
        (finished, lambda: _finished(folder), 5, FINISHED_LIMIT_S),
    ]


def _fresh() -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", _READY], check=True)
    return time.perf_counter() - begin


class _Forking:
    """Forks from a process that has imported everything, as the local launcher does."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._warm = False

    def seconds(self) -> float:
        if not self._warm:
            self._context.set_forkserver_preload(_READY.removeprefix("import ").split(", "))
            self._run()
            self._warm = True
        return self._run()

    def _run(self) -> float:
        receiving, sending = self._context.Pipe(duplex=False)
        begin = time.perf_counter()
        process = self._context.Process(target=_say_ready, args=(sending,))
        process.start()
        receiving.recv()
        seconds = time.perf_counter() - begin
        process.join()
        return seconds


def _say_ready(sending: "multiprocessing.connection.Connection") -> None:
    sending.send("ready")


def _tiny(folder: Path, workers: int) -> float:
    words = [*_TINY, f"seed=range({_TINY_JOBS})", "hydra/launcher=local"]
    options = [f"hydra.launcher.workers={workers}", "hydra.launcher.threads=1"]
    return _command(_new(folder), *words, *options)[0]


def _ending_at_once(folder: Path) -> float:
    """Return what jobs cost whose text turns out too short: everything but training."""
    words = [f"seed=range({_REFUSED_JOBS})", "experiment=none", "data=sample_story"]
    short = ["data.max_tokens=50", "data.num_steps=100", "model=rnn", "optimizer=sgd"]
    options = ["hydra/launcher=local", "hydra.launcher.workers=2"]
    return _command(_new(folder), *words, *short, *options, code=1)[0]


def _finished(folder: Path) -> float:
    sweep = folder / "finished"
    words = [*_TINY, f"seed=range({FINISHED_JOBS})"]
    if not sweep.exists():
        write_finished(sweep, words)
    seconds, memory_mib = _command(sweep, *words)
    size = (sweep / LEDGER).stat().st_size / FINISHED_JOBS
    print(f"{memory_mib:.0f} MiB at most, {size:.0f} bytes of ledger a job", flush=True)
    return seconds


def write_finished(sweep: Path, words: list[str]) -> None:
    """Write the folder of a sweep whose jobs are all finished, without training them.

    Args:
        sweep: the sweep's folder; it must not exist.
        words: what is typed behind `python -m train -m`, without options of Hydra's own.
    """
    register_resolvers()
    snapshot = snapshot_id(None, words)
    started = Started(["-m", *words], "2026-01-01T00:00:00", "sweep", snapshot)
    lines = [start_line(started)]
    for number, assignment in enumerate(Grid(words)):
        row = Job(
            number=number,
            fingerprint=f"{number:064x}",
            overrides=list(assignment.overrides),
            parameters=assignment.parameters,
            folder=f"{number:04d}_{assignment.folder}",
            status="running",
            snapshot=snapshot,
        )
        metrics = {f"{part}/loss": 1 / (number + 1) for part in ("train", "val", "test")}
        values = vars(row) | {"status": "completed", "metrics": metrics, "epochs": 1}
        lines += [row_line(row), row_line(Job(**values | {"duration_s": 1.5}))]
        folder = sweep / row.folder
        folder.mkdir(parents=True)
        result = {"status": "completed", "metrics": metrics, "epochs": 1}
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
        (folder / "config.yaml").write_text(f"seed: {number}\n", encoding="utf-8")
    write_text(sweep / LEDGER, "".join(lines))


def _new(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder)) / "sweep"


def _command(sweep: Path, *words: str, code: int = 0) -> tuple[float, float]:
    """Return the seconds and the MiB of memory that a sweep's command takes at most."""
    command = [sys.executable, "-m", "train", "-m", *words, f"hydra.sweep.dir={sweep}"]
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, cwd=sweep.parent, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != code:
            out.seek(0)
            said = out.read().decode()[-500:]
            raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {said}")
    return seconds, usage.ru_maxrss / 1024
