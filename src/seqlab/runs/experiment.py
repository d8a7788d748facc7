"""What a configuration describes, built and ready to be trained; here data and model meet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer, seed_everything

from seqlab.callbacks.limits import MaxSteps
from seqlab.callbacks.signals import StopOnSignal
from seqlab.callbacks.streams import OwnStream
from seqlab.data.module import SequenceData
from seqlab.models.forecaster import Forecaster
from seqlab.models.language_model import LanguageModel
from seqlab.models.scans.compiled import kernels
from seqlab.models.sequence_module import SequenceModule
from seqlab.parallel.group import OneMachine
from seqlab.parallel.order import ALONE, Place
from seqlab.profiling import phases
from seqlab.profiling.profiled_loop import ProfiledLoop
from seqlab.profiling.profiler import PhaseProfiler
from seqlab.profiling.start_time import take_beginning
from seqlab.runs.build import build
from seqlab.runs.folder.checkpoint import VerifiedCheckpointIO
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.compiler import CompilerError
from seqlab.system.errors import UserError
from seqlab.system.memory import keep_freed_memory
from seqlab.training.devices import accelerator, devices_of
from seqlab.training.loop import TrainingLoop, use_training_loop

_MODULES: dict[str, type[SequenceModule]] = {
    "forecasting": Forecaster,
    "language_model": LanguageModel,
}


@dataclass
class Experiment:
    """What a configuration describes, built: ready to be trained."""

    config: dict[str, Any]
    data: Any
    module: SequenceModule
    trainer: Trainer


def build_experiment(
    config: dict[str, Any],
    folder: RunFolder,
    stop: StopOnSignal,
    place: Place = ALONE,
    callbacks: Sequence[Callback] = (),
) -> Experiment:
    """Return all that a configuration describes, ready to be trained.

    Args:
        config: the resolved configuration.
        folder: the run folder.
        stop: answers signals.
        place: of this process among those of the run.
        callbacks: further ones, beside those of the configuration.

    Raises:
        UserError: it describes what cannot be made, or not be trained here.
    """
    _check_backend(config)
    began = take_beginning()
    profiler = None
    if config["trainer"].get("profiler") == "phases":
        profiler = PhaseProfiler(began)
        data = profiler.clock.timed(phases.DATA, build_data)(config)
    else:
        data = build_data(config)
    if place.world > 1:
        _check_shareable(data)
    module = build_module(config, data)
    trainer = build_trainer(config, folder, stop, place, callbacks, profiler)
    return Experiment(config, data, module, trainer)


def build_data(config: dict[str, Any]) -> Any:
    """Return the data module, prepared, so that it can say what the network has to know."""
    data = build(config["data"], "data")
    data.prepare_data()
    data.setup()
    return data


def build_module(config: dict[str, Any], data: Any) -> SequenceModule:
    """Return the LightningModule; its initial weights follow from the configuration's seed."""
    seed_everything(config["seed"], workers=True, verbose=False)
    network = build(config["model"], "model", **data.describe())
    scheduler = config.get("scheduler") or {}
    kind = _MODULES[config["model"]["task"]]
    if str(config["trainer"]["precision"]).startswith("64"):
        network.double()  # before a checkpoint is loaded, which would be cut to 32 bits
    return kind(
        network,
        build(config["optimizer"], "optimizer"),
        build(scheduler, "scheduler") if "_target_" in scheduler else None,
        config.get("on_nonfinite", "stop"),  # runs from before it was a key have none
    )


