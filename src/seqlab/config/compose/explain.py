"""What Hydra and OmegaConf complain of, in terms of what was typed."""

import re
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqlab.config.compose.command import hydra_loader
from seqlab.config.compose.naming import is_several
from seqlab.config.earlier import AGAIN
from seqlab.config.folders import ROOT, conf_dir
from seqlab.config.validate.check import nearest, unknown_key
from seqlab.config.validate.schema import all_choices, reference_config
from seqlab.system.errors import UserError, first_line, one_line

_PLUGINS = ("hydra/sweeper=", "hydra/launcher=")
_HELP = "`python -m train --help` shows examples."
_GRAMMAR = re.compile("mismatched input|token recognition|no viable|missing|extraneous input")


def explained(error: Exception, words: list[str]) -> UserError:
    """Return the complaint with the nearest thing that exists.

    Args:
        error: raised while the configuration was being composed.
        words: the command line.
    """
    text = str(error)
    missing = re.search(r"Could not (?:find|load) '([^']+)'", text)
    folders = _folders(words)
    if isinstance(error, MissingConfigException) and missing:
        return _no_such_option(missing.group(1), folders)
    if isinstance(error, YAMLError):
        hint = "Indent with spaces: YAML takes no tabs." if "'\\t'" in text else _HELP
        return UserError(f"a configuration file is not YAML: {' '.join(text.split())}", hint)
    if "Config group override must be" in text:
        return _no_option_at_all(words, folders)
    inside = re.search(r"In '([^']+)': Could not override '([^']+)'", text)
    if inside and (error_there := _override_inside(*inside.groups())) is not None:
        return error_there
    if (about_a_word := _of_a_word(error, words, folders)) is not None:
        return about_a_word
    if _GRAMMAR.search(text):
        return _no_reference("a configuration file")
    if not isinstance(error, HydraException | OmegaConfBaseException | UserError):
        return _culprit(error, words)
    if key := getattr(error, "full_key", None):
        return UserError(f"{key}: {first_line(error)}", f"Give it a value: {key}=...")
    return UserError(text.strip().replace("\n", "; ") or "the words do not fit together", _HELP)


def _of_a_word(error: Exception, words: list[str], folders: list[Path]) -> UserError | None:
    """Return the complaint where Hydra names the word that it cannot apply."""
    text = str(error)
    refused = re.search(r"Could not (?:override|append to|delete(?: from)?)[^']*'([^']+)'", text)
    if refused:
        key = refused.group(1).partition("=")[0].partition("@")[0]
        chosen = next((w for w in words if w.lstrip("+~").partition("=")[0] == key), key)
        if (conf_dir() / key).is_dir() and "=" in chosen:
            return _no_option_at_all([chosen], folders)
        return unknown_key(
            key, _declared(words, key, folders), f"in {chosen!r} on the command line"
        )
    merged = re.search(r"Error merging override (.*)", text)
    if merged and error.__cause__:
        return _not_merged(merged.group(1), error.__cause__, words)
    return None


def _not_merged(found: str, cause: BaseException, words: list[str]) -> UserError:
    word = found if found in words else found.removeprefix("++")  # which `forced` has put there
    if _GRAMMAR.search(str(cause)):
        return _no_reference(repr(word))
    return UserError(f"{word!r} cannot be: {first_line(cause)}", _HELP)


def _no_reference(where: str) -> UserError:
    return UserError(
        f"{where} has a reference that cannot be read",
        "A reference is ${KEY} or ${oc.env:VARIABLE}; a backslash before its $ makes it a text.",
    )


def _override_inside(file: str, override: str) -> UserError | None:
    """Return what is wrong with an override in a configuration file; `None`: it is the root's."""
    if "@" in override and "/" not in override:
        group = override.partition("@")[0]
        return UserError(
            f"{file}.yaml overrides {group!r}, and stands for a part of the configuration only",
            f"Write - override /{group}@_global_.{group}: OPTION"
            if file.startswith(("data/", "model/"))
            else "Its first line has to be: # @package _global_",
        )
    if file == ROOT:
        return None
    groups = sorted(path.name for path in conf_dir().iterdir() if path.is_dir())
    return UserError(
        f"{file}.yaml overrides {override!r}, which nothing has chosen",
        f"Write the group with a slash: - override /model: lstm. Groups: {', '.join(groups)}.",
    )


def _culprit(error: Exception, words: list[str]) -> UserError:
    """Return the error for a word that Hydra stumbles over, found by composing each alone."""
    for word in words:
        try:
            with hydra_loader(None) as loader:
                loader.load_configuration(ROOT, [word], RunMode.RUN)
        except Exception as again:
            if type(again) is type(error):
                return UserError(f"{word!r} cannot be applied: {first_line(error)}", _HELP)
    return UserError(f"the configuration cannot be composed: {one_line(error)}", _HELP)


def _folders(words: list[str]) -> list[Path]:
    """Return the folders that options come from: the package's, and the one that was named."""
    folders = [conf_dir()]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        flag, equals, value = word.partition("=")
        if flag in ("--config-dir", "-cd"):
            folders.append(Path(value if equals else following).absolute())
    return folders


def _options(group: str, folders: list[Path]) -> list[str]:
    return sorted({file.stem for folder in folders for file in (folder / group).glob("*.yaml")})


def _no_such_option(name: str, folders: list[Path]) -> UserError:
    group, _, option = name.rpartition("/")
    options = _options(group, folders) if group else []
    close = nearest(option, options)
    meant = f"Did you mean {group}={close[0]}? " if close else ""
    return UserError(
        f"{group}={option}: there is no such {group or 'configuration'}",
        f"{meant}There are: {', '.join(options)}." if options else "",
    )


def _no_option_at_all(words: list[str], folders: list[Path]) -> UserError:
    """Return the error for a group that was given a number or null, or for a word without key."""
    for word in words:
        key, equals, value = word.partition("=")
        if not key and equals:
            return UserError(f"{word!r} has no key", "Write key=value.")
        options = _options(key, folders)
        if (conf_dir() / key).is_dir() and equals and value not in options:
            return UserError(f"{word}: there is no such {key}", f"There are: {', '.join(options)}.")
    return UserError("a group was given something that is no option", _HELP)


def _chooses(word: str, groups: set[str]) -> bool:
    key, _, value = word.partition("=")
    return key == AGAIN or (key in groups and not is_several(value))


def _declared(words: list[str], key: str, folders: list[Path]) -> DictConfig:
    """Return the keys of the groups that were chosen, or Hydra's own where it is about those."""
    groups = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()}
    chosen = [word for word in words if _chooses(word, groups)]
    with hydra_loader(folders[-1] if folders[1:] else None) as loader:
        if key.startswith("hydra."):
            plugins = [word for word in words if word.startswith(_PLUGINS)]
            return loader.load_configuration(ROOT, [*chosen, *plugins], RunMode.RUN)
        defaults = loader.compute_defaults_list(ROOT, chosen, RunMode.RUN)
        return reference_config(all_choices(defaults.overrides.known_choices, chosen), [])
