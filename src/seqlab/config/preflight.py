"""The last look before a run: checks its configuration, then has its folder claimed."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from seqlab.config.check import Sources, check, unknown_key
from seqlab.config.claim import claim, note_missing
from seqlab.config.command import Command, hydra_loader
from seqlab.config.declared import option_content, reference_config
from seqlab.config.folders import ROOT, experiment_name, text_of, typed
from seqlab.config.overrides import check_overrides, forced, parsed, preflight_changed
from seqlab.errors import EXIT_FAILED, EXIT_USAGE, UserError, first_line, print_error
from seqlab.text_files import opened


def without_hydra(config: DictConfig) -> DictConfig:
    """Return a copy of the configuration without Hydra's own node."""
    task = config.copy()
    OmegaConf.set_readonly(task, False)
    with open_dict(task):
        task.pop("hydra", None)
    return task


def named(config: DictConfig, node: Any) -> DictConfig:
    """Return the configuration with the name that the run goes by.

    Args:
        config: the configuration without Hydra's own node; it is changed.
        node: that node.
    """
    with open_dict(config):
        if not config.name:  # one that was given stays as it was written
            overrides = typed(node.overrides.task)
            config.name = experiment_name(None, node.runtime.choices, overrides)
    return config


def check_composed(config: DictConfig, node: Any, overrides: list[str] | None = None) -> None:
    """Raise `UserError` where what Hydra composed cannot be run.

    Args:
        config: the configuration without Hydra's own node.
        node: that node.
        overrides: as they were typed; `None`: as the node has them.
    """
    _check_node(node)
    choices = node.runtime.choices
    sources = Sources(overrides or typed(node.overrides.task), choices, option_content)
    plain = check(config, reference_config(choices, typed(node.overrides.hydra)), sources)
    data = plain["data"]
    path = Path(data.get("path") or "")
    if data.get("path") and data["_target_"].startswith("seqlab.data.") and not path.is_fifo():
        with opened(path):
            pass


def check_ahead(command: Command) -> None:
    """Raise `UserError` where a command cannot be run, before Hydra begins with it.

    Hydra composes twice before it asks anyone, and a third time to explain an unknown key.
    The jobs of a sweep are checked once Hydra has made them up.
    """
    overrides = parsed(command.overrides)
    named_sweep = any(each.key_or_group == "sweep" for each in overrides)
    check_overrides(overrides, sweep=command.sweeps or named_sweep)
    if command.sweeps:
        return
    with hydra_loader(command.config_dir) as loader:
        groups = loader.list_groups("")
        words = [forced(override, groups) for override in overrides]
        whole = loader.load_configuration(ROOT, words, RunMode.RUN)
        if whole.hydra.mode != RunMode.MULTIRUN:
            check_composed(without_hydra(whole), whole.hydra, command.overrides)


def check_package(command: Command) -> None:
    """Raise `UserError` where the part of the configuration that is to be printed is not there."""
    assert command.package is not None
    with hydra_loader(command.config_dir) as loader:
        whole = loader.load_configuration(ROOT, command.overrides, RunMode.RUN)
    if OmegaConf.select(whole, command.package) is None:
        raise unknown_key(command.package, whole, "behind --package")


def _check_node(node: Any) -> None:
    guard = node.callbacks.get("preflight") or {}
    if guard.get("_target_") != f"{Preflight.__module__}.{Preflight.__name__}":
        raise preflight_changed()
    if node.job.chdir:
        raise UserError(
            "hydra.job.chdir=true: a run stays in the working folder, where its paths lead from",
            "Leave it out; everything that a run writes goes to hydra.run.dir in any case.",
        )


class Preflight(Callback):
    """Hydra's callback: refuses a run before anything of it is written."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim the folder; a refusal ends the process, since Hydra only warns of exceptions."""
        try:
            task = without_hydra(config)
            note_missing(Path(config.hydra.run.dir))
            claim(Path(config.hydra.run.dir), text_of(named(task, config.hydra)))
        except UserError as error:
            print_error(error)
            raise SystemExit(EXIT_USAGE) from None
        except OmegaConfBaseException as error:
            print_error(UserError(f"hydra.run.dir: {first_line(error)}", "Give it a value."))
            raise SystemExit(EXIT_USAGE) from None
        except Exception as error:
            print_error(error)
            raise SystemExit(EXIT_FAILED) from None
