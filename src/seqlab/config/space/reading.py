"""Reading the space of a search: from descriptions in YAML, and from Hydra's sweep words."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from seqlab.config.compose.jobs import bare_key
from seqlab.config.compose.overrides import fixed_word, listed, parsed
from seqlab.config.space.dimensions import SEED, Dimension, Space, is_number, text_of
from seqlab.system.errors import UserError

_KINDS = {
    "float": ("low", "high", "log", "step"),
    "int": ("low", "high", "log", "step"),
    "choice": ("values",),
}
_EXAMPLE = "For example {type: float, low: 0.001, high: 1, log: true}."


def read_space(
    described: Mapping[str, Any], words: list[str], loader: ConfigLoader | None = None
) -> Space:
    """Return the space that a search's configuration and words describe.

    Args:
        described: key -> its description from `hydra.sweeper.params`, as plain values.
        words: `key=value` words; one with several values, or an interval, spans a dimension. A
            later word for the same key takes the place of an earlier one.
        loader: finds the options of `glob(...)`.

    Raises:
        UserError: something in it cannot be searched.
    """
    listed = [_described(name, spec) for name, spec in described.items()]
    dimensions = {each.name: each for each in listed}
    fixed: dict[str, tuple[str, Any]] = {}
    seeds: tuple[str, ...] = ()
    for override in parsed(words, loader):
        key = override.get_key_element()
        fixed.pop(key, None)
        dimensions.pop(bare_key(key), None)
        if override.key_or_group == SEED:
            seeds = ()
        if not override.is_sweep_override():
            fixed[key] = fixed_word(override), override
        elif override.key_or_group == SEED:
            if not override.is_discrete_sweep():
                raise _no_search_over_seeds()
            seeds = tuple(override.sweep_string_iterator())
        else:
            dimension = _spanned(override)
            dimensions[dimension.name] = dimension
    if described_seed := dimensions.pop(SEED, None):
        if described_seed.kind != "choice" or described_seed.when:
            raise _no_search_over_seeds()
        seeds = described_seed.values
    if not dimensions:
        raise UserError(
            "there is nothing to search over",
            "Name a range, as in 'optimizer.lr=tag(log, interval(0.001, 1))', or describe one in "
            "hydra.sweeper.params.",
        )
    return Space(
        dimensions=_ordered(dimensions),
        fixed=tuple(word for word, _ in fixed.values()),
        seeds=seeds,
        plain={bare_key(key): override.value() for key, (_, override) in fixed.items()},
    )


def _no_search_over_seeds() -> UserError:
    return UserError(
        "the seed is nothing to search over",
        "List seeds, as in seed=0,1,2: every trial is then run with each, and judged by the mean.",
    )


def _spanned(override: Override) -> Dimension:
    """Return the dimension that a word with several values spans."""
    key, line = override.get_key_element(), override.input_line
    value: Any = override.value()
    tags = set(value.tags)
    log = "log" in tags
    if unknown := tags - {"log"}:
        raise UserError(
            f"{line}: tag {sorted(unknown)[0]!r} says nothing to a search",
            "There is one tag, log, for a logarithmic scale: tag(log, interval(0.001, 1)).",
        )
    if isinstance(value, IntervalSweep):
        assert value.start is not None
        assert value.end is not None
        kind = "int" if isinstance(value.start, int) else "float"
        return _checked(Dimension(key, kind, value.start, value.end, log), str(line))
    parser = OverridesParser.create()
    values: list[Any] = [parser.parse_override(f"k={text}").value() for text in listed(override)]
    if isinstance(value, RangeSweep):
        numbers = sorted(values)
        kind = "int" if all(isinstance(each, int) for each in numbers) else "float"
        step = abs(value.step)
        dimension = Dimension(key, kind, numbers[0], numbers[-1], log, step)
        return _checked(replace(dimension, step=None) if step == 1 else dimension, str(line))
    if log:
        raise UserError(
            f"{line}: a choice has no scale", "Use tag(log, interval(LOW, HIGH)), or list values."
        )
    return _checked(Dimension(key, "choice", values=tuple(map(text_of, values))), str(line))


def _described(name: str, spec: Any) -> Dimension:
    where = f"hydra.sweeper.params.{name}"
    kind = spec.get("type")
    if kind not in _KINDS:
        raise UserError(
            f"{where}: type is {_shown(kind)}, and has to be one of {', '.join(_KINDS)}", _EXAMPLE
        )
    known = ("type", "when", *_KINDS[kind])
    for key in spec:
        if key not in known:
            close = get_close_matches(str(key), known, n=1)
            raise UserError(
                f"{where}: {kind} has no {key}",
                f"Did you mean {close[0]}?" if close else f"It has {', '.join(known)}.",
            )
    when = _condition(spec.get("when") or {}, where)
    if kind == "choice":
        values = spec.get("values")
        if not isinstance(values, list) or not values:
            raise UserError(
                f"{where}: values is {_shown(values)}, and has to be a list",
                "For example {type: choice, values: [rnn, gru]}.",
            )
        choice = Dimension(name, kind, values=tuple(map(text_of, values)), when=when)
        return _checked(choice, where)
    for key in ("low", "high"):
        if not is_number(spec.get(key)):
            raise UserError(
                f"{where}: {key} is {_shown(spec.get(key))}, and has to be a number", _EXAMPLE
            )
    log, step = spec.get("log", False), spec.get("step")
    if not isinstance(log, bool):
        raise UserError(f"{where}: log is {_shown(log)}, and has to be true or false", _EXAMPLE)
    if step is not None and not is_number(step):
        raise UserError(f"{where}: step is {_shown(step)}, and has to be a number", _EXAMPLE)
    return _checked(Dimension(name, kind, spec["low"], spec["high"], log, step, (), when), where)


def _condition(spec: Any, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(spec, dict):
        raise UserError(
            f"{where}: when is {_shown(spec)}, and has to name a key and its values",
            "For example when: {model: gru}, or when: {model: [gru, lstm]}.",
        )
    return {
        str(key): tuple(text_of(each) for each in (value if isinstance(value, list) else [value]))
        for key, value in spec.items()
    }


def _checked(dimension: Dimension, where: str) -> Dimension:
    """Return the dimension, its numbers of its kind.

    Raises:
        UserError: its values contradict each other.
    """
    if dimension.kind == "choice":
        twice = [each for each in dimension.values if dimension.values.count(each) > 1]
        if twice:
            raise UserError(f"{where}: {twice[0]} is listed twice", "List every value once.")
        return dimension
    low, high, step = dimension.low, dimension.high, dimension.step
    if dimension.kind == "int" and not all(
        isinstance(each, int) for each in (low, high, step or 1)
    ):
        raise UserError(
            f"{where}: an int has whole numbers, not low {low}, high {high}"
            + (f", step {step}" if step else ""),
            "Use type: float, or whole numbers.",
        )
    if low > high:
        raise UserError(f"{where}: low {low} is above high {high}", "Exchange them.")
    if dimension.log and low <= 0:
        raise UserError(
            f"{where}: a logarithmic scale begins above 0, not at {low}",
            "Give a low that is positive, or leave log out.",
        )
    if step is not None and step <= 0:
        raise UserError(f"{where}: step {step} leads nowhere", "Give a positive step.")
    if dimension.log and step is not None:
        raise UserError(f"{where}: log and step exclude each other", "Leave one out.")
    if dimension.kind == "float":
        return replace(dimension, low=float(low), high=float(high))
    return dimension


def _ordered(dimensions: dict[str, Dimension]) -> tuple[Dimension, ...]:
    """Return the dimensions, each after those that it depends on."""
    for each in dimensions.values():
        for key, values in each.when.items():
            _check_condition(each, key, values, dimensions.get(key))
    placed: dict[str, Dimension] = {}
    while len(placed) < len(dimensions):
        ready = [
            name
            for name, each in dimensions.items()
            if name not in placed and all(key in placed for key in each.when)
        ]
        if not ready:
            names = ", ".join(name for name in dimensions if name not in placed)
            raise UserError(f"{names}: their conditions go in a circle", "Leave one `when` out.")
        placed |= {name: dimensions[name] for name in ready}
    return tuple(placed.values())


def _check_condition(
    each: Dimension, key: str, values: tuple[str, ...], parent: Dimension | None
) -> None:
    where = f"hydra.sweeper.params.{each.name}: when: {key}"
    if parent is None:
        raise UserError(
            f"{where} is not in the space", "Search over it too, as a choice, or leave `when` out."
        )
    if parent.kind != "choice":
        raise UserError(
            f"{where} is a range, and a condition needs a choice",
            f"Describe {key} by {{type: choice, values: [...]}}.",
        )
    for value in values:
        if value not in parent.values:
            raise UserError(
                f"{where} is never {value}", f"It is one of {', '.join(parent.values)}."
            )


def _shown(value: Any) -> str:
    return "missing" if value is None else repr(value)
