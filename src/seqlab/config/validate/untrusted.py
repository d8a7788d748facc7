"""A run folder may come from anyone: what is looked at before anything in it is used."""

import os
import stat
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import get_yaml_loader

from seqlab.system.errors import UserError

_MOST_BYTES = 1 << 18
_DEEPEST = 50
_MOST_BITS = 128
_NEEDED = (
    *("name", "seed", "monitor", "data.task", "model.task", "trainer.max_epochs"),
    *("trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.precision"),
    *("trainer.enable_checkpointing", "trainer.enable_progress_bar"),
)
_NAME_A_RUN = "Name the folder of a run."


def check_folder(folder: Path) -> None:
    """Raise `UserError` where a run folder holds anything but files and folders of its own.

    A link that leads out of it would let a run that goes on write anywhere.
    """
    whole = Path(os.path.realpath(folder))
    for parent, folders, files in os.walk(whole):
        for name in (*folders, *files):
            entry = Path(parent, name)
            kind = entry.lstat().st_mode
            if stat.S_ISLNK(kind) and not Path(os.path.realpath(entry)).is_relative_to(whole):
                raise UserError(
                    f"{folder / entry.relative_to(whole)} is a link that leads out of the run "
                    "folder: nothing in it was used",
                    "Put the file itself there if you trust it.",
                )
            if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)):
                raise UserError(
                    f"{folder / entry.relative_to(whole)} is neither a file nor a folder",
                    _NAME_A_RUN,
                )


def read_config(file: Path) -> DictConfig:
    """Return a run's configuration, unresolved.

    Raises:
        FileNotFoundError: it is not there.
        UserError: it is damaged, or made to exhaust whoever reads it.
    """
    raw = file.read_bytes() if file.stat().st_size <= _MOST_BYTES else None
    if raw is None:
        raise UserError(f"{file} is longer than any run's configuration", _NAME_A_RUN)
    try:
        text = raw.decode("utf-8")
        _check_shape(text)
        plain = yaml.load(text, Loader=get_yaml_loader())
        saved = OmegaConf.create(plain) if isinstance(plain, dict) else None
    except Exception as error:  # a damaged file can raise nearly anything
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{file} cannot be read: {reason}",
            "The file is damaged; the run has to be started again.",
        ) from error
    if saved is None:
        raise UserError(f"{file} is not a run's configuration", _NAME_A_RUN)
    _check_numbers(OmegaConf.to_container(saved, resolve=False), file)
    return saved


def check_complete(config: DictConfig, file: Path) -> None:
    """Raise `UserError` where a saved configuration lacks what every run's has."""
    for path in _NEEDED:
        group, _, key = path.rpartition(".")
        node: Any = config[group] if group else config
        if key not in node:
            raise UserError(f"{file} has no {path}", "The run has to be started again.")


def _check_shape(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"it has an alias, *{event.anchor}; no run writes any")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")


def _check_numbers(value: Any, file: Path) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _check_numbers(item, file)
    elif isinstance(value, list):
        for item in value:
            _check_numbers(item, file)
    elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise UserError(f"{file} has a number of {value.bit_length()} bits", _NAME_A_RUN)
