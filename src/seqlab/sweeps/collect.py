"""What became of a job: a row from its run folder and from how its process ended."""

import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.launchers.base import Ending
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.task import Task
from seqlab.system.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_USAGE, UserError

_NO_MEMORY = ("OutOfMemoryError", "MemoryError")
PRUNED = "Pruned"
"""Type of the error that a search ends a bad trial with."""


def collected(row: Row, sweep: Path, ending: Ending, task: Task) -> Row:
    """Return the row of a job whose process has ended.

    A run that nothing has ended properly is marked as failed in its own folder, too.

    Args:
        row: as it was while the job ran.
        sweep: the sweep's folder.
        ending: of the process.
        task: what the process was given, and where it left word.
    """
    outcome, output = task.read_outcome(), task.output
    folder = RunFolder(sweep / row.folder)
    result = _result(folder)
    row = _updated(row, result, sweep)
    if result.get("status") == "completed":
        return replace(row, status="completed", error=None)
    error = (outcome or {}).get("error") or result.get("error")
    code = outcome["code"] if outcome else ending.code
    if _is_pruned(result):
        return replace(row, status="pruned", error=result["error"])
    if outcome and code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
        return replace(row, status="interrupted", error=error)
    if error is None or outcome is None:
        error = _ended(ending, output)
    if outcome is None and ending.code in (-signal.SIGTERM, -signal.SIGINT):
        return replace(row, status="interrupted", error=error)
    error = error | {"hint": _hint(error, folder)}
    if result.get("status") == "running":
        with suppress(OSError):
            folder.write_result(result | {"status": "failed", "error": error})
    return replace(row, status="failed", error=error)


def _hint(error: dict[str, str], folder: RunFolder) -> str:
    if error["type"] in _NO_MEMORY or "out of memory" in error["message"]:
        return "Give it a smaller batch, or fewer jobs at once."
    if error["hint"].startswith(folder.log.name):
        return f"{folder.path / error['hint']}"
    return error["hint"]


def _updated(row: Row, result: dict[str, Any], sweep: Path) -> Row:
    """Return a row with what the run itself has recorded."""
    folder = RunFolder(sweep / row.folder)
    kept = next((file for file in (folder.best, folder.last) if file.is_file()), None)
    return replace(
        row,
        metrics=dict(result.get("metrics") or {}),
        epochs=int(result.get("epochs") or 0),
        duration_s=float(result.get("duration_s") or 0.0),
        checkpoint=None if kept is None else str(kept.relative_to(sweep)),
    )


def reconciled(row: Row, sweep: Path) -> Row:
    """Return the row of a job that was at work when the sweep itself was killed."""
    result = _result(RunFolder(sweep / row.folder))
    status = "pruned" if _is_pruned(result) else result.get("status")
    if status not in ("completed", "pruned", "failed"):
        status = "interrupted"
    error = None if status == "completed" else result.get("error")
    return replace(_updated(row, result, sweep), status=status, error=error)


def may_be_retried(row: Row) -> bool:
    """Return whether another attempt may end otherwise."""
    if row.status == "interrupted":
        return True
    kind = (row.error or {}).get("type")
    return row.status == "failed" and kind not in ("NonFiniteError", "UserError")


def _is_pruned(result: dict[str, Any]) -> bool:
    error = result.get("error") or {}
    return result.get("status") == "interrupted" and error.get("type") == PRUNED


def _result(folder: RunFolder) -> dict[str, Any]:
    try:
        return folder.read_result()
    except UserError:
        return {}


def _ended(ending: Ending, output: Path) -> dict[str, str]:
    if ending.note:
        return {
            "type": "Lost",
            "message": ending.note,
            "hint": "hydra.launcher.retries=2 starts such a job again.",
        }
    if ending.code is not None and ending.code < 0:
        with suppress(ValueError):
            name = signal.Signals(-ending.code).name
            hint = f"What it printed last: {output}"
            if name == "SIGKILL":
                hint = "Often the system's answer to too little memory: fewer jobs at once."
            return {"type": "Killed", "message": f"its process was ended by {name}", "hint": hint}
    code = "an unknown exit code" if ending.code is None else f"exit code {ending.code}"
    what = "refused" if ending.code == EXIT_USAGE else "left"
    return {
        "type": "Exit",
        "message": f"its process {what} with {code}, and did not say why",
        "hint": f"What it printed last: {output}",
    }
