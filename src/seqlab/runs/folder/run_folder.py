"""The one owner of file names inside a run folder: what a run writes, what is read afterwards."""

import csv
import json
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqlab.config.folders import CONFIG, LEDGER, refuse_url
from seqlab.system.errors import UserError
from seqlab.system.files import json_text, write_text

LOG = "run.log"
RESULT = "result.json"
PROFILE = "profile"


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _dictionaries(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        item is None or isinstance(item, float) or _number(item) for item in value.values()
    )


# What a run that goes on takes from the part before it.
_EXPECTED: dict[str, Callable[[Any], bool]] = {
    "status": lambda value: value in ("running", "completed", "failed", "interrupted"),
    "overrides": _texts,
    "warnings": _texts,
    "extended": _dictionaries,
    "metrics": _numbers,
    "duration_s": _number,
    "epochs": _number,
}


class RunFolder:
    """The files of one run.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / CONFIG
        self.log = self.path / LOG
        self.result = self.path / RESULT
        self.metrics = self.path / "metrics.csv"
        self.samples = self.path / "samples.txt"
        self.figures = self.path / "figures"
        self.forecast = self.path / "forecast.csv"
        self.best = self.path / "checkpoints" / "best.ckpt"
        self.last = self.path / "checkpoints" / "last.ckpt"
        self.previous = self.path / "checkpoints" / "previous.ckpt"
        self.tensorboard = self.path / "tensorboard"
        self.profile = self.path / "profile.csv"

    def figure(self, name: str) -> Path:
        """Return the file of a figure, its folder made."""
        self.figures.mkdir(parents=True, exist_ok=True)
        return self.figures / f"{name}.png"

    @property
    def is_job(self) -> bool:
        """Whether the run is one of a sweep."""
        return (self.path.absolute().parent / LEDGER).is_file()

    def profiles(self) -> list[Path]:
        """Return where the time went, in each part of the run that was profiled, in order."""
        found: list[Path] = []
        while (file := self._profile(len(found) + 1)).is_file():
            found.append(file)
        return found

    def next_profile(self) -> tuple[Path, Path]:
        """Return the table and the page of the part of the run in hand."""
        table = self._profile(len(self.profiles()) + 1)
        return table, table.with_suffix(".md")

    def lightning_profiles(self) -> list[Path]:
        """Return what a profiler of Lightning wrote, a file for each stage."""
        return sorted(self.path.glob(f"*-{PROFILE}*"))

    def _profile(self, part: int) -> Path:
        return self.profile if part == 1 else self.path / f"profile_{part}.csv"

    def write_result(self, result: dict[str, Any]) -> None:
        """Write result.json, all at once; numbers that JSON does not know become null."""
        write_text(self.result, json_text(result, indent=2) + "\n")

    def read_result(self) -> dict[str, Any]:
        """Return result.json; a metric that is null there is NaN.

        Raises:
            UserError: it is missing or damaged.
        """
        try:
            result = json.loads(self.result.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise UserError(
                f"{self.path} has no {self.result.name}", "Name the folder of a run."
            ) from None
        except (ValueError, OSError, RecursionError) as error:
            raise UserError(f"{self.result} is damaged: {error}", "Start the run again.") from error
        if not isinstance(result, dict) or "status" not in result:
            raise UserError(f"{self.result} is damaged: it has no status", "Start the run again.")
        for name, value in result.items():
            if not _EXPECTED.get(name, lambda _: True)(value):
                raise UserError(
                    f"{self.result} is damaged: {name} is {json.dumps(value)[:60]}",
                    "Start the run again.",
                )
        metrics = result.get("metrics", {})
        result["metrics"] = {k: math.nan if v is None else v for k, v in metrics.items()}
        return result

    def rows(self) -> list[dict[str, str]]:
        """Return the records of metrics.csv, as far as it can be read; none where it is missing."""
        found: list[dict[str, str]] = []
        with suppress(csv.Error):
            for row in csv.DictReader(whole_lines(self.metrics)):
                found.append(row)
        return found

    def read_metrics(self) -> dict[str, list[tuple[int, float]]]:
        """Return each metric's `(epoch, value)` pairs in order; nothing where none was written.

        Of several validations in an epoch it is the last one's value. What is no number, in a
        damaged table, is passed over.
        """
        table: dict[str, dict[int, float]] = {}
        for row in self.rows():
            with suppress(ValueError, TypeError, KeyError):
                epoch = int(row.pop("epoch"))
                for name, value in row.items():
                    if value:
                        table.setdefault(name, {})[epoch] = float(value)
        return {name: list(values.items()) for name, values in table.items()}

    def checkpoint(self, which: str) -> Path:
        """Return a checkpoint file: `best`, `last`, or the path of another.

        Raises:
            UserError: it is not there.
        """
        refuse_url(which, "--checkpoint ")
        named = {"best": self.best, "last": self.last, "previous": self.previous}
        file = named.get(which, Path(which))
        if which == "best" and not file.is_file() and self.last.is_file():
            return self.last
        if not file.is_file() and which not in named:
            raise UserError(
                f"there is no checkpoint {file}", "Use --checkpoint best, last or an existing file."
            )
        if not file.is_file():
            raise UserError(
                f"there is no checkpoint {file}",
                "The run stopped before it wrote one, or without checkpoints; train it again.",
            )
        return file


def whole_lines(file: Path) -> list[str]:
    """Return a text file's lines, without a last one that a kill cut off; none if it is missing."""
    if not file.is_file():
        return []
    text = file.read_bytes().decode("utf-8-sig", errors="replace")
    return [f"{line}\n" for line in text.split("\n")[:-1]]
