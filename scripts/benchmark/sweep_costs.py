"""What a sweep costs beside its training: starting jobs, the ledger, resuming."""

import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from benchmark.sections import Row, Wanted, measures
from benchmark.timed_process import Usage, timed_process
from generated_sweep import write_ledger
from seqlab.config.compose.jobs import Grid
from seqlab.config.compose.naming import register_resolvers
from seqlab.config.compose.snapshot import snapshot_id
from seqlab.sweeps.ledger import LEDGER, Started
from seqlab.sweeps.ledger import Row as Job

FINISHED_JOBS = 10_000
FINISHED_LIMIT_S = 5.0
"""Seconds that the command of a sweep whose jobs are all finished may take."""

_TINY = ["trainer.max_epochs=1", "callbacks=none", "logger=csv"]
_TINY_JOBS = 8
_BAD_JOBS = 50
_READY = "seqlab.sweeps.worker, seqlab.runs.run, seqlab.figures, torch.utils.tensorboard"


@measures(
    "Sweeps",
    "Seconds rather than ratios: the baseline is one second. Every row except the two on processes "
    "is a whole command, including the start of its interpreter. [Scaling](scaling.md) draws the "
    "conclusions.",
    baseline="one second",
)
def measure_sweeps(repeats: int, wanted: Wanted) -> Iterator[Row]:
    """Yield a row for each cost."""
    with tempfile.TemporaryDirectory() as name:
        for label, measure, most, limit in _costs(Path(name)):
            if wanted(label):
                seconds = tuple(measure() for _ in range(min(most, repeats)))
                yield Row(label, seconds, (1.0,) * len(seconds), limit)


def _costs(folder: Path) -> list[tuple[str, Callable[[], float], int, float | None]]:
    """Return label, measurement, most repeats and limit of each cost."""
    ready = "a process ready to train"
    tiny = f"{_TINY_JOBS} jobs of one epoch"
    failing = f"{_BAD_JOBS} jobs that fail at once: composed, checked, recorded, forked, collected"
    finished = f"the same command again, {FINISHED_JOBS:,} jobs finished"
    return [
        (f"{ready}, fresh interpreter", lambda: _fresh(folder), 5, None),
        (f"{ready}, forked", lambda: _forked(_forkserver()), 15, None),
        (f"{tiny}, one at a time", lambda: _tiny(folder, 1), 5, None),
        (f"{tiny}, two at once", lambda: _tiny(folder, 2), 5, None),
        (failing, lambda: _failing(folder), 5, None),
        (finished, lambda: _finished(folder), 5, FINISHED_LIMIT_S),
    ]


def _fresh(folder: Path) -> float:
    return timed_process(["-c", f"import {_READY}"], folder).seconds


@cache
def _forkserver() -> ForkServerContext:
    """Return a context that forks from a process with everything imported, as launchers do."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_READY.split(", "))
    _forked(context)
    return context


def _forked(context: ForkServerContext) -> float:
    receiving, sending = context.Pipe(duplex=False)
    begin = time.perf_counter()
    process = context.Process(target=_say_ready, args=(sending,))
    process.start()
    receiving.recv()
    seconds = time.perf_counter() - begin
    process.join()
    return seconds


def _say_ready(sending: Connection) -> None:
    sending.send("ready")


def _tiny(folder: Path, workers: int) -> float:
    words = [*_TINY, f"seed=range({_TINY_JOBS})", "hydra/launcher=local"]
    options = [f"hydra.launcher.workers={workers}", "hydra.launcher.threads=1"]
    return _sweep(_new(folder), *words, *options).seconds


def _failing(folder: Path) -> float:
    """Return the seconds of jobs that find their text too short: everything but training."""
    words = [f"seed=range({_BAD_JOBS})", "recipe=none", "data=sample_story"]
    short = ["data.max_tokens=50", "data.num_steps=100", "model=rnn", "optimizer=sgd"]
    options = ["hydra/launcher=local", "hydra.launcher.workers=2"]
    return _sweep(_new(folder), *words, *short, *options, code=1).seconds


def _finished(folder: Path) -> float:
    sweep = folder / "finished"
    words = [*_TINY, f"seed=range({FINISHED_JOBS})"]
    if not sweep.exists():
        write_finished(sweep, words)
    usage = _sweep(sweep, *words)
    size = (sweep / LEDGER).stat().st_size / FINISHED_JOBS
    print(
        f"peak memory {1024 * usage.peak_gib:.0f} MiB, ledger {size:.0f} bytes per job", flush=True
    )
    return usage.seconds


def write_finished(sweep: Path, words: list[str]) -> None:
    """Write the folder of a sweep whose jobs are all finished, without training them.

    Args:
        sweep: the sweep's folder; it must not exist.
        words: arguments of `python -m train -m` except options of Hydra itself.
    """
    register_resolvers()
    snapshot = snapshot_id(None, words)
    rows = []
    for number, assignment in enumerate(Grid(words)):
        running = Job(
            number=number,
            fingerprint=f"{number:064x}",
            overrides=list(assignment.overrides),
            parameters=assignment.parameters,
            folder=f"{number:04d}_{assignment.folder}",
            status="running",
            snapshot=snapshot,
        )
        metrics = {f"{part}/loss": 1 / (number + 1) for part in ("train", "val", "test")}
        result: dict[str, Any] = {"status": "completed", "metrics": metrics, "epochs": 1}
        rows += [running, replace(running, **result, duration_s=1.5)]
        folder = sweep / running.folder
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
        (folder / "config.yaml").write_text(f"seed: {number}\n", encoding="utf-8")
    write_ledger(sweep, rows, Started(["-m", *words], "2026-01-01T00:00:00", "sweep", snapshot))


def _new(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder)) / "sweep"


def _sweep(sweep: Path, *words: str, code: int = 0) -> Usage:
    """Return what the command of a sweep uses."""
    command = ["-m", "train", "-m", *words, f"hydra.sweep.dir={sweep}"]
    return timed_process(command, sweep.parent, code=code)
