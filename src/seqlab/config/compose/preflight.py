"""The last look before a run: can what was typed be run at all?"""

import codecs
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from seqlab.config.compose.command import Command, hydra_loader
from seqlab.config.compose.hydra_node import PREFLIGHT
from seqlab.config.compose.naming import experiment_name, typed
from seqlab.config.compose.overrides import check_overrides, forced, parsed, preflight_changed
from seqlab.config.data_path import check_data_path, fix_data_path
from seqlab.config.folders import ROOT
from seqlab.config.validate.check import Sources, check, unknown_key
from seqlab.config.validate.flags import check_flags
from seqlab.config.validate.schedule import check_schedule
from seqlab.config.validate.schema import all_choices, option_content, reference_config
from seqlab.system.errors import UserError

_ADDED = ("early_stopping", "weight_averaging")
"""Options of callbacks that go with others."""


def without_hydra(config: DictConfig) -> DictConfig:
    """Return a copy of the configuration without Hydra's own node."""
    task = config.copy()
    OmegaConf.set_readonly(task, False)
    with open_dict(task):
        task.pop("hydra", None)
    return task


def named(config: DictConfig, node: Any) -> DictConfig:
    """Return the configuration as its run keeps it: with a name, and a path that stays the same.

    Args:
        config: the configuration without Hydra's own node; it is changed.
        node: that node.
    """
    with open_dict(config):
        if not config.name:  # one that was given stays as it was written
            config.name = experiment_name(None, node.runtime.choices)
    fix_data_path(config)
    return config


def check_composed(config: DictConfig, node: Any, overrides: list[str] | None = None) -> None:
    """Raise `UserError` where what Hydra composed cannot be run.

    Args:
        config: the configuration without Hydra's own node.
        node: that node.
        overrides: as they were typed; `None`: as the node has them.
    """
    _check_node(node)
    words = typed(node.overrides.hydra) + typed(node.overrides.task)
    choices = all_choices(node.runtime.choices, words)
    _check_alone(choices)
    sources = Sources(overrides or typed(node.overrides.task), choices, option_content)
    plain = check(config, reference_config(choices, typed(node.overrides.hydra)), sources)
    check_flags(plain, sources.of)
    check_schedule(plain.get("scheduler") or {}, sources.of)
    check_data_path(plain["data"])


def check_ahead(command: Command) -> bool:
    """Raise `UserError` where a command cannot be run, before Hydra begins with it.

    Hydra would compose again to explain an unknown key. The jobs of a sweep are checked once it
    has made them up.

    Returns:
        whether it is one run, and no sweep.
    """
    overrides = parsed(command.overrides)
    _check_own_files(command)
    if command.sweeps or _names_a_sweep(overrides, command):
        check_overrides(overrides, sweep=True)
        return False
    check_overrides(overrides, sweep=False)
    with hydra_loader(command.config_dir) as loader:
        groups = loader.list_groups("")
        words = [forced(override, groups) for override in overrides]
        whole = loader.load_configuration(ROOT, words, RunMode.RUN)
        if whole.hydra.mode == RunMode.MULTIRUN:
            return False
        check_composed(without_hydra(whole), whole.hydra, command.overrides)
        return True


def _check_own_files(command: Command) -> None:
    """Raise `UserError` where an option of the person's own is in a file that Hydra misreads."""
    for word in command.overrides if command.config_dir else ():
        group, _, option = word.lstrip("+").partition("=")
        file = Path(f"{command.config_dir}/{group}/{option}.yaml")
        remedy = "Save it as UTF-8, without a byte order mark."
        with suppress(OSError):
            content = file.read_bytes()
            if content.startswith(codecs.BOM_UTF8):
                what = "begins with a byte order mark, which hides its first line"
                raise UserError(f"{file} {what}", remedy)
            try:
                content.decode()
            except UnicodeDecodeError as error:
                raise UserError(f"{file} is not UTF-8: {error.reason}", remedy) from None


def _names_a_sweep(overrides: list[Override], command: Command) -> bool:
    """Return whether the words choose a sweep's file, which then asks for several runs."""
    if not any(override.key_or_group == "sweep" for override in overrides):
        return False
    with hydra_loader(command.config_dir) as loader:
        whole = loader.load_configuration(ROOT, command.overrides, RunMode.MULTIRUN)
    return bool(whole.hydra.mode == RunMode.MULTIRUN)


def check_package(command: Command) -> None:
    """Raise `UserError` where the part of the configuration that is to be printed is not there."""
    assert command.package is not None
    with hydra_loader(command.config_dir) as loader:
        whole = loader.load_configuration(ROOT, command.overrides, RunMode.RUN)
    if OmegaConf.select(whole, command.package) is None:
        raise unknown_key(command.package, whole, "behind --package")


def _check_alone(choices: dict[str, Any]) -> None:
    if (option := choices.get("callbacks")) in _ADDED:
        raise UserError(
            f"callbacks={option} alone: checkpoints, progress and figures would be left out",
            f"Add it to them: callbacks=[default,{option}]. Without them: "
            f"callbacks=[none,{option}].",
        )


def _check_node(node: Any) -> None:
    guard = node.callbacks.get("preflight") or {}
    if guard.get("_target_") != PREFLIGHT:
        raise preflight_changed()
    if node.job.chdir:
        raise UserError(
            "hydra.job.chdir=true: a run stays in the working folder, where its paths lead from",
            "Leave it out; everything that a run writes goes to hydra.run.dir in any case.",
        )
