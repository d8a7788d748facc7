"""Small made-up sweeps for the tests of the report."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from generated_sweep import STARTED, write_ledger, write_sweep
from seqlab.sweeps.ledger import Ledger, Row, Started

__all__ = ["STARTED", "job", "ledger", "write_ledger", "write_sweep"]


def job(
    number: int, value: float | None = None, /, status: str = "completed", **changes: Any
) -> Row:
    """Return a job of setting `x` with one metric, `val/loss`; without a value it has none."""
    parameters = changes.pop("parameters", {"x": 1, "seed": number})
    row = Row(
        number=number,
        fingerprint=f"{number:064x}",
        overrides=[f"{name}={typed}" for name, typed in parameters.items()],
        parameters=parameters,
        folder=str(number),
        status=status,
        snapshot=STARTED.snapshot,
        metrics={} if value is None else {"val/loss": value},
    )
    return replace(row, **changes)


def ledger(*rows: Row, folder: str = "sweep", **start: Any) -> Ledger:
    """Return the ledger of these jobs."""
    started: Started = replace(STARTED, **start)
    return Ledger(Path(folder), {row.number: row for row in rows}, [started])
