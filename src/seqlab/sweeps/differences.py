"""What differs between runs, in configuration and result, and which metrics can be compared."""

import filecmp
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.runs.folder.found import FoundRun, entries_of, found_run
from seqlab.runs.folder.saved_config import saved_values
from seqlab.sweeps.report.settings import same
from seqlab.system.errors import UserError

MISSING = object()
"""Where a run has no such key, or no such metric."""

_ASIDE = ("name", "resume", "again")
# They choose how the same tokens or values are read, and in which order.
_SAME_DATA = ("batch_size", "num_steps", "sampling", "carry_state", "seed", "tau")
_TRAIN_ONLY = ("max_tokens",)
_SCORE = re.compile(r"(train|val|test)/(loss|perplexity|bits_per_token|rmse.*)")


@dataclass(frozen=True)
class Compared:
    """A run, as it is compared.

    Attributes:
        found: its folder, status and result.
        config: each key of its configuration with its value, references not looked up.
    """

    found: FoundRun
    config: dict[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        """Name -> latest value."""
        return dict(self.found.result.get("metrics", {}))


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        runs: as they were named.
        differing: each key whose value is not the same in all, with the value of each run.
        metrics: each metric that any run has, with the value of each run.
        groups: for each part of the data, the runs whose scores on it can be compared, by their
            place; one group: all can.
        reasons: a sentence each on what cannot be compared, and why.
    """

    runs: list[Compared]
    differing: dict[str, list[Any]]
    metrics: dict[str, list[Any]]
    groups: dict[str, list[list[int]]]
    reasons: list[str]

    def are_comparable(self, metric: str) -> bool:
        """Return whether a metric is of the same data in every run."""
        part = metric.partition("/")[0]
        return not _SCORE.fullmatch(metric) or len(self.groups.get(part, [[]])) == 1

    def follows_from_class(self, key: str) -> bool:
        """Return whether a key differs only in that the class of some runs does not have it."""
        classes = self.differing.get(f"{key.rpartition('.')[0]}._target_")
        if classes is None or key.endswith("._target_"):
            return False
        both = list(zip(self.differing[key], classes, strict=True))
        having, lacking = (
            {str(kind) for value, kind in both if (value is MISSING) == missing}
            for missing in (False, True)
        )
        values = {same(value) for value, _ in both if value is not MISSING}
        return len(values) == 1 and bool(lacking) and not having & lacking

    def best(self, metric: str) -> list[int]:
        """Return the places of the runs with the lowest score; none where that says nothing."""
        values = {
            place: value
            for place, value in enumerate(self.metrics[metric])
            if isinstance(value, float) and value == value
        }
        if not _SCORE.fullmatch(metric) or not self.are_comparable(metric) or len(values) < 2:
            return []
        return [place for place, value in values.items() if value == min(values.values())]


def compared(path: Path) -> Compared:
    """Return a run to be compared.

    Raises:
        UserError: it is no run, or its configuration cannot be read.
    """
    config = saved_values(path)
    found = found_run(path, entries_of(path))
    if found is None:
        raise UserError(f"{path} is not a run folder", "Name the folder of a run.")
    return Compared(found, config)


def compare(runs: Sequence[Compared]) -> Comparison:
    """Return what differs between runs."""
    keys = dict.fromkeys(key for run in runs for key in run.config if key not in _ASIDE)
    columns = {key: [run.config.get(key, MISSING) for run in runs] for key in keys}
    names = sorted({name for run in runs for name in run.metrics}, key=_in_natural_order)
    groups: dict[str, list[list[int]]] = {}
    reasons: dict[str, list[str]] = {}
    for part in ("train", "val", "test"):
        if any(name.startswith(f"{part}/") and _SCORE.fullmatch(name) for name in names):
            groups[part], why = _groups(runs, part)
            for reason in why:
                reasons.setdefault(reason, []).append(part)
    return Comparison(
        runs=list(runs),
        differing={key: column for key, column in columns.items() if not _all_same(column)},
        metrics={name: [run.metrics.get(name, MISSING) for run in runs] for name in names},
        groups=groups,
        reasons=[f"{' and '.join(parts)} scores of {why}" for why, parts in reasons.items()],
    )


def _groups(runs: Sequence[Compared], part: str) -> tuple[list[list[int]], list[str]]:
    """Return the runs whose scores on a part can be compared, and why the others cannot."""
    groups: list[list[int]] = []
    reasons: list[str] = []
    for place, run in enumerate(runs):
        differences = [_differences(runs[group[0]], run, part) for group in groups]
        fitting = next((g for g, found in zip(groups, differences, strict=True) if not found), None)
        if fitting is not None:
            fitting.append(place)
            continue
        if groups:
            what = f"{', '.join(differences[0])} differ{'s' * (len(differences[0]) == 1)}"
            reasons.append(f"run {place + 1} cannot be compared with those of run 1: {what}")
        groups.append([place])
    return groups, reasons


def _differences(first: Compared, second: Compared, part: str) -> list[str]:
    """Return the keys for which two runs are scored on other data, or in other units."""
    aside = _SAME_DATA if part == "train" else (*_SAME_DATA, *_TRAIN_ONLY)
    keys = [key for key in first.config if key.startswith("data.")]
    found = [
        key
        for key in keys
        # A version that lacks a key has what is its default now.
        if key in second.config
        and key.partition(".")[2] not in aside
        and not _is_same(key, first.config[key], second.config[key])
    ]
    if "data._target_" in found:
        found = ["data._target_"]  # all else follows from it
    future = [bool(run.found.result.get("sees_future")) for run in (first, second)]
    return found + (["model.bidirectional"] if future[0] != future[1] else [])


def _is_same(key: str, first: Any, second: Any) -> bool:
    if key == "data.path" and first != second:
        if first is None or second is None:  # the text that a data set finds by itself
            return True
        with suppress(OSError, ValueError):
            return filecmp.cmp(first, second, shallow=False)
    return same(first) == same(second)


def _all_same(column: Sequence[Any]) -> bool:
    known = [same(value) for value in column if value is not MISSING]
    return len(known) == len(column) and len(set(known)) == 1


def _in_natural_order(name: str) -> tuple[str, int]:
    stem, _, horizon = name.partition("@")
    return stem, int(horizon) if horizon.isdecimal() else 0
