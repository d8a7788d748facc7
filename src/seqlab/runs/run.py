"""One run: configuration -> data -> model -> trainer -> result, and what may end it early."""

import errno
import logging
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from omegaconf import DictConfig

from seqlab.callbacks.checkpoints import Checkpoints
from seqlab.callbacks.signals import Interrupted, StopOnSignal
from seqlab.config.compose.naming import text_of
from seqlab.config.environment import shown
from seqlab.config.validate.allowlist import allowed_names
from seqlab.config.validate.check import resolved
from seqlab.parallel.order import Order, Place
from seqlab.parallel.processes import RankError, Ranks
from seqlab.profiling.output import write_profile
from seqlab.runs.experiment import Experiment, build_experiment, fit, test
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.result import Record
from seqlab.runs.resumption import (
    ResumePoint,
    check_devices,
    check_same_experiment,
    find_resume_point,
    identity,
    limits,
    restore_tables,
    settle,
)
from seqlab.runs.summary import summary
from seqlab.system.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_USAGE,
    NonFiniteError,
    UserError,
    print_error,
)
from seqlab.system.files import write_text
from seqlab.system.masking import masked
from seqlab.system.messages import recording
from seqlab.training.devices import devices_of

logger = logging.getLogger(__name__)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DESCRIBING = ("seed", "data", "model", "optimizer", "scheduler", "trainer")

Signalled = Callable[[], int | None]


def run(
    config: DictConfig,
    path: Path,
    overrides: list[str],
    signalled: Signalled = lambda: None,
    callbacks: Sequence[Callback] = (),
) -> int:
    """Train what a checked configuration describes, into a claimed folder; return the exit code.

    Args:
        config: the configuration.
        path: the run folder; config.yaml is in it.
        overrides: what was typed.
        signalled: tells of a signal that came before the run could answer it.
        callbacks: further ones, beside those of the configuration.
    """
    return _guarded(config, RunFolder(path), overrides, signalled, callbacks, resumed=False)


def resume(
    config: DictConfig,
    path: Path,
    overrides: list[str],
    signalled: Signalled = lambda: None,
    callbacks: Sequence[Callback] = (),
) -> int:
    """Go on with the run in a folder from its last good checkpoint; return the exit code."""
    return _guarded(config, RunFolder(path), overrides, signalled, callbacks, resumed=True)


def _guarded(*arguments: Any, resumed: bool) -> int:
    try:
        return _listening(*arguments, resumed=resumed)
    except Interrupted as interrupted:
        if not arguments[1].result.exists():
            print("stopped before anything began", file=sys.stderr)
        return interrupted.exit_code


def _listening(
    config: DictConfig,
    folder: RunFolder,
    overrides: list[str],
    signalled: Signalled,
    callbacks: Sequence[Callback],
    *,
    resumed: bool,
) -> int:
    with recording(folder.log) as warnings, StopOnSignal(signalled) as stop, Ranks() as ranks:
        try:
            stop.check()
            plain = resolved(config)
            earlier = _earlier_result(folder) if resumed else {}
            point = find_resume_point(folder) if resumed else None
            if resumed and _nothing_left(config, plain, earlier, point) and point is not None:
                print(
                    f"{folder.path} is complete after {point.epochs} epochs. To go on: "
                    f"python -m train resume={_path(folder)} trainer.max_epochs=N"
                )
                return EXIT_DONE
            if point is not None and plain["trainer"]["max_epochs"] < point.epochs:
                raise UserError(
                    f"trainer.max_epochs={plain['trainer']['max_epochs']}: the run has done "
                    f"{point.epochs} epochs already",
                    f"Use trainer.max_epochs={point.epochs} or more.",
                )
            world = devices_of(plain).count
            if point is not None:
                check_devices(point, world)
            ranks.start(world)
            experiment = build_experiment(plain, folder, stop, Place(0, world), callbacks)
            configuration = identity(shown(config))
            if point is not None:
                check_same_experiment(configuration, point)
            for callback in experiment.trainer.checkpoint_callbacks:
                if isinstance(callback, Checkpoints):
                    callback.configuration = configuration
                    callback.limits = limits(shown(config))
            record = Record(experiment, folder, overrides, warnings, earlier, point)
            record.write("running")
        except OSError as error:
            stop.check()
            print_error(_explained(error, folder))
            return EXIT_FAILED
        except ValueError as error:
            stop.check()
            print_error(error)
            return EXIT_USAGE
        except Exception as error:  # of a data set or model of the person's own
            stop.check()
            print_error(error)
            print("  SEQLAB_TRACEBACK=1 shows where.", file=sys.stderr)
            return EXIT_FAILED
        code = _train(experiment, config, folder, record, point, stop, ranks, resumed=resumed)
        _show_profile(experiment, folder)
        return code


def _earlier_result(folder: RunFolder) -> dict[str, Any]:
    """Return result.json; a run whose one is lost or damaged can go on all the same."""
    try:
        return folder.read_result()
    except UserError as error:
        logger.warning("%s; the run goes on without it", error)
        return {}


def _nothing_left(
    config: DictConfig, plain: dict[str, Any], earlier: dict[str, Any], point: ResumePoint | None
) -> bool:
    if earlier.get("status") != "completed":
        return False
    if point is None:
        raise UserError(
            "the run is complete, and has no whole checkpoint to go on from",
            "Start a new run; what lies here stays as it is.",
        )
    return point.is_over(limits(shown(config))) or plain["trainer"]["max_epochs"] <= point.epochs


