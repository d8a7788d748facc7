"""The space of a search: which keys it varies, over which values, and under which condition."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from seqlab.config.compose.jobs import Assignment, bare_key

SEED = "seed"


@dataclass(frozen=True)
class Dimension:
    """One key that a search varies.

    Attributes:
        key: the key, with a sign such as `+` where it was typed with one.
        kind: `float`, `int` or `choice`.
        low: the lowest number.
        high: the highest number.
        log: whether numbers are drawn on a logarithmic scale.
        step: distance of neighbouring numbers; `None`: any number, for `int` 1.
        values: the values to choose from, each as it is typed.
        when: key -> the values of another choice with which this key exists.
    """

    key: str
    kind: str
    low: float = 0
    high: float = 0
    log: bool = False
    step: float | None = None
    values: tuple[str, ...] = ()
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The key, bare of signs."""
        return bare_key(self.key)

    def contains(self, value: Any) -> bool:
        """Return whether the search could propose this value."""
        if self.kind == "choice":
            return value in self.values
        if not is_number(value) or not self.low <= value <= self.high:
            return False
        if self.kind == "int" and not isinstance(value, int):
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-9

    def is_active(self, chosen: Mapping[str, Any]) -> bool:
        """Return whether the key exists beside the values chosen so far."""
        return all(chosen.get(key) in values for key, values in self.when.items())


@dataclass(frozen=True)
class Space:
    """What the trials of a search are made of.

    Attributes:
        dimensions: the keys that vary, each after those that it depends on.
        fixed: the words that all trials share.
        seeds: the seeds that every trial is run with; empty: the configuration's own, once.
        plain: the value of each key of the fixed words.
    """

    dimensions: tuple[Dimension, ...]
    fixed: tuple[str, ...]
    seeds: tuple[str, ...]
    plain: Mapping[str, Any]

    @property
    def is_conditional(self) -> bool:
        """Whether some key exists beside some values of another only."""
        return any(dimension.when for dimension in self.dimensions)

    def assignments(self, values: Mapping[str, Any], trial: int | None = None) -> list[Assignment]:
        """Return the jobs of a trial, one for each seed.

        Args:
            values: a number, or the text of a choice, for each active key.
            trial: the trial's number.
        """
        active = [each for each in self.dimensions if each.name in values]
        words = [f"{each.key}={_typed(each, values[each.name])}" for each in active]
        parser = OverridesParser.create()
        parameters = dict(self.plain) | {
            each.name: parser.parse_override(word).value()
            for each, word in zip(active, words, strict=True)
        }
        varied = tuple(each.name for each in active)
        if not self.seeds:
            return [Assignment((*self.fixed, *words), parameters, varied, trial)]
        return [
            Assignment(
                (*self.fixed, *words, f"{SEED}={seed}"),
                parameters | {SEED: parser.parse_override(f"{SEED}={seed}").value()},
                (*varied, SEED) if len(self.seeds) > 1 else varied,
                trial,
            )
            for seed in self.seeds
        ]

    def values_in(self, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a job's values as `assignments` takes them; `None` where they lie outside.

        Args:
            parameters: the value of each key that the job's words name.
        """
        values: dict[str, Any] = {}
        for each in self.dimensions:
            if not each.is_active(values):
                continue
            value = parameters.get(each.name, _NOTHING)
            if value is not _NOTHING and each.kind == "choice":
                value = text_of(value)
            if value is _NOTHING or not each.contains(value):
                return None
            values[each.name] = value
        return values

    def corners(self) -> list[dict[str, Any]]:
        """Return values at the edges, between them every choice: what goes wrong shows there."""
        found: list[dict[str, Any]] = []
        most = max((len(each.values) for each in self.dimensions), default=0)
        for place, end in itertools.product(range(max(2, most)), ("low", "high")):
            values: dict[str, Any] = {}
            for each in self.dimensions:
                if each.is_active(values):
                    choices = each.values[: place + 1]
                    values[each.name] = choices[-1] if choices else getattr(each, end)
            if values not in found:
                found.append(values)
        return found


_NOTHING = object()


def _typed(dimension: Dimension, value: Any) -> str:
    return (
        str(value) if dimension.kind == "choice" else text_of(value)
    )  # a choice is a text already


def text_of(value: Any) -> str:
    """Return a value the way it is typed behind `key=`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if not isinstance(value, str):
        return str(Override._get_value_element_as_str(value))
    try:
        if OverridesParser.create().parse_override(f"key={value}").value() == value:
            return value
    except HydraException:
        pass
    return str(QuotedString(value, Quote.single).with_quotes())


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number, and not `true` or `false`."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
