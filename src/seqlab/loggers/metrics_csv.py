"""metrics.csv: one row per epoch or validation within it, one column per metric."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from seqlab.runs.folder.lock import check_there
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.files import csv_line, sync_file, write_text

logger = logging.getLogger(__name__)

_KEPT_ROWS = 100


class MetricsCSV(Logger):
    """Writes a row as soon as the first metric of its epoch is known, and completes it in place.

    Epochs count from 1, as people do. Metrics that an epoch does not have stay empty. Each
    validation within an epoch has a row, too; what is measured at the epoch's end comes after them.

    Args:
        save_dir: the run folder.
    """

    def __init__(self, save_dir: str | Path) -> None:
        super().__init__()
        self._folder = RunFolder(save_dir)
        self.file = self._folder.metrics
        self._columns = ["epoch", "step"]
        self._rows: list[dict[str, str]] = []
        self._last_row_at = 0

    @property
    def name(self) -> str:
        """Return what Lightning calls the experiment."""
        return "metrics"

    @property
    def version(self) -> str:
        """Return what Lightning calls the run."""
        return ""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: the last rows, since the end of a file may be lost."""
        if self.file.is_file():
            sync_file(self.file)
        return {
            "columns": list(self._columns),
            "num_rows": len(self._rows),
            "rows": [dict(row) for row in self._rows[-_KEPT_ROWS:]],
        }

    def continue_from(self, state: dict[str, Any], num_steps: int) -> None:
        """Take up the table as it was when a checkpoint was made; empty where there is none."""
        rows = list(state.get("rows", []))
        self._columns = list(state.get("columns", self._columns))
        num_earlier = state.get("num_rows", 0) - len(rows)
        if num_earlier:
            found = self._folder.rows()[:num_earlier]
            rows = [_filled(row) for row in found] + rows
            if len(found) < num_earlier:
                logger.warning("%s had lost rows: they are missing", self.file)
        self._rows = rows
        if rows:
            self._write_all()
        else:
            self.file.unlink(missing_ok=True)

    @rank_zero_only
    def complete_epoch(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Write an epoch's metrics now; the Trainer hands them in once more, later."""
        self.log_metrics({**metrics, "epoch": epoch}, step)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add the metrics to the row of their epoch."""
        values = {name: repr(float(value)) for name, value in metrics.items() if name != "epoch"}
        if "epoch" not in metrics or not values:
            return
        check_there(self._folder.path)
        epoch = str(int(metrics["epoch"]) + 1)
        is_new = not self._rows or self._rows[-1]["epoch"] != epoch or self._is_past(step)
        if is_new:
            self._rows.append({"epoch": epoch})
        self._rows[-1] |= values | ({} if step is None else {"step": str(step + 1)})
        unknown = sorted(values.keys() - set(self._columns))
        if unknown or not self.file.is_file():
            self._columns += unknown
            self._write_all()
        else:
            self._write_last(is_new)

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Leave hyperparameters to config.yaml."""

    def _is_past(self, step: int | None) -> bool:
        """Whether the last row is of a validation at an earlier step."""
        row = self._rows[-1]
        validated = any(name.startswith("val/") for name in row)
        return validated and step is not None and step + 1 > int(row.get("step", step + 1))

    def _write_all(self) -> None:
        *before, last = (self._line(row) for row in self._rows)
        head = csv_line(self._columns) + "".join(before)
        self._last_row_at = len(head.encode())
        write_text(self.file, head + last)

    def _write_last(self, is_new: bool) -> None:
        with self.file.open("r+b") as file:
            if is_new:
                self._last_row_at = file.seek(0, os.SEEK_END)
            file.seek(self._last_row_at)
            # In one piece, and only then cut: a reader never sees the table without the row.
            file.write(self._line(self._rows[-1]).encode())
            file.truncate()

    def _line(self, row: dict[str, str]) -> str:
        return csv_line(row.get(name, "") for name in self._columns)


def _filled(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name is not None and value}
