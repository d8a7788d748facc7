"""The `key=value` words one by one: what can be said of them before anything is composed."""

import shlex
from typing import Any

from hydra.conf import HydraConf
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Override,
    OverrideType,
    QuotedString,
)
from omegaconf import DictConfig, OmegaConf

from seqlab.config.validate.check import NAMED, unknown_key
from seqlab.config.words import quoted, readable
from seqlab.system.errors import UserError

_ONE_OPTION = ("data", "model", "optimizer", "scheduler", "trainer")


def parsed(words: list[str], loader: ConfigLoader | None = None) -> list[Override]:
    """Return what Hydra understands of each word.

    Args:
        words: `key=value` each.
        loader: finds the options that a `glob(...)` stands for.

    Raises:
        UserError: it does not understand one.
    """
    parser = OverridesParser.create(config_loader=loader)
    # Unlike its singular, this passes the loader on.
    return parser.parse_overrides(list(map(readable, words)))


def fixed_word(override: Override) -> str:
    """Return the word that gives a key its one value, or takes it away."""
    if override.is_delete():
        return str(override.input_line)
    return f"{override.get_key_element()}={override.get_value_element_as_str()}"


def listed(override: Override) -> list[str]:
    """Return the texts of several values.

    Raises:
        UserError: there is none.
    """
    texts = list(override.sweep_string_iterator())
    if not texts:
        raise UserError(f"{override.input_line} lists no value", "List at least one.")
    return texts


def values_of(word: str) -> list[str]:
    """Return the value that a word gives its key, or each of several, as texts; null is none."""
    parser = OverridesParser.create()
    override = parser.parse_override(readable(word))
    if override.is_sweep_override() and override.is_discrete_sweep():
        words = [f"{override.key_or_group}={text}" for text in override.sweep_string_iterator()]
        values = [parser.parse_override(each).value() for each in words]
    else:
        values = [override.value()]
    return [str(value) for value in values if value is not None]


def check_overrides(overrides: list[Override], *, sweep: bool) -> None:
    """Raise `UserError` for several values without a sweep, and for a key that Hydra lacks."""
    for override in overrides:
        if override.is_sweep_override() and not sweep:
            raise _needs_a_sweep(override)
        key = override.key_or_group
        if key in _ONE_OPTION and isinstance(override.value(), list):
            raise UserError(
                f"{override.input_line}: there is one {key} in a run, not a list of them",
                f"Choose one: {key}=OPTION. -m {key}=A,B runs each.",
            )
        if key in NAMED and override.is_add() and isinstance(override.value(), str):
            raise UserError(
                f"{override.input_line}: {key} has an option already",
                f"Choose several: {key}=[default,{override.value()}].",
            )
        if key.startswith("hydra.callbacks.preflight"):
            raise preflight_changed()
        if key.startswith("hydra.") and not override.is_delete():
            known = OmegaConf.create({"hydra": OmegaConf.structured(HydraConf)})
            if not _has(known, key):
                raise unknown_key(key, known, f"in {override.input_line!r} on the command line")


def preflight_changed() -> UserError:
    """Return the error for a configuration without the callback that claims run folders."""
    return UserError(
        "hydra.callbacks.preflight keeps a run out of the folder of another", "Leave it as it is."
    )


def forced(override: Override, groups: list[str]) -> str:
    """Return the word with `++` before a plain value's key: Hydra then takes any key at all."""
    key = override.key_or_group
    plain = override.type == OverrideType.CHANGE and override.package is None
    if plain and key not in ("", *groups) and "/" not in key and not key.startswith("hydra."):
        return f"++{override.input_line}"
    return str(override.input_line)


def _has(node: Any, key: str) -> bool:
    """Return whether a key is one of Hydra's own, or lies where any key may."""
    for part in key.split("."):
        if not isinstance(node, DictConfig) or node._is_missing():
            return True
        if part not in node._content:  # type: ignore[operator]
            return OmegaConf.get_type(node) is dict and node is not node._get_root()
        node = node._get_node(part)
    return True


def _needs_a_sweep(override: Override) -> UserError:
    line, key = str(override.input_line), override.get_key_element()
    hint = f"Add -m or --multirun for one: python -m train -m {shlex.quote(line)}."
    value = override._value
    if isinstance(value, ChoiceSweep) and value.simple_form:
        plain = (each.text if isinstance(each, QuotedString) else each for each in value.list)
        text = ",".join(Override._get_value_element_as_str(each) for each in plain)
        listed = line.partition("=")[2]
        a_list, a_text = (shlex.quote(f"{key}={each}") for each in (f"[{listed}]", quoted(text)))
        hint += f" A list is {a_list}, a text {a_text}."
    return UserError(f"{line}: several values are a sweep", hint)
