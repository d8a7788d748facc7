"""The last look before a run: checks its configuration, then has its folder claimed."""

import traceback
from pathlib import Path
from typing import Any, ClassVar

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from seqlab.config.check import Sources, check
from seqlab.config.claim import claim, note_missing
from seqlab.config.folders import experiment_name, text_of, typed
from seqlab.errors import EXIT_FAILED, EXIT_USAGE, UserError, first_line, print_error

# Composing takes about a tenth of a second a job; the rest are checked when their turn comes.
_CHECKED_AHEAD = 50


def reference_config(choices: Any) -> DictConfig:
    """Compose the chosen options without an experiment: every key that they declare."""
    overrides = [
        f"{group}={choice}"
        for group, choice in choices.items()
        if not str(group).startswith("hydra/") and group != "experiment" and choice is not None
    ]
    return compose(config_name="train", overrides=[*overrides, "experiment=none"])


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


def check_composed(config: DictConfig, node: Any) -> None:
    """Raise `UserError` where what Hydra composed cannot be run.

    Args:
        config: the configuration without Hydra's own node.
        node: that node.
    """
    choices = node.runtime.choices
    sources = Sources(typed(node.overrides.task), choices.get("experiment"))
    check(config, reference_config(choices), sources)


def _jobs(config: DictConfig) -> list[list[str]]:
    """Return the overrides of each job; none where another sweeper makes them up as it goes."""
    if not str(config.hydra.sweeper._target_).endswith(".BasicSweeper"):
        return []
    parsed = OverridesParser.create().parse_overrides(typed(config.hydra.overrides.task))
    batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    return [job for batch in batches for job in batch]


class Preflight(Callback):
    """Hydra's callback: refuses a run before anything of it is written.

    Attributes:
        sweeps: folders of the sweeps that this process has begun.
    """

    sweeps: ClassVar[set[Path]] = set()

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Note the sweep's folder, and check the jobs of a plain sweep before the first starts."""
        try:
            folder = Path(config.hydra.sweep.dir)
            if (folder / "multirun.yaml").exists():
                raise UserError(
                    f"the sweep folder {folder} exists already; nothing in it was touched",
                    "Choose another hydra.sweep.dir.",
                )
            self.sweeps.add(folder)
            note_missing(folder)
            for overrides in _jobs(config)[:_CHECKED_AHEAD]:
                job = compose(config_name="train", overrides=overrides, return_hydra_config=True)
                check_composed(without_hydra(job), job.hydra)
        except UserError as error:
            print_error(error)
            raise SystemExit(EXIT_USAGE) from None
        except (HydraException, OmegaConfBaseException, ValueError):
            return  # Hydra meets the same when it composes that job, and it is explained then

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check and claim; a refusal ends the process, since Hydra only warns of exceptions."""
        try:
            task = without_hydra(config)
            check_composed(task, config.hydra)
            note_missing(Path(config.hydra.run.dir))
            claim(Path(config.hydra.run.dir), text_of(named(task, config.hydra)))
        except UserError as error:
            print_error(error)
            raise SystemExit(EXIT_USAGE) from None
        except OmegaConfBaseException as error:
            print_error(UserError(f"hydra.run.dir: {first_line(error)}", "Give it a value."))
            raise SystemExit(EXIT_USAGE) from None
        except Exception:
            traceback.print_exc()
            raise SystemExit(EXIT_FAILED) from None
