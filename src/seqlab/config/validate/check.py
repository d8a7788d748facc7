"""Is this configuration one that can be run? Every answer is one message with the remedy.

What may stand in a configuration is what its own YAML files declare: the chosen options,
composed without experiment and recipe, are the reference. A new data set or model therefore
brings its keys with its YAML file, and nothing is listed twice.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from seqlab.config.earlier import EARLIER
from seqlab.config.environment import bounded_references
from seqlab.config.folders import conf_dir
from seqlab.config.validate.allowlist import check_targets
from seqlab.config.validate.combinations import check_together
from seqlab.config.validate.rules import RULES
from seqlab.system.errors import UserError, first_line

# Dictionaries keyed by a name of the person's own choosing; an entry brings its own `_target_`.
NAMED = ("callbacks", "logger")

NOWHERE = "in the configuration"

_OTHER_NAMES = {"learning_rate": "lr", "clip": "gradient_clip_val", "hidden": "hidden_size"}
"""What others call a key."""

GROUPS = ["data", "model", "optimizer", "scheduler", "trainer", "callbacks", "logger"]
GROUPS += ["recipe", "experiment"]
_NEEDED = ("data", "model", "optimizer", "trainer")
_READ = ("name", "seed", "monitor", "resume", "data.task", "model.task")


def check(config: DictConfig, reference: DictConfig, sources: "Sources") -> dict[str, Any]:
    """Return the configuration as plain values, each of them allowed.

    Args:
        config: the composed configuration, without Hydra's own node.
        reference: the same options composed without experiment and recipe: every declared key.
        sources: tells where a key's value came from, for the message.

    Raises:
        UserError: it has a key, type, value or pairing that cannot be run.
    """
    check_groups(config, "the configuration")
    known = list(leaves(reference))
    defaults = OmegaConf.to_container(reference, resolve=False)
    for path, _ in leaves(config):
        if not _declared(path, known, config, reference):
            if isinstance(_at(defaults, path), dict):
                raise UserError(
                    f"{path} {sources.of(path)}: it has keys of its own, so it cannot be a value",
                    f"Set one of its keys, or leave it out: '~{path}'.",
                )
            raise unknown_key(path, reference, sources.of(path))
    given = {path for path, _ in leaves(config)}
    for path, _ in known:
        # The program itself reads these; others may fall back to their class's own default.
        needed = path.startswith("trainer.") or path in _READ or path.endswith("._partial_")
        if needed and path not in given:
            raise UserError(
                f"{path} was deleted {sources.of(path)}",
                f"Leave it, or give it a value: {path}=...",
            )
    plain = resolved(config)
    for path, _ in leaves(config):
        _check_value(path, _at(plain, path), _at(defaults, path), sources)
    _check_targets(plain, sources)
    check_together(plain, sources.of)
    return plain


def resolved(config: DictConfig) -> dict[str, Any]:
    """Return the configuration as plain values; a reference that leads nowhere is a `UserError`."""
    try:
        with bounded_references():
            plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise _not_set(str(error.full_key)) from None
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "configuration"
        raise UserError(f"{key}: {first_line(error)}", f"Give it a value: {key}=...") from error
    assert isinstance(plain, dict)
    return plain  # type: ignore[return-value]


def _not_set(key: str) -> UserError:
    value = "FILE" if key.endswith("path") else "VALUE"
    return UserError(f"{key} is not set", f"Give it a value: {key}={value}.")


def leaves(config: DictConfig, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield `(path, value)` for every value that is not itself a non-empty dictionary."""
    for key in config:
        path = f"{prefix}{key!s}"
        node = config._get_node(key)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
            if len(node):
                yield from leaves(node, f"{path}.")
            else:
                yield path, {}
        else:
            yield path, node


class Sources:
    """Where a value came from: the command line, experiment or recipe, or an option's file.

    Args:
        overrides: as typed.
        choices: group -> option, or options.
        content: returns what stands in an option's file, given `group/option`.
    """

    def __init__(
        self,
        overrides: list[str],
        choices: Mapping[Any, Any] | None = None,
        content: Callable[[str], Any] = lambda option: None,
    ) -> None:
        self.overrides = overrides
        self.choices = choices or {}
        self.content = content

    def of(self, path: str) -> str:
        """Return words that follow a key: the override as it was typed, or the file."""
        chosen = None
        for override in reversed(self.overrides):
            key, _, value = override.lstrip("+~").partition("=")
            key = key.partition("@")[0]
            if path == key or path.startswith(f"{key}."):
                if key not in GROUPS or value.startswith("{") or override.startswith("~"):
                    return f"in {override!r} on the command line"
                chosen = chosen or override  # only where no file of its own can be named
        group, _, key = path.partition(".")
        places = [("experiment", path), ("recipe", path), (group, key)]
        found = (self._setting(each, self.choices.get(each), rest) for each, rest in places)
        if file := next(filter(None, found), None):
            earlier = EARLIER.get(file.rpartition("/")[2])
            return f"in {earlier.file if earlier else f'{file}.yaml'}"
        return f"in {chosen!r} on the command line" if chosen else "in the configuration"

    def _setting(self, group: str, option: Any, path: str) -> str | None:
        """Return the option's file, or the one that it builds upon, if it sets the key."""
        if isinstance(option, list):  # a later one overrides those before it
            found = (self._setting(group, each, path) for each in reversed(option))
            return next(filter(None, found), None)
        content = self.content(f"{group}/{option}") if isinstance(option, str) and path else None
        if not isinstance(content, dict):
            return None
        if _holds(content, path):
            return f"{group}/{option}"
        below = [each for each in content.get("defaults") or [] if isinstance(each, str)]
        found = (self._setting(group, each, path) for each in reversed(below) if each != option)
        return next(filter(None, found), None)


