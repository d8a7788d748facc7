"""Every option of the command line, with its words: those of conf/, launchers and sweepers."""

import re
from dataclasses import MISSING, fields
from inspect import getdoc
from pathlib import Path
from typing import Any

from seqlab.config.compose.option_files import Key, Option, OptionFiles
from seqlab.sweeps.launchers import launcher_options as launchers
from seqlab.sweeps.search.options import SearchOptions

_BASIC = Option(("One job at a time, each a process of its own.",))
_GRID = Option(("Every combination of the listed values.",))


def all_options(config_dir: Path | None) -> OptionFiles:
    """Return every option that can be chosen.

    Args:
        config_dir: the folder of the person's own options, if one was named.
    """
    shared = _described(launchers.Options).keys
    found = {"basic": Option(_BASIC.lines, keys=shared)}
    for name, each in vars(launchers).items():
        if (own := name.removesuffix("Options")) not in (name, ""):
            option = _described(each)
            found[own.lower()] = Option(option.lines, keys={**option.keys, **shared})
    sweepers = {"basic": _GRID, "optuna_search": _described(SearchOptions)}
    return OptionFiles(
        config_dir,
        {
            "hydra/launcher": ("where the jobs of a sweep run (help launchers)", found),
            "hydra/sweeper": ("how the jobs of a sweep are chosen (help search)", sweepers),
        },
    )


def _described(options: Any) -> Option:
    """Return a dataclass as an option: its docstring has the words."""
    text = getdoc(options) or ""
    about, _, attributes = text.partition("Attributes:")
    attributes = attributes.partition("Raises:")[0]
    words = {
        name: " ".join(meaning.split()).replace("`None`", "null").replace("`", "").rstrip(".")
        for name, meaning in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    }
    keys = {
        each.name: Key(_written(each.default), words.get(each.name, "")) for each in fields(options)
    }
    return Option((" ".join(about.split()),), keys=keys)


def _written(default: Any) -> str:
    if default is MISSING:
        return ""
    return "null" if default is None else str(default).lower()
