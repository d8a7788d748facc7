"""What became of a job, from what its run has recorded."""

import math
from pathlib import Path

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.collect import reconciled
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.ranking import best_row, chosen_metric


def job(sweep: Path, number: int, perplexity: float) -> Row:
    """Return the row of a job that a run has recorded as completed."""
    folder = RunFolder(sweep / str(number))
    folder.path.mkdir()
    folder.write_result({"status": "completed", "metrics": {"val/perplexity": perplexity}})
    row = Row(number, "f", [], {}, str(number), "running")
    return reconciled(row, sweep)


def test_metric_that_json_cannot_hold_is_never_the_best(tmp_path: Path) -> None:
    rows = [job(tmp_path, number, value) for number, value in enumerate([math.inf, 2.0, math.nan])]
    assert math.isnan(rows[0].metrics["val/perplexity"])
    assert [row.status for row in rows] == ["completed"] * 3
    assert chosen_metric(rows) == "val/perplexity"
    for direction in ("minimize", "maximize"):
        assert best_row(rows, "val/perplexity", direction) is rows[1]
