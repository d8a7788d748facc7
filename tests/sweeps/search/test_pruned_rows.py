"""A pruned run is one in the ledger too, whoever was killed before it could say so."""

from pathlib import Path
from typing import Any

import pytest

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.collect import collected, reconciled
from seqlab.sweeps.launchers.base import Ending
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.task import Task

PRUNED = {"type": "Pruned", "message": "pruned after epoch 2", "hint": "Go on with: ..."}


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("interrupted", PRUNED, "pruned"),
        ("interrupted", {**PRUNED, "type": "Interrupted"}, "interrupted"),
        ("interrupted", None, "interrupted"),
        ("running", None, "interrupted"),
        ("completed", None, "completed"),
    ],
)
def test_what_the_run_says_decides(
    tmp_path: Path, status: str, error: dict[str, Any] | None, expected: str
) -> None:
    row = Row(0, "", [], {}, "0000", "running", trial=0)
    RunFolder(tmp_path / "0000").write_result({"status": status, "error": error, "epochs": 2})
    assert reconciled(row, tmp_path).status == expected
    task = Task(0, str(tmp_path / "0000"), [], "", str(tmp_path), str(tmp_path / "files"))
    done = collected(row, tmp_path, Ending(0, -15), task)  # its process left no word
    assert done.status == expected
    assert done.epochs == 2
    if expected == "pruned":
        assert done.error == PRUNED
