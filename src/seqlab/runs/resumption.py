"""Where an interrupted run goes on: its last good checkpoint, and a folder that fits it."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.callbacks.limits import MAX_TIME
from seqlab.runs.folder.checkpoint import (
    DamagedCheckpoint,
    checksum_file,
    copy_checkpoint,
    read_checkpoint,
    renew_checksum,
)
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import UserError

logger = logging.getLogger(__name__)

# What decides whether the last bits of a result are the same.
_EXACT = ("torch", "numpy", "lightning")


@dataclass
class ResumePoint:
    """A checkpoint to go on from.

    Attributes:
        file: where it lies.
        content: what is in it.
    """

    file: Path
    content: dict[str, Any]

    @property
    def epochs(self) -> int:
        """Number of epochs that are complete; a checkpoint within an epoch does not count it."""
        progress = self.content["loops"]["fit_loop"]["epoch_progress"]
        return int(progress["current"]["processed"])

    @property
    def steps(self) -> int:
        """Number of optimizer steps."""
        return int(self.content["global_step"])

    @property
    def is_within_epoch(self) -> bool:
        """Whether batches of its epoch are still to come."""
        progress = self.content["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        return progress["current"]["completed"] > 0 and not progress["is_last_batch"]

    @property
    def metrics(self) -> dict[str, float]:
        """Latest value of each metric."""
        return dict(self.content["metrics"])

    def is_over(self, limits: dict[str, Any]) -> bool:
        """Return whether the training was stopped here for good, by limits that still hold."""
        before = self.content["limits"]
        if before is None:
            return False
        flags, reason = limits["trainer"], self.stopped or ""
        if flags["max_steps"] != -1 and self.steps >= flags["max_steps"]:
            return True
        if reason.startswith(MAX_TIME) and flags["max_time"] == before["trainer"]["max_time"]:
            return True
        # Earlier versions kept no max_epochs: a run of theirs is only extended by another limit.
        kept = {**limits, "trainer": {name: flags[name] for name in before["trainer"]}}
        return bool(before == kept)

    @property
    def stopped(self) -> str | None:
        """What stopped the training here before its last epoch, a clause, where it is known."""
        return self.content.get("stopped")

    @property
    def is_best(self) -> bool:
        """Whether best.ckpt is to be this very checkpoint."""
        return bool(self._saver.get("is_best"))

    @property
    def best_epoch(self) -> int:
        """The epoch that best.ckpt is of; 0 where there is none yet."""
        return int(self._saver.get("best_epoch", 0))

    @property
    def _saver(self) -> dict[str, Any]:
        return self.content["callbacks"].get("Checkpoints", {})


def find_resume_point(folder: RunFolder) -> ResumePoint | None:
    """Return the latest checkpoint that is whole; None where the run has none.

    last.ckpt is it unless it is damaged; then a warning says what is used in its place.
    """
    found = _read(folder.last)
    if found is None:
        others = [point for file in (folder.previous, folder.best) if (point := _read(file))]
        others = [point for point in others if point.content.get("resumable", True)]
        found = max(others, key=lambda point: point.steps, default=None)
        if found is not None:
            logger.warning("going on from %s, after step %d", found.file, found.steps)
    return found


def settle(folder: RunFolder, point: ResumePoint | None) -> None:
    """Leave the folder's checkpoints as they were when this one was made.

    What is damaged is kept as `NAME.damaged`.
    """
    if point is None:
        for file in (folder.last, folder.previous, folder.best):
            _set_aside(file)
        return
    for file in (folder.last, folder.previous, folder.best):
        renew_checksum(file)
        if file.is_file() and _is_damaged(file):
            _set_aside(file)
    if point.file != folder.last:
        _set_aside(folder.last)
        copy_checkpoint(point.file, folder.last)
    _mend_best(folder, point)


def check_same_experiment(configuration: dict[str, Any], point: ResumePoint) -> None:
    """Raise `UserError` where config.yaml is no longer that of the checkpoint.

    Args:
        configuration: what `identity` returns for config.yaml.
        point: where the run is to go on.
    """
    before = point.content["configuration"]
    changed = sorted(
        key
        for key in before.keys() | configuration.keys()
        if before.get(key) != configuration.get(key)
        # The whole run's length, of which earlier versions kept the number.
        and not (key == "scheduler.T_max" and configuration.get(key) is None)
    )
    if changed:
        key = changed[0]
        raise UserError(
            f"config.yaml does not fit the checkpoint {point.file.name}: {key} was "
            f"{before.get(key)} when it was made, and is {configuration.get(key)}",
            "Use a checkpoint of this very run; where config.yaml was edited, change it back, or "
            "start a new run with it.",
        )


def check_same_data(data: Any, point: ResumePoint) -> None:
    """Raise `UserError` where data that tell a text from another have read another one.

    Args:
        data: the prepared data module.
        point: where the run is to go on.
    """
    state = point.content.get(type(data).__qualname__)
    if isinstance(state, dict) and hasattr(data, "check_same"):
        data.check_same(state)


def check_devices(point: ResumePoint, world: int) -> None:
    """Raise `UserError` where a run cannot go on with another number of devices.

    Between two epochs it can: the batches are the same whatever their parts.

    Args:
        point: where the run is to go on.
        world: the number of devices now.
    """
    before = len(point.content.get("rank_carried", [None]))
    if before != world and point.is_within_epoch and point.content.get("state") is not None:
        raise UserError(
            f"trainer.devices: the checkpoint is of the middle of an epoch, and the recurrent "
            f"state in it is that of {before} device{'s' if before > 1 else ''}, not of {world}",
            f"Resume with {before}; at the end of an epoch the number may change.",
        )


def identity(config: dict[str, Any]) -> dict[str, Any]:
    """Return what cannot change in a run that has begun, as `group.key: value`.

    Args:
        config: the configuration as plain values; secrets may be references.
    """
    flat: dict[str, Any] = {"seed": config["seed"]}
    for group in ("data", "model", "optimizer", "scheduler"):
        for key, value in (config.get(group) or {}).items():
            flat[f"{group}.{key}"] = value
    for name in ("data.path", "scheduler.on_extension"):
        flat.pop(name, None)
    return flat


def limits(config: dict[str, Any]) -> dict[str, Any]:
    """Return what may end a training before its last epoch.

    Args:
        config: the configuration as plain values; secrets may be references.
    """
    names = ("max_epochs", "max_steps", "min_steps", "min_epochs", "max_time")
    trainer = {name: config["trainer"].get(name) for name in names}
    return {"trainer": trainer, "callbacks": config.get("callbacks")}


def restore_tables(loggers: list[Any], point: ResumePoint | None) -> None:
    """Let the loggers drop what they wrote after the checkpoint; all of it where there is none."""
    states = {} if point is None else point.content["loggers"]
    steps = 0 if point is None else point.steps
    for each in loggers:
        if hasattr(each, "continue_from"):
            each.continue_from(states.get(type(each).__name__, {}), steps)


def warn_of_another_machine(earlier: dict[str, Any], now: dict[str, Any]) -> None:
    """Warn where device or libraries are not those that the run began with.

    Args:
        earlier: result.json as it was; may be empty.
        now: the new one's fixed fields.
    """
    changes = []
    if earlier.get("device") not in (None, now["device"]):
        changes.append(f"{earlier['device']} before, {now['device']} now")
    versions = earlier.get("versions")
    if isinstance(versions, dict):
        for name in _EXACT:
            if versions.get(name) != now["versions"].get(name):
                then = versions.get(name)
                changes.append(f"{name} {then} before, {now['versions'].get(name)} now")
    if changes:
        logger.warning(
            "this run began elsewhere (%s): what follows may differ in the last digits from an "
            "undisturbed run",
            "; ".join(changes),
        )


def _read(file: Path) -> ResumePoint | None:
    if not file.is_file():
        return None
    try:
        content = read_checkpoint(file)
        point = ResumePoint(file, content)
        _ = (point.epochs, point.steps, point.metrics, point.is_best, point.best_epoch)
        _ = (dict(content["loggers"]), dict(content["configuration"]), content["limits"])
    except DamagedCheckpoint as error:
        logger.warning("%s", error)
    except (KeyError, TypeError, ValueError, AttributeError):
        logger.warning("the checkpoint %s lacks what a run needs to go on", file)
    else:
        return point
    return None


def _set_aside(file: Path) -> None:
    """Keep a damaged file under another name, so that nothing takes it for a whole one."""
    if file.exists():
        kept = file.with_name(f"{file.name}.damaged")
        number = 1
        while kept.exists():
            number += 1
            kept = file.with_name(f"{file.name}.{number}.damaged")
        file.replace(kept)
    checksum_file(file).unlink(missing_ok=True)


def _is_damaged(file: Path) -> bool:
    try:
        read_checkpoint(file)
    except DamagedCheckpoint:
        return True
    return False


def _mend_best(folder: RunFolder, point: ResumePoint) -> None:
    best = _read(folder.best)
    if point.is_best:
        if best is None or not best.is_best or best.steps != point.steps:
            copy_checkpoint(point.file, folder.best)
        return
    if best is not None or point.best_epoch == 0:
        return
    _set_aside(folder.best)
    again = _read(folder.previous)
    if again is not None and again.is_best and again.best_epoch == point.best_epoch:
        copy_checkpoint(folder.previous, folder.best)
        return
    logger.warning(
        "the best weights so far, of epoch %d, are lost with best.ckpt", point.best_epoch
    )
