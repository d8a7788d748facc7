"""Ordinary runs as a ledger, so that any folder of runs is reported as a sweep is."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqlab.config.earlier import AGAIN
from seqlab.runs.folder.found import FoundRun, short_path
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.catalog import decisive, find_all
from seqlab.sweeps.differences import MISSING, Compared, Comparison, compare, compared
from seqlab.sweeps.ledger import LEDGER, STATUSES, Ledger, Row, Started
from seqlab.sweeps.report.settings import SEED, counted, same
from seqlab.system.errors import UserError

# They decide what is shown of a run, and where it computes.
_NO_EFFECT = (
    *("logger.", "trainer.accelerator", "trainer.enable_", "trainer.log_every_n_steps"),
    *("trainer.profiler", "model.backend", "data.path"),
    *(
        f"callbacks.{name}."
        for name in ("progress", "throughput", "samples", "forecasts", "curves")
    ),
)


def ledger_of_runs(folder: Path) -> tuple[Ledger, list[str]]:
    """Return the runs below a folder as the rows of a ledger, the oldest first, and notes on them.

    A row's parameters are the seed and whatever differs between the configurations; what makes it
    once more is `again=RUN`. Runs on other data than most are left out: their scores cannot be
    compared.

    Raises:
        UserError: there is no run.
    """
    found = find_all(folder, jobs=True).runs[::-1]
    runs = [run for each in found if (run := _readable(each)) is not None]
    if not runs:
        raise UserError(
            f"{folder} is not a sweep: it has no {LEDGER}, and there is no run in it",
            "Name the folder of a sweep or of runs; python -m seqlab list shows them.",
        )
    notes = []
    if num_damaged := len(found) - len(runs):
        notes.append(f"{counted(num_damaged, 'run')} cannot be read: not in the tables.")
    runs, left_out = _of_the_same_data(runs)
    if left_out:
        notes.append(
            f"{counted(left_out, 'run')} of other data: not in the tables, because their scores "
            "cannot be compared with the others'."
        )
    parameters = _parameters(compare(runs))
    rows = {
        number: _row(number, run, parameters[number], folder) for number, run in enumerate(runs)
    }
    metrics = {decided[0] for run in runs if (decided := decisive(run.found)) is not None}
    metric = metrics.pop() if len(metrics) == 1 else None
    started = Started(words=[], time="", name="", snapshot="", metric=metric)
    return Ledger(folder, rows, [started]), notes


def _readable(found: FoundRun) -> Compared | None:
    try:
        return None if found.status == "damaged" else compared(found.path)
    except UserError:
        return None


def _of_the_same_data(runs: Sequence[Compared]) -> tuple[list[Compared], int]:
    """Return the most runs whose scores can be compared, and the number of the others."""
    groups = compare(runs).groups
    everyone = [list(range(len(runs)))]
    largest = max(groups.get("val") or groups.get("train") or everyone, key=len)
    return [runs[place] for place in largest], len(runs) - len(largest)


def _parameters(comparison: Comparison) -> list[dict[str, Any]]:
    """Return what tells each run from the others, and its seed."""
    found: list[dict[str, Any]] = [{} for _ in comparison.runs]
    for key, values in comparison.differing.items():
        if key.startswith(_NO_EFFECT) or comparison.follows_from_class(key):
            continue
        name = key.removesuffix("._target_")
        classes = {value for value in values if isinstance(value, str)}
        names = {value.rpartition(".")[2] for value in classes}
        shorten = name != key and len(names) == len(classes)
        for parameters, value in zip(found, values, strict=True):
            if value is not MISSING:
                parameters[name] = str(value).rpartition(".")[2] if shorten else value
    for parameters, run in zip(found, comparison.runs, strict=True):
        parameters[SEED] = run.config.get(SEED)
    return found


def _row(number: int, run: Compared, parameters: dict[str, Any], folder: Path) -> Row:
    found, result, own = run.found, run.found.result, RunFolder(run.found.path)
    kept = next((file for file in (own.best, own.last) if file.is_file()), None)
    error = result.get("error")
    return Row(
        number=number,
        # Another run of the same parameters and seed is no further seed.
        fingerprint=hashlib.sha256(same(parameters).encode()).hexdigest(),
        overrides=[f"{AGAIN}={short_path(found.path)}"],
        parameters=parameters,
        folder=str(found.path.relative_to(folder)),
        status=found.status if found.status in STATUSES else "interrupted",
        metrics={name: float(value) for name, value in run.metrics.items()},
        epochs=int(_amount(result.get("epochs"))),
        duration_s=_amount(result.get("duration_s")),
        checkpoint=None if kept is None else str(kept.relative_to(folder)),
        error={str(k): str(v) for k, v in error.items()} if isinstance(error, dict) else None,
    )


def _amount(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0