def build_trainer(
    config: dict[str, Any],
    folder: RunFolder,
    stop: StopOnSignal,
    place: Place = ALONE,
    further: Sequence[Callback] = (),
    profiler: PhaseProfiler | None = None,
) -> Trainer:
    """Return the Trainer, with callbacks and loggers for this folder.

    Args:
        config: the resolved configuration.
        folder: the run folder.
        stop: answers signals.
        place: of this process among those of the run.
        further: callbacks beside those of the configuration.
        profiler: what `trainer.profiler=phases` stands for.

    Raises:
        UserError: a device is asked for that is not there, or flags contradict each other.
    """
    flags = dict(config["trainer"])
    devices = devices_of(config)
    flags["accelerator"], flags["devices"] = devices.accelerator, devices.chosen
    flags["strategy"] = devices.strategy
    bar = flags.pop("enable_progress_bar") if place.rank == 0 else False
    if profiler is not None:
        flags["profiler"] = profiler
    every = {name: flags.pop(f"checkpoint_{name}") for name in ("every_n_steps", "every_n_seconds")}
    callbacks: list[Any] = [stop] if place.world == 1 else [stop, OwnStream(config["seed"])]
    callbacks += further
    if (max_steps := flags.pop("max_steps")) != -1:
        callbacks.append(MaxSteps(max_steps))
    named: dict[str, Callback] = {}
    for name, node in (config.get("callbacks") or {}).items():
        if name == "checkpoints" and not flags["enable_checkpointing"]:
            continue
        extra = {"progress": {"bar": bar}, "checkpoints": every}.get(name, {})
        extra = {key: value for key, value in extra.items() if value is not None}
        callback = build(node, f"callbacks.{name}", **extra)
        if getattr(callback, "task", config["model"]["task"]) == config["model"]["task"]:
            callbacks.append(callback)
            named[f"callbacks.{name}"] = callback
    loggers = {
        f"logger.{name}": build(node, f"logger.{name}", save_dir=str(folder.path))
        for name, node in (config.get("logger") or {}).items()
    }
    flags["enable_checkpointing"] &= "checkpoints" in (config.get("callbacks") or {})
    plugins: list[Any] = [VerifiedCheckpointIO()]
    if place.world > 1:
        plugins.append(OneMachine(place))
    trainer = build(
        flags | {"plugins": plugins},
        "trainer",
        hint="Change the flag that it names.",
        callbacks=callbacks,
        logger=list(loggers.values()) or False,
        default_root_dir=str(folder.path),
        enable_progress_bar=False,
    )
    if place.world > 1:
        _leave_signals(trainer)
    else:
        use_training_loop(trainer, TrainingLoop if profiler is None else ProfiledLoop)
    if profiler is not None:
        profiler.watch(trainer, named, loggers)
    return trainer


def fit(experiment: Experiment, checkpoint: Path | None) -> None:
    """Train; with several devices, every process of the run calls this.

    Args:
        experiment: what is trained.
        checkpoint: where to go on; `None`: at the beginning.
    """
    keep_freed_memory()
    experiment.trainer.fit(
        experiment.module,
        datamodule=experiment.data,
        weights_only=True,
        ckpt_path=checkpoint,
    )


def test(experiment: Experiment) -> bool:
    """Score the test part, where there is one; return whether there is."""
    if "test" not in experiment.data.parts:
        return False
    experiment.trainer.test(
        experiment.module, datamodule=experiment.data, verbose=False, weights_only=True
    )
    return True


def _check_backend(config: dict[str, Any]) -> None:
    """Raise `UserError` where `model.backend=compiled` is asked for and cannot be had."""
    if config["model"].get("backend") != "compiled":
        return
    flags, remedy = config["trainer"], "Use model.backend=auto, the fastest that there is"
    if accelerator(flags["accelerator"]) == "gpu":
        raise UserError(
            "model.backend=compiled: it is for CPUs, and the run is on a GPU",
            f"{remedy}, or trainer.accelerator=cpu.",
        )
    if "16" in str(flags["precision"]):
        raise UserError(
            f"model.backend=compiled with trainer.precision={flags['precision']}: it computes "
            "with 32 or 64 bits",
            f"{remedy}, or trainer.precision=32-true.",
        )
    try:
        kernels()
    except CompilerError as error:
        raise UserError(f"model.backend=compiled: {error}", f"{remedy} without it.") from error


def _check_shareable(data: Any) -> None:
    """Raise `UserError` where the batches need not be the same in every process of a run."""
    if not isinstance(data, SequenceData):
        raise UserError(
            f"{type(data).__name__}: several devices take parts of the same batches, which only "
            "subclasses of seqlab.data.module.SequenceData are known to hand out",
            "Use trainer.devices=1, or subclass it.",
        )


def _leave_signals(trainer: Any) -> None:
    """Keep Lightning from answering SIGTERM, and from asking at every step whether one came.

    Its answer speaks to the other processes from within a signal handler, whatever they are at.
    """
    trainer._signal_connector.register_signal_handlers = lambda: None
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None
