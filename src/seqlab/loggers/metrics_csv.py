"""metrics.csv: one row per epoch, one column per metric."""

import csv
import os
from pathlib import Path
from typing import Any, TextIO

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from seqlab.run_folder import RunFolder


class MetricsCSV(Logger):
    """Writes a row as soon as the first metric of its epoch is known, and completes it in place.

    Epochs count from 1, as people do. Metrics that an epoch does not have stay empty.

    Args:
        save_dir: the run folder.
    """

    def __init__(self, save_dir: str | Path) -> None:
        super().__init__()
        self.file = RunFolder(save_dir).metrics
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

    def continue_from(self, num_epochs: int, num_steps: int) -> None:
        """Take up the table of an interrupted run, without the rows after `num_epochs`."""
        if not self.file.is_file():
            return
        with self.file.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            self._columns = list(reader.fieldnames or self._columns)
            self._rows = [row for row in reader if int(row["epoch"]) <= num_epochs]
        self._write_all()

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add the metrics to the row of their epoch."""
        values = {name: repr(float(value)) for name, value in metrics.items() if name != "epoch"}
        if "epoch" not in metrics or not values:
            return
        epoch = str(int(metrics["epoch"]) + 1)
        is_new = not self._rows or self._rows[-1]["epoch"] != epoch
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

    def _write_all(self) -> None:
        with self.file.open("w", newline="", encoding="utf-8") as file:
            writer = self._writer(file)
            writer.writeheader()
            writer.writerows(self._rows[:-1])
            self._last_row_at = file.tell()
            writer.writerows(self._rows[-1:])

    def _write_last(self, is_new: bool) -> None:
        with self.file.open("r+", newline="", encoding="utf-8") as file:
            if is_new:
                file.seek(0, os.SEEK_END)
                self._last_row_at = file.tell()
            else:
                file.seek(self._last_row_at)
                file.truncate()
            self._writer(file).writerow(self._rows[-1])

    def _writer(self, file: TextIO) -> "csv.DictWriter[str]":
        return csv.DictWriter(file, self._columns, restval="", lineterminator="\n")
