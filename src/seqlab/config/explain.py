"""What Hydra and OmegaConf complain of, in terms of what was typed."""

import re
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException
from omegaconf import DictConfig
from yaml import YAMLError

from seqlab.config.check import nearest, unknown_key
from seqlab.config.folders import conf_dir
from seqlab.errors import UserError, first_line

_HELP = "`python -m train --help` shows examples."
_GRAMMAR = re.compile(
    "mismatched input|token recognition|no viable|missing EQUAL|LexerNoViableAlt|extraneous input"
)


def explained(error: Exception, words: list[str]) -> UserError:
    """Return the complaint with the nearest thing that exists.

    Args:
        error: raised while the configuration was being composed.
        words: the command line.
    """
    text = str(error)
    missing = re.search(r"Could not find '([^']+)'", text)
    folders = _folders(words)
    if isinstance(error, MissingConfigException) and missing:
        return _no_such_option(missing.group(1), folders)
    if isinstance(error, YAMLError):
        return UserError(f"a configuration file is not YAML: {' '.join(text.split())}", _HELP)
    if "Config group override must be" in text:
        return _no_option_at_all(words, folders)
    refused = re.search(r"Could not (?:override|append to|delete(?: from)?)[^']*'([^']+)'", text)
    if refused:
        key = refused.group(1).partition("=")[0].partition("@")[0]
        chosen = next((w for w in words if w.lstrip("+~").partition("=")[0] == key), key)
        return unknown_key(
            key, _composed(words, key, folders), f"in {chosen!r} on the command line"
        )
    if _GRAMMAR.search(text):
        return UserError(
            first_line(error),
            "Write key=value; quote values with spaces or colons: 'data.path=\"a b.txt\"'.",
        )
    return UserError(text.strip().replace("\n", "; ") or type(error).__name__, _HELP)


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
        key, equals, _ = word.partition("=")
        if not key and equals:
            return UserError(f"{word!r} has no key", "Write key=value.")
        if (conf_dir() / key).is_dir() and equals:
            options = ", ".join(_options(key, folders))
            return UserError(f"{word}: there is no such {key}", f"There are: {options}.")
    return UserError("a group was given something that is no option", _HELP)


def _composed(words: list[str], key: str, folders: list[Path]) -> DictConfig:
    """Compose the groups that were chosen, with Hydra's own node where the key is one of its."""
    groups = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()}
    chosen = [word for word in words if word.partition("=")[0] in groups and "," not in word]
    if folders[1:]:
        added = ",".join(f"'file://{folder}'" for folder in folders[1:])
        chosen.append(f"hydra.searchpath=[{added}]")
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        of_hydra = key.startswith("hydra.")
        return compose(config_name="train", overrides=chosen, return_hydra_config=of_hydra)
