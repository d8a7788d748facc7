"""Time and memory of a report on 10,000 finished jobs, beside the limits."""

import math
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.sections import Row, Wanted, measures, repeated
from benchmark.timed_process import timed_process
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


@measures(
    "Report of a sweep",
    "`python -m seqlab report` in a fresh process, on generated sweeps of 10,000 finished jobs "
    "with their run folders; every table, figure and page is written. The baselines are the "
    "limits: 30 s and 1 GiB.",
    baseline="the limit",
    measure="s or GiB",
)
def measure_sweep_report(repeats: int, wanted: Wanted) -> Iterator[Row]:
    """Yield a row for the time and one for the memory of each sweep."""
    for label, grid in GRIDS.items():
        if not wanted(label):
            continue
        with tempfile.TemporaryDirectory() as name:
            num_seeds = 10_000 // math.prod(map(len, grid.values()))
            write_sweep(Path(name), grid, range(num_seeds), quality=_quality)
            seconds, gib = repeated(repeats, partial(_report, Path(name)))
        yield Row(f"{label}: s", seconds, (MOST_SECONDS,) * repeats, limit=1.0)
        yield Row(f"{label}: GiB", gib, (MOST_GIB,) * repeats, limit=1.0)


def _quality(parameters: dict[str, Any]) -> float:
    return 1 + abs(parameters["optimizer.lr"] - 0.1) + 10 / parameters["model.hidden_size"]


def _report(folder: Path) -> tuple[float, float]:
    """Return seconds and peak memory in GiB of one report."""
    usage = timed_process(["-m", "seqlab", "report", str(folder)], folder)
    return usage.seconds, usage.peak_gib
