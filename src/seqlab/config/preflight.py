"""The last look before a run: checks its configuration, then claims its folder."""

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
from seqlab.config.folders import LOG, typed
from seqlab.errors import EXIT_FAILED, EXIT_USAGE, UserError, first_line, print_error

# Composing takes about a tenth of a second a job; the rest are checked when their turn comes.
_CHECKED_AHEAD = 50

# What this process made and claimed: the only things that it may take away again.
_made: dict[Path, list[Path]] = {}
_claimed: set[Path] = set()


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


def check_composed(config: DictConfig, node: Any) -> None:
    """Raise `UserError` where what Hydra composed cannot be run.

    Args:
        config: the configuration without Hydra's own node.
        node: that node.
    """
    choices = node.runtime.choices
    sources = Sources(typed(node.overrides.task), choices.get("experiment"))
    check(config, reference_config(choices), sources)


def claim(folder: Path) -> None:
    """Take an unused folder for a run by creating its log, which only one process can.

    Raises:
        UserError: something lies in the folder already, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FileExistsError
        (folder / LOG).touch(exist_ok=False)
        _claimed.add(folder.absolute())
    except FileExistsError:
        raise UserError(
            f"the run folder {folder} exists already; nothing in it was touched",
            f"Choose another hydra.run.dir, or go on with it: python -m train resume={folder}",
        ) from None
    except OSError as error:
        raise UserError(
            f"the run folder {folder} cannot be made: {error.strerror}",
            "Choose another with hydra.run.dir=FOLDER.",
        ) from error


def release(folder: Path) -> None:
    """Give a claimed folder back after a refusal; what was there before stays."""
    whole = folder.absolute()
    if whole in _claimed:
        _claimed.remove(whole)
        (folder / LOG).unlink(missing_ok=True)
    for made in _made.pop(whole, [folder]):
        try:
            made.rmdir()
        except OSError:
            return


def note_missing(folder: Path) -> None:
    """Remember which folders making this one will make, so that `release` removes no other."""
    whole = folder.absolute()
    _made[whole] = [each for each in (whole, *whole.parents) if not each.exists()]


def release_sweep(folder: Path) -> None:
    """Remove what Hydra wrote of a sweep whose every job was refused, in a folder it made."""
    if folder.absolute() in _made.get(folder.absolute(), []):
        (folder / "multirun.yaml").unlink(missing_ok=True)
        release(folder)


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
            check_composed(without_hydra(config), config.hydra)
            note_missing(Path(config.hydra.run.dir))
            claim(Path(config.hydra.run.dir))
        except UserError as error:
            print_error(error)
            raise SystemExit(EXIT_USAGE) from None
        except OmegaConfBaseException as error:
            print_error(UserError(f"hydra.run.dir: {first_line(error)}", "Give it a value."))
            raise SystemExit(EXIT_USAGE) from None
        except Exception:
            traceback.print_exc()
            raise SystemExit(EXIT_FAILED) from None