def _holds(content: Any, path: str) -> bool:
    for part in path.split("."):
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True


def unknown_key(path: str, reference: DictConfig, where: str) -> UserError:
    """Return the error for a key that nothing declares, with the nearest that something does."""
    paths = [key for key, _ in leaves(reference)]
    paths += sorted({key.rsplit(".", 1)[0] for key in paths if "." in key})
    paths = list(dict.fromkeys([*paths, *GROUPS]))
    entry = ".".join(path.split(".")[:2])
    is_chosen = any(key.startswith(f"{entry}.") for key in paths)
    owners = None if is_chosen else _groups_that_declare(path)
    near = nearest(path, paths)
    if path.startswith(("recipe.", "experiment.")):
        hint = f"The first line of {path.partition('.')[0]}s has to be: # @package _global_"
    elif owners:
        group, options = owners
        hint = f"{path} belongs to " + ", ".join(f"{group}={option}" for option in options) + "."
    elif near:
        hint = f"Did you mean {' or '.join(repr(key) for key in near)}?"
    else:
        hint = "`python -m train --cfg job` prints every key."
    return UserError(f"unknown key {path!r} {where}", hint)


def nearest(word: str, known: list[str], most: int = 2) -> list[str]:
    """Return the known words most like `word`, also by their last dotted part; maybe none."""
    close = difflib.get_close_matches(word, known, n=most, cutoff=0.8)
    if not close:
        tail = word.rsplit(".", 1)[-1]
        tails: dict[str, list[str]] = {}
        for key in known:
            tails.setdefault(key.rsplit(".", 1)[-1], []).append(key)
        ends = [each for each in tails if each.endswith(f"_{tail}")]  # `epochs`: max_epochs
        ends.sort(key=lambda each: (not each.startswith("max_"), len(each)))
        match = ends or difflib.get_close_matches(tail, list(tails), n=1, cutoff=0.7)
        match = [_OTHER_NAMES[tail]] if _OTHER_NAMES.get(tail) in tails else match
        close = [key for each in match for key in tails[each]][:most]
    return close or difflib.get_close_matches(word, known, n=1, cutoff=0.6)


def _groups_that_declare(path: str) -> tuple[str, list[str]] | None:
    """Return the group and those of its options that declare `group.key`, if any do."""
    group, _, key = path.partition(".")
    folder: Path = conf_dir() / group
    if not key or not folder.is_dir():
        return None
    name = key.partition(".")[0]
    if group == "callbacks" and name not in ("default", "none"):
        return (group, [f"[default,{name}]"]) if (folder / f"{name}.yaml").is_file() else None
    options = []
    for file in sorted(folder.glob("*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and key in content:
            options.append(file.stem)
    return (group, options) if options else None


def _declared(
    path: str, known: list[tuple[str, Any]], config: DictConfig, reference: DictConfig
) -> bool:
    if any(path == key for key, _ in known):
        return True
    parts = path.split(".")
    if parts[0] in NAMED and len(parts) > 1:
        name = ".".join(parts[:2])
        is_new = OmegaConf.select(reference, name) is None
        entry = OmegaConf.select(config, name)
        return is_new and isinstance(entry, DictConfig) and "_target_" in entry
    # An empty dictionary where the reference has keys: everything in it was deleted.
    return any(key.startswith(f"{path}.") for key, _ in known) and not OmegaConf.select(
        config, path
    )


def _check_targets(plain: dict[str, Any], sources: "Sources") -> None:
    try:
        check_targets(plain)
    except UserError as error:
        path = re.split(r"[^\w.]", str(error))[0]
        where = sources.of(path)
        if where == NOWHERE:
            raise
        raise UserError(f"{error} {where}", error.hint) from None


def _check_value(path: str, value: Any, default: Any, sources: Sources) -> None:
    if value is None and default == "???":
        raise _not_set(path)
    rule = RULES.get(path)
    if rule is not None:
        if not rule.allows(value):
            close = difflib.get_close_matches(str(value), rule.words(), n=1)
            usable = rule.allows(default) and default != "???"
            example = f"For example {path}={_shown(default)}." if usable else ""
            raise UserError(
                f"{path}={_shown(value)} {sources.of(path)}: must be {rule.describe()}",
                f"Did you mean {path}={close[0]}?" if close else example,
            )
        return
    if default is None or isinstance(default, dict):
        return
    if isinstance(default, str) and "${" in default:
        return
    if not _same_type(value, default):
        raise UserError(
            f"{path}={_shown(value)} {sources.of(path)}: must be {_type_name(default)}",
            f"For example {path}={_shown(default)}.",
        )


def _same_type(value: Any, default: Any) -> bool:
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, int):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, type(default))


def _type_name(default: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return names.get(type(default), "a list")


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(plain: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(plain, dict) or part not in plain:
            return None
        plain = plain[part]
    return plain


def check_groups(config: DictConfig, name: str) -> None:
    """Raise `UserError` where a group that every run needs is missing or no dictionary."""
    for group in GROUPS:
        node = config.get(group)
        if node is None and group not in _NEEDED:
            continue
        if not isinstance(node, DictConfig) or (group in _NEEDED and "_target_" not in node):
            raise UserError(f"{name} has no usable {group}", f"Choose one: {group}=OPTION.")
