"""How long a report on 10,000 finished jobs takes, and how much memory, beside what is allowed."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmark.sections import Row, Section
from generated_sweep import write_sweep

MOST_SECONDS = 30.0
MOST_GIB = 1.0
GRIDS: dict[str, dict[str, list[Any]]] = {
    "2,000 settings of 5 seeds": {
        "optimizer.lr": [0.001 * 2**i for i in range(10)],
        "model.hidden_size": [32 * i for i in range(1, 11)],
        "model.dropout": [0.1 * i for i in range(5)],
        "model.cell": ["rnn", "gru", "lstm", "lstm_2"],
    },
    "10,000 settings of 1 seed": {
        "optimizer.lr": [0.001 * 1.1**i for i in range(100)],
        "model.hidden_size": list(range(8, 808, 8)),
    },
}
EXPLANATION = (
    "`python -m seqlab report` in a fresh process, on made-up sweeps of 10,000 finished jobs with "
    "their run folders; every table, figure and page is written. Beside it stands what is allowed: "
    "30 s and 1 GiB."
)


def measure_sweep_report(repeats: int, only: list[str]) -> Section:
    """Return a row for the time and one for the memory of each sweep.

    Args:
        repeats: reports on each sweep.
        only: measure the sweeps with one of these texts in their label; none: all.
    """
    rows = []
    for label, grid in GRIDS.items():
        if only and not any(text in label for text in only):
            continue
        with tempfile.TemporaryDirectory() as name:
            num_seeds = 10_000 // _num_settings(grid)
            write_sweep(Path(name), grid, range(num_seeds), quality=_quality)
            found = [_report(name) for _ in range(repeats)]
        seconds, gib = (tuple(side) for side in zip(*found, strict=True))
        for what, values, most in (("s", seconds, MOST_SECONDS), ("GiB", gib, MOST_GIB)):
            rows.append(Row(f"{label}: {what}", values, (most,) * repeats, limit=1.0))
            print(rows[-1].line(), flush=True)
    return Section("Report of a sweep", EXPLANATION, "what is allowed", rows, measure="s or GiB")


def _num_settings(grid: dict[str, list[Any]]) -> int:
    number = 1
    for values in grid.values():
        number *= len(values)
    return number


def _quality(parameters: dict[str, Any]) -> float:
    return 1 + abs(parameters["optimizer.lr"] - 0.1) + 10 / parameters["model.hidden_size"]


def _report(folder: str) -> tuple[float, float]:
    """Return seconds and peak memory in GiB of one report."""
    begin = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "seqlab", "report", folder], stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"the report ended with {process.returncode}")
    return round(time.perf_counter() - begin, 3), round(used.ru_maxrss / 2**20, 4)
