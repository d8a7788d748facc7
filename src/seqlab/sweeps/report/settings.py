"""Settings: the jobs of a sweep that differ in nothing but the seed."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.spread import Spread, spread
from seqlab.system.terminal import as_field

SEED = "seed"
ASIDE = (SEED, "name")
"""Parameters that make no setting: jobs that differ in them alone repeat each other."""
ABSENT = "–"
"""Shown where there is no value."""


@dataclass
class Setting:
    """Jobs with the same parameters, whatever their seed.

    Attributes:
        parameters: name -> value, those aside that make no setting.
        rows: its jobs, in order of number.
        rank: 1 for the best by mean; `None` while it has no finite mean.
    """

    parameters: dict[str, Any]
    rows: list[Row]
    rank: int | None = None
    _spreads: dict[str, Spread] = field(default_factory=dict, repr=False)

    @property
    def completed(self) -> list[Row]:
        """The jobs that are averaged: completed ones, each configuration once."""
        # A search may try the same configuration twice: its result is no second seed.
        found: dict[str, Row] = {}
        for row in self.rows:
            if row.status == "completed":
                found.setdefault(row.fingerprint or f"job {row.number}", row)
        return list(found.values())

    @property
    def others(self) -> dict[str, int]:
        """How many jobs have which status, completed ones aside."""
        counts = Counter(row.status for row in self.rows)
        del counts["completed"]
        return dict(counts)

    def spread(self, metric: str) -> Spread:
        """Return a metric over the completed jobs that have it."""
        if metric not in self._spreads:
            self._spreads[metric] = spread(
                [row.metrics[metric] for row in self.completed if metric in row.metrics]
            )
        return self._spreads[metric]

    def label(self, names: Iterable[str], short: dict[str, str] | None = None) -> str:
        """Return `name=value` of some parameters, in one line."""
        return ", ".join(
            f"{(short or {}).get(name, name)}={shown(self.parameters[name])}"
            for name in names
            if name in self.parameters
        )


def settings_of(rows: Sequence[Row]) -> list[Setting]:
    """Return the settings of some jobs, in order of their first job."""
    found: dict[str, Setting] = {}
    for row in rows:
        parameters = {name: value for name, value in row.parameters.items() if name not in ASIDE}
        setting = found.setdefault(same(parameters), Setting(parameters, []))
        setting.rows.append(row)
    return list(found.values())


def ranked(settings: Sequence[Setting], metric: str, direction: str) -> list[Setting]:
    """Return settings best first; those without a finite mean come last, as they were.

    Their ranks are set.
    """
    sign = -1 if direction == "maximize" else 1
    with_mean = [each for each in settings if each.spread(metric).mean is not None]
    with_mean.sort(key=lambda each: sign * (each.spread(metric).mean or 0.0))
    for rank, setting in enumerate(with_mean, start=1):
        setting.rank = rank
    return with_mean + [each for each in settings if each.rank is None]


def grouped(settings: Iterable[Setting], names: Sequence[str]) -> dict[str, list[Setting]]:
    """Return settings by the values of some parameters, as a label."""
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(setting.label(names), []).append(setting)
    return groups


def varying(rows: Sequence[Row]) -> list[str]:
    """Return the parameters that differ from job to job, those aside that make no setting."""
    names = dict.fromkeys(name for row in rows for name in row.parameters if name not in ASIDE)
    return [
        name
        for name in names
        if len({same(row.parameters[name]) if name in row.parameters else "" for row in rows}) > 1
    ]


def same(value: Any) -> str:
    """Return a text that is equal for equal values: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_comparable(value), sort_keys=True, default=str)


def shown(value: Any) -> str:
    """Return a value as a person would type it, on one line, long numbers rounded."""
    return f"{value:.6g}" if isinstance(value, float) else as_field(typed(value))


def typed(value: Any) -> str:
    """Return a value as a person would type it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def counted(number: int, what: str) -> str:
    """Return `1 job` or `2 jobs`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _comparable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return float(value)
    return value
