"""The ledger of a sweep: one row a job, in a file that is only ever added to.

`ledger.jsonl` holds one JSON object a line: `{"command": ...}` each time that the sweep is started,
and `{"row": ...}` whenever something happens to a job. The latest row of a number is the one that
counts, so that a kill costs at most the line that was being written.
"""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from seqlab.config.folders import LEDGER as LEDGER
from seqlab.system.errors import UserError
from seqlab.system.files import json_text

STATUSES = ("running", "completed", "pruned", "interrupted", "failed")
FINISHED = ("completed", "pruned")
"""Statuses that need no more work."""


@dataclass(frozen=True)
class Row:
    """What is known of one job.

    Attributes:
        number: its place in the sweep, from 0; never used twice.
        fingerprint: SHA-256 of what its configuration computes.
        overrides: the `key=value` words that make it.
        parameters: the value of each key that the overrides name, the option for a group.
        folder: its run folder, relative to the sweep's; empty where it was refused.
        label: short words for what is varied, such as `lr=0.1 seed=2`.
        status: one of `STATUSES`.
        snapshot: which state of the YAML files it belongs to.
        metrics: name -> latest value.
        epochs: number of complete epochs.
        duration_s: seconds that it trained, all parts together.
        checkpoint: the best or else the last one, relative to the sweep's folder.
        error: what ended it, as `type`, `message` and `hint`.
        attempts: how often it was started.
        trial: number of the trial in a search; `None` for a grid.
        handle: what a cluster calls it; `None` where it ends with the sweep's own process.
    """

    number: int
    fingerprint: str
    overrides: list[str]
    parameters: dict[str, Any]
    folder: str
    status: str
    snapshot: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    epochs: int = 0
    duration_s: float = 0.0
    checkpoint: str | None = None
    error: dict[str, str] | None = None
    attempts: int = 1
    trial: int | None = None
    handle: str | None = None
    label: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.status in FINISHED


@dataclass(frozen=True)
class Started:
    """One start of the sweep.

    Attributes:
        words: the command line behind `python -m train`.
        time: when, as ISO 8601 text.
        name: what the sweep is called.
        snapshot: the state of the YAML files.
        metric: the metric that decides which job is best; `None`: whichever suits the runs.
        direction: `minimize` or `maximize`.
    """

    words: list[str]
    time: str
    name: str
    snapshot: str
    metric: str | None = None
    direction: str = "minimize"


_FIELDS = {kind: {each.name for each in fields(kind)} for kind in (Row, Started)}


@dataclass
class Ledger:
    """What a sweep's folder knows.

    Attributes:
        folder: the sweep's folder.
        rows: by number.
        starts: oldest first.
        damaged: how many lines could not be read.
    """

    folder: Path
    rows: dict[int, Row] = field(default_factory=dict)
    starts: list[Started] = field(default_factory=list)
    damaged: int = 0

    @property
    def in_order(self) -> list[Row]:
        """All rows, in order of number."""
        return [row for _, row in sorted(self.rows.items())]

    @property
    def current(self) -> list[Row]:
        """The rows of the YAML files' latest state, in order of number."""
        latest = {started.snapshot for started in self.starts[-1:]}
        return [row for row in self.in_order if row.snapshot in latest]

    @property
    def earlier(self) -> list[Row]:
        """The rows of configurations that the YAML files do not describe any more."""
        rows = self.in_order if self.starts else []
        return [row for row in rows if row.snapshot != self.starts[-1].snapshot]


def read_ledger(folder: str | Path) -> Ledger:
    """Return what the ledger of a sweep says, also while the sweep is at work.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    ledger = Ledger(Path(folder))
    file = ledger.folder / LEDGER
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder} is not a sweep: it has no {LEDGER}",
            "Name the folder of a sweep; python -m train -m prints it.",
        ) from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    for line in content.split(b"\n")[:-1]:  # a last line without its end was cut off by a kill
        match _entry(line):
            case Row() as row:
                ledger.rows[row.number] = row
            case Started() as started:
                ledger.starts.append(started)
            case None:
                ledger.damaged += 1
    return ledger


def row_line(row: Row) -> str:
    """Return the line that records a row."""
    return _line({"row": asdict(row)})


def start_line(started: Started) -> str:
    """Return the line that records a start of the sweep."""
    return _line({"command": asdict(started)})


def _line(value: dict[str, Any]) -> str:
    return json_text(value) + "\n"


def _entry(line: bytes) -> Row | Started | None:
    """Return what a line records; `None` where it is damaged."""
    with suppress(ValueError, RecursionError, TypeError):  # it is no JSON, or lacks a field
        entry = json.loads(line)
        for key, kind in (("row", Row), ("command", Started)):
            if isinstance(entry, dict) and isinstance(found := entry.get(key), dict):
                known = {name: value for name, value in found.items() if name in _FIELDS[kind]}
                if isinstance(metrics := known.get("metrics"), dict):
                    values = {n: math.nan if v is None else v for n, v in metrics.items()}
                    known["metrics"] = values
                sound = all(_is_sound(name, value) for name, value in known.items())
                return kind(**known) if sound else None
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_amount(value: Any) -> bool:
    return _is_number(value) and 0 <= value < 1e15


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


# What a field may be; the others are texts.
_SOUND: dict[str, Callable[[Any], bool]] = {
    "number": lambda value: _is_amount(value) and isinstance(value, int),
    "overrides": _are_texts,
    "words": _are_texts,
    "parameters": lambda value: isinstance(value, dict),
    "status": lambda value: value in STATUSES,
    "metrics": lambda value: (
        isinstance(value, dict)
        and all(isinstance(v, float) or (_is_number(v) and abs(v) < 1e300) for v in value.values())
    ),
    "epochs": lambda value: _is_amount(value) and isinstance(value, int),
    "duration_s": _is_amount,
    "attempts": _is_amount,
    "checkpoint": lambda value: value is None or isinstance(value, str),
    "error": lambda value: value is None or isinstance(value, dict),
    "trial": lambda value: value is None or isinstance(value, int),
    "handle": lambda value: value is None or isinstance(value, str),
    "metric": lambda value: value is None or isinstance(value, str),
}


def _is_sound(name: str, value: Any) -> bool:
    """Return whether a value is of the kind that its field has: a damaged line may hold any."""
    return _SOUND.get(name, lambda text: isinstance(text, str))(value)
