"""The one owner of file names inside a run folder: what a run writes, what is read afterwards."""

import csv
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqlab.config.folders import CONFIG, LOG
from seqlab.errors import UserError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to write to; what was written then takes `target`'s place all at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


class RunFolder:
    """The files of one run.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / CONFIG
        self.log = self.path / LOG
        self.result = self.path / "result.json"
        self.metrics = self.path / "metrics.csv"
        self.samples = self.path / "samples.txt"
        self.figures = self.path / "figures"
        self.forecast = self.path / "forecast.csv"
        self.best = self.path / "checkpoints" / "best.ckpt"
        self.last = self.path / "checkpoints" / "last.ckpt"
        self.tensorboard = self.path / "tensorboard"

    def figure(self, name: str) -> Path:
        """Return the file of a figure, its folder made."""
        self.figures.mkdir(parents=True, exist_ok=True)
        return self.figures / f"{name}.png"

    def write_text(self, file: Path, text: str) -> None:
        """Write a whole text file, all at once."""
        with replacing(file) as partial:
            partial.write_text(text, encoding="utf-8")

    def write_result(self, result: dict[str, Any]) -> None:
        """Write result.json, all at once; numbers that JSON does not know become null."""
        text = json.dumps(_plain(result), indent=2, ensure_ascii=False, allow_nan=False)
        self.write_text(self.result, text + "\n")

    def read_result(self) -> dict[str, Any]:
        """Return result.json.

        Raises:
            UserError: it is missing or damaged.
        """
        try:
            result = json.loads(self.result.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{self.path} has no {self.result.name}", "Name the folder of a run."
            ) from None
        except (ValueError, OSError) as error:
            raise UserError(f"{self.result} is damaged: {error}", "Start the run again.") from error
        if not isinstance(result, dict) or "status" not in result:
            raise UserError(f"{self.result} is damaged: it has no status", "Start the run again.")
        return result

    def read_metrics(self) -> dict[str, list[tuple[int, float]]]:
        """Return each metric's `(epoch, value)` pairs in order; nothing where none was written."""
        table: dict[str, list[tuple[int, float]]] = {}
        if not self.metrics.is_file():
            return table
        with self.metrics.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                epoch = int(row.pop("epoch"))
                for name, value in row.items():
                    if value:
                        table.setdefault(name, []).append((epoch, float(value)))
        return table

    def checkpoint(self, which: str) -> Path:
        """Return a checkpoint file: `best`, `last`, or the path of another.

        Raises:
            UserError: it is not there.
        """
        file = {"best": self.best, "last": self.last}.get(which, Path(which))
        if which == "best" and not file.is_file() and self.last.is_file():
            return self.last
        if not file.is_file() and which not in ("best", "last"):
            raise UserError(
                f"there is no checkpoint {file}", "Use --checkpoint best, last or an existing file."
            )
        if not file.is_file():
            raise UserError(
                f"there is no checkpoint {file}",
                "The run stopped before it wrote one, or without checkpoints; train it again.",
            )
        return file


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
