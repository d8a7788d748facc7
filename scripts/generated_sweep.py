"""Generated sweeps: a ledger and run folders with made-up numbers, without any training."""

import itertools
import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import LEDGER, Row, Started, row_line, start_line

STARTED = Started(["-m"], "2026-11-25T10:00:00+00:00", "made_up", "a")


def write_sweep(
    folder: Path,
    grid: Mapping[str, Sequence[Any]],
    seeds: Sequence[int] = (0, 1, 2),
    *,
    quality: Callable[[dict[str, Any]], float] = lambda parameters: 1.0,
    noise: float = 0.05,
    num_epochs: int = 6,
    started: Started = STARTED,
    with_files: bool = True,
) -> list[Row]:
    """Write a sweep whose jobs have all completed, and return their rows.

    Args:
        folder: of the sweep.
        grid: the values of each parameter; every combination is a setting.
        seeds: of each setting.
        quality: returns the loss of a setting without noise.
        noise: standard deviation of the loss over seeds, relative to the loss.
        num_epochs: length of each run.
        started: first line of the ledger.
        with_files: whether to write run folders too.
    """
    rows: list[Row] = []
    for values in itertools.product(*grid.values()):
        parameters = dict(zip(grid, values, strict=True))
        for seed in seeds:
            rng = random.Random(f"{values} {seed}")
            loss = quality(parameters) * math.exp(noise * rng.gauss(0, 1))
            everything = parameters | {"seed": seed}
            number = len(rows)
            rows.append(
                Row(
                    number=number,
                    fingerprint=f"{number:064x}",
                    overrides=[f"{name}={_word(value)}" for name, value in everything.items()],
                    parameters=everything,
                    folder=str(number),
                    status="completed",
                    snapshot=started.snapshot,
                    metrics=_metrics(loss),
                    epochs=num_epochs,
                    duration_s=2.5,
                    checkpoint=f"{number}/checkpoints/best.ckpt",
                )
            )
            if with_files:
                _write_run(RunFolder(folder / str(number)), rows[-1], loss)
    write_ledger(folder, rows, started)
    return rows


def write_ledger(folder: Path, rows: Sequence[Row], started: Started = STARTED) -> None:
    """Write the ledger of a sweep that was started once."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [start_line(started), *map(row_line, rows)]
    (folder / LEDGER).write_text("".join(lines), encoding="utf-8")


def _metrics(loss: float) -> dict[str, float]:
    perplexity = math.exp(min(loss, 700))
    return {
        **{"train/loss": 0.9 * loss, "train/tokens_per_second": 120_000.0},
        **{"val/loss": loss, "val/perplexity": perplexity},
    }


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _write_run(run: RunFolder, row: Row, loss: float) -> None:
    run.path.mkdir(parents=True, exist_ok=True)
    lines = ["epoch,step,train/loss,val/loss,val/perplexity"]
    for epoch in range(1, row.epochs + 1):
        now = loss * (1 + 2 * math.exp(-epoch))
        numbers = (0.9 * now, now, math.exp(min(now, 700)))
        lines.append(",".join([str(epoch), str(10 * epoch), *map(repr, numbers)]))
    run.metrics.write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = [f"{0:5d} | the | eee", *(f"{row.epochs:5d} | {p} | sea and sand" for p in "ab")]
    run.samples.write_text("\n".join(texts) + "\n", encoding="utf-8")
    result = {"status": row.status, "metrics": row.metrics, "overrides": row.overrides}
    run.result.write_text(json.dumps(result), encoding="utf-8")
