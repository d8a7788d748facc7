"""One run: configuration -> data -> model -> Trainer -> result."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.utilities.model_summary.model_summary import ModelSummary
from omegaconf import DictConfig

from seqlab.callbacks.limits import MAX_STEPS, MAX_TIME
from seqlab.callbacks.stop_on_signal import Interrupted, StopOnSignal
from seqlab.config.compose.naming import text_of
from seqlab.config.environment import shown
from seqlab.config.validate.allowlist import allowed_names
from seqlab.config.validate.check import resolved
from seqlab.parallel.order import Order, Place
from seqlab.parallel.processes import Ranks
from seqlab.profiling.output import write_profile
from seqlab.runs.build import as_it_was
from seqlab.runs.ending import Ending, refused, resume_command
from seqlab.runs.experiment import Experiment, build_experiment, fit, test
from seqlab.runs.folder.lock import FolderGone, check_there, is_gone
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.result import ResultFile, circumstances
from seqlab.runs.resumption import check_same_data, check_same_experiment, identity, limits
from seqlab.runs.start import Start, find_start, take_up
from seqlab.runs.summary import summary
from seqlab.system.errors import EXIT_DONE
from seqlab.system.files import write_text
from seqlab.system.messages import recording
from seqlab.system.terminal import fitted, leave_echo, say
from seqlab.training.devices import devices_of

logger = logging.getLogger(__name__)

_RANK = "seqlab.runs.rank"
_DESCRIBING = ("seed", "data", "model", "optimizer", "scheduler", "trainer")


def run(
    config: DictConfig,
    path: Path,
    overrides: list[str],
    signalled: Callable[[], int | None] = lambda: None,
    callbacks: Sequence[Callback] = (),
    *,
    resumed: bool = False,
) -> int:
    """Train what a checked configuration describes, into a locked folder; return the exit code.

    Args:
        config: the configuration.
        path: the run folder; config.yaml is in it.
        overrides: as typed.
        signalled: returns a signal that came before the run could answer it.
        callbacks: further ones, beside those of the configuration.
        resumed: whether to go on with the run in the folder, from its last good checkpoint.
    """
    folder, stop = RunFolder(path), StopOnSignal(signalled)
    try:
        check_there(path)
        with recording(folder.log) as warnings, stop, Ranks(_RANK) as ranks:
            try:
                stop.check()
                plain, public = resolved(config), shown(config)
                start = find_start(folder, plain, limits(public)) if resumed else Start()
                if start.is_complete:
                    return _nothing_left(start, folder, plain["trainer"]["max_epochs"])
                if start.point is not None:
                    plain = as_it_was(plain, start.point.content)
                ranks.start(devices_of(plain).count)
                place = Place(0, ranks.world)
                experiment = build_experiment(plain, folder, stop, place, callbacks)
                experiment.identify(identity(public), limits(public))
                if start.point is not None:
                    check_same_experiment(identity(public), start.point)
                    check_same_data(experiment.data, start.point)
                fixed = circumstances(plain, overrides, experiment.device)
                result = ResultFile(folder, fixed, start, warnings)
                result.write("running", experiment.progress())
            except Exception as error:
                stop.check()
                return refused(error, folder)
            ending = Ending(experiment, folder, result, start.point)
            code = _trained(experiment, config, folder, start, ending, stop, ranks)
            _show_profile(experiment, folder)
            return code
    except FolderGone as error:
        return refused(error, folder)
    except (Interrupted, Exception) as error:
        interrupted = error if isinstance(error, Interrupted) else stop.interruption()
        if interrupted is None:
            raise
        if not folder.result.exists():
            leave_echo()
            say("stopped before anything began", error=True)
        return interrupted.exit_code


def _nothing_left(start: Start, folder: RunFolder, max_epochs: int) -> int:
    assert start.point is not None
    epochs, stopped = start.point.epochs, start.stopped or ""
    key = next((key for key in (MAX_STEPS, MAX_TIME) if stopped.startswith(key)), None)
    why = f": {stopped}" if stopped else ""
    more = key or f"trainer.max_epochs={2 * max(epochs, max_epochs)}"
    say(fitted(f"{folder.path} is complete after {epochs} epochs{why}. To train it further:"))
    say(f"  {resume_command(folder)} {more}{'=N' if key else ''}")
    return EXIT_DONE


def _trained(
    experiment: Experiment,
    config: DictConfig,
    folder: RunFolder,
    start: Start,
    ending: Ending,
    stop: StopOnSignal,
    ranks: Ranks,
) -> int:
    trainer, public = experiment.trainer, shown(config)
    ranks.when_stuck = ending.failed_elsewhere
    try:
        logger.info("%s on %s", experiment.title, experiment.device)
        logger.info("%s", experiment.data.summary())
        if experiment.config["trainer"]["enable_model_summary"]:
            logger.info("%s", ModelSummary(experiment.module, max_depth=-1))
        if start.resumed:
            write_text(folder.config, text_of(config))
        for target in trainer.loggers:
            target.log_hyperparams(_hyperparameters(public))
        checkpoint = take_up(start, trainer, folder, limits(public))
        if ranks.world > 1:
            order = Order(experiment.config, folder.path, checkpoint, trainer.fit_loop.max_epochs)
            order.allowed = allowed_names()
            ranks.join(order, trainer.strategy.root_device, experiment.data.digest())
        fit(experiment, checkpoint)
        metrics = ending.metrics()
        ending.tell_stop()
        if test(experiment):
            metrics |= experiment.metrics()
        ranks.finish()
        result = ending.completed(metrics)
    except Interrupted as interrupted:
        return ending.interrupted(interrupted)
    except Exception as error:
        if (replaced := stop.interruption()) is not None:
            return ending.interrupted(replaced)
        return ending.failed(ranks.cause(error))
    say(summary(result, folder, experiment.monitor))
    return EXIT_DONE


def _show_profile(experiment: Experiment, folder: RunFolder) -> None:
    """Write and print where the time went, if that was asked for, however the run ended."""
    if is_gone(folder.path):
        return
    try:
        table = write_profile(experiment.trainer, experiment.config, folder)
    except OSError as error:
        logger.warning("the profile could not be written: %s", error.strerror)
        return
    if table is not None:
        say(table)
    elif experiment.config["trainer"].get("profiler") is not None:
        for file in folder.lightning_profiles():
            say(f"where the time went: {file}")


def _hyperparameters(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return what describes the experiment as `group.key: value`, for loggers."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if (not prefix and key not in _DESCRIBING) or f"{prefix}{key}" == "data.task":
            continue
        if isinstance(value, dict):
            flat |= _hyperparameters(value, f"{prefix}{key}.")
        elif not key.startswith("_") and value is not None:
            flat[f"{prefix}{key}"] = value
    if not prefix and flat.get("data.seed") == flat.get("seed"):
        flat.pop("data.seed", None)  # one column says it
    return flat
