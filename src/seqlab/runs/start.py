"""Where a run starts: at its first epoch, or at the last good checkpoint of its earlier part."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.resumption import (
    ResumePoint,
    check_devices,
    find_resume_point,
    restore_tables,
    settle,
)
from seqlab.system.errors import UserError
from seqlab.training.devices import devices_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """Where a run starts; without arguments, a new run.

    Attributes:
        resumed: whether the run has begun before.
        point: the checkpoint that it is resumed from; `None`: it starts at the first epoch.
        earlier: result.json of the earlier part; empty where there is none, or it is damaged.
        is_complete: whether nothing is left to train.
        stopped: what ended the training at the checkpoint for good, a clause.
    """

    resumed: bool = False
    point: ResumePoint | None = None
    earlier: dict[str, Any] = field(default_factory=dict)
    is_complete: bool = False
    stopped: str | None = None

    @property
    def extends(self) -> bool:
        """Whether a run that was complete is trained further."""
        return self.earlier.get("status") == "completed" and not self.is_complete


def find_start(folder: RunFolder, config: dict[str, Any], limits: dict[str, Any]) -> Start:
    """Return where the run in a folder is resumed.

    Args:
        folder: the run folder.
        config: the resolved configuration, plain values.
        limits: what may end the training before its last epoch.

    Raises:
        UserError: it cannot be resumed with this configuration.
    """
    earlier, point = _earlier_result(folder), find_resume_point(folder)
    max_epochs = config["trainer"]["max_epochs"]
    if earlier.get("status") == "completed":
        if point is None:
            raise UserError(
                "the run is complete, and has no whole checkpoint to go on from",
                "Start a new run; what lies here stays as it is.",
            )
        if point.is_over(limits) or max_epochs <= point.epochs:
            return Start(True, point, earlier, is_complete=True, stopped=point.stopped)
    if point is not None:
        if max_epochs < point.epochs:
            raise UserError(
                f"trainer.max_epochs={max_epochs}: the run has done {point.epochs} epochs already",
                f"Use trainer.max_epochs={point.epochs} or more.",
            )
        check_devices(point, devices_of(config).count)
        if point.is_over(limits):
            return Start(True, point, earlier, stopped=point.stopped)
    return Start(True, point, earlier)


def take_up(
    start: Start, trainer: Trainer, folder: RunFolder, limits: dict[str, Any]
) -> Path | None:
    """Leave folder and tables as they were at the start; return the checkpoint to resume from."""
    if not start.resumed:
        return None
    point = start.point
    settle(folder, point)
    if point is not None and point.is_over(limits):
        trainer.fit_loop.max_epochs = point.epochs  # only what follows the training is left
    restore_tables(trainer.loggers, point)
    if point is not None:
        logger.info(
            "going on after epoch %d, step %d%s",
            point.epochs,
            point.steps,
            ": the run was complete, and is extended" if start.extends else "",
        )
        return folder.last
    if any(folder.last.parent.glob("*.ckpt*")):
        logger.warning("the run has no whole checkpoint: it begins again")
    else:
        logger.info("the run has no checkpoint yet: it begins again")
    return None


def _earlier_result(folder: RunFolder) -> dict[str, Any]:
    """Return result.json; a run whose one is lost or damaged can go on all the same."""
    try:
        return folder.read_result()
    except UserError as error:
        logger.warning("%s; the run goes on without it", error)
        return {}
