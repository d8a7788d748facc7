"""Small made-up sweeps and runs for the tests of what adds them up."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from generated_sweep import STARTED, write_ledger, write_sweep
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import Ledger, Row, Started

__all__ = ["STARTED", "job", "ledger", "made_run", "write_ledger", "write_sweep"]

CONFIGS = Path(__file__).parent / "runs" / "version_0_1_0"


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


def made_run(
    folder: Path,
    status: str | None = "completed",
    *,
    kind: str = "sine",
    age_s: float = 60,
    curves: dict[str, list[float]] | None = None,
    result: dict[str, Any] | None = None,
    **config: Any,
) -> RunFolder:
    """Write the folder of a run that nobody has trained.

    Args:
        folder: where.
        status: what result.json says; `None`: there is none.
        kind: whose configuration it has, `sine` or `gru`.
        age_s: how long ago its result was written.
        curves: each metric's value by epoch, for metrics.csv; the last ones are the result's.
        result: further entries of result.json.
        config: other values in the configuration, `data__tau=8`; `None` takes a key away.
    """
    run, curves = RunFolder(folder), curves or {}
    run.best.parent.mkdir(parents=True)
    content = yaml.safe_load((CONFIGS / kind / "config.yaml").read_text())
    for name, value in config.items():
        node = content
        *above, key = name.split("__")
        for part in above:
            node = node[part]
        node[key] = value
    run.config.write_text(yaml.safe_dump(content, sort_keys=False))
    run.log.write_text("")
    run.last.write_bytes(b"x" * 1000)
    rows = zip(*curves.values(), strict=True)
    lines = [",".join(map(str, (epoch, *row))) for epoch, row in enumerate(rows, start=1)]
    run.metrics.write_text("\n".join([",".join(["epoch", *curves]), *lines]) + "\n")
    if status is not None:
        unit = {"sine": "windows/s", "gru": "tokens/s"}[kind]
        own = {"status": status, "experiment": content["name"], "seed": content["seed"]}
        own |= {"overrides": [], "fingerprint": "f" * 64, "throughput_unit": unit, "epochs": 2}
        own |= {"metrics": {name: values[-1] for name, values in curves.items()}}
        run.write_result(own | {"duration_s": 1.5} | (result or {}))
    for file in (run.config, run.metrics, *([run.result] if status else [])):
        os.utime(file, (time.time() - age_s,) * 2)
    return run