def _train(
    experiment: Experiment,
    config: DictConfig,
    folder: RunFolder,
    record: Record,
    point: ResumePoint | None,
    stop: StopOnSignal,
    ranks: Ranks,
    *,
    resumed: bool,
) -> int:
    trainer, data = experiment.trainer, experiment.data

    def end_at_once(error: Exception) -> None:
        _failed(error, trainer, folder, record, point)
        os._exit(EXIT_FAILED)

    ranks.when_stuck = end_at_once
    hyperparameters = _flat(shown(config))
    logger.info("%s on %s", _title(experiment), record.fixed["device"])
    logger.info("%s", data.summary())
    try:
        if resumed:
            write_text(folder.config, text_of(config))
        for target in trainer.loggers:
            target.log_hyperparams(hyperparameters)
        if resumed:
            _go_on(trainer, folder, point, limits(shown(config)))
        checkpoint = None if point is None else folder.last
        if ranks.world > 1:
            order = Order(experiment.config, folder.path, checkpoint, trainer.fit_loop.max_epochs)
            order.allowed = allowed_names()
            ranks.join(order, trainer.strategy.root_device, data.digest())
        fit(experiment, checkpoint)
        metrics = _metrics(trainer, point)
        if test(experiment):
            metrics |= _metrics(trainer, None)
        ranks.finish()
        result = record.write("completed", metrics)
    except Interrupted as interrupted:
        return _interrupted(interrupted, trainer, folder, record, point)
    except Exception as error:
        if (replaced := stop.interruption()) is not None:
            return _interrupted(replaced, trainer, folder, record, point)
        error = ranks.cause(error)
        if isinstance(error, RankError):
            error.hint = f"{error.hint} Go on with: python -m train resume={_path(folder)}".strip()
        if isinstance(error, NonFiniteError):
            error.hint = f"{error.hint} {_way_on(folder)}"
        return _failed(_explained(error, folder), trainer, folder, record, point)
    print(summary(result, folder))
    return EXIT_DONE


def _show_profile(experiment: Experiment, folder: RunFolder) -> None:
    """Write and print where the time went, where that was asked for, however the run ended."""
    try:
        table = write_profile(experiment.trainer, experiment.config, folder)
    except OSError as error:
        logger.warning("the profile could not be written: %s", error.strerror)
        return
    if table is not None:
        print(table)


def _interrupted(
    interrupted: Interrupted,
    trainer: Trainer,
    folder: RunFolder,
    record: Record,
    point: ResumePoint | None,
) -> int:
    interrupted.hint = f"Go on with: python -m train resume={_path(folder)}"
    logger.info("%s; it can be gone on with", interrupted)
    with suppress(OSError):
        record.write("interrupted", _metrics(trainer, point), interrupted)
    print(f"{interrupted}; go on with: python -m train resume={_path(folder)}")
    return interrupted.exit_code


def _failed(
    error: Exception,
    trainer: Trainer,
    folder: RunFolder,
    record: Record,
    point: ResumePoint | None,
) -> int:
    """Record and print what ended the run; on a full disk as much of it as there is room for."""
    with suppress(OSError), folder.log.open("a", encoding="utf-8") as file:
        file.write(masked("".join(traceback.format_exception(error))))
    with suppress(OSError):
        record.write("failed", _metrics(trainer, point), error)
    print_error(error)
    print(f"  {folder.log} has the details.", file=sys.stderr)
    return EXIT_FAILED


def _way_on(folder: RunFolder) -> str:
    if not folder.last.is_file():
        return "There is no checkpoint yet: start a new run."
    return (
        f"The last good checkpoint, its weights all finite, is {folder.last}. From there python -m "
        f"train resume={_path(folder)} goes on, with another trainer.gradient_clip_val, "
        "trainer.precision or on_nonfinite; another learning rate needs a new run."
    )


def _path(folder: RunFolder) -> str:
    return shlex.quote(str(folder.path))


def _explained(error: Exception, folder: RunFolder) -> Exception:
    """Return the error, or for a full disk one that says so."""
    if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
        return error
    told = UserError(
        f"the run could not be written any further: {error.strerror}",
        "What was written before is whole. Make room, then go on with: "
        f"python -m train resume={_path(folder)}",
    )
    told.__cause__ = error
    return told


def _go_on(
    trainer: Trainer, folder: RunFolder, point: ResumePoint | None, limits: dict[str, Any]
) -> None:
    settle(folder, point)
    if point is not None and point.is_over(limits):
        trainer.fit_loop.max_epochs = point.epochs  # only what follows the training is left
    restore_tables(trainer.loggers, point)
    if point is None and any(folder.last.parent.glob("*.ckpt*")):
        logger.warning("the run has no whole checkpoint: it begins again")
    elif point is None:
        logger.info("the run has no checkpoint yet: it begins again")
    else:
        logger.info("going on after epoch %d, step %d", point.epochs, point.steps)


def _metrics(trainer: Trainer, point: ResumePoint | None) -> dict[str, float]:
    """Return the latest value of each metric, also of those only known to the part before."""
    latest = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return latest if point is None else point.metrics | latest


def _title(experiment: Experiment) -> str:
    count = sum(parameter.numel() for parameter in experiment.module.parameters())
    return f"{experiment.config['name']}: {count:,} parameters, seed {experiment.config['seed']}"


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return what describes the experiment as `group.key: value`, for loggers."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if not prefix and key not in _DESCRIBING:
            continue
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif not key.startswith("_") and key != "task" and value is not None:
            flat[f"{prefix}{key}"] = value
    return flat
