"""The Trainer of a run: its devices, callbacks, loggers and loop."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.profilers import (
    AdvancedProfiler,
    Profiler,
    PyTorchProfiler,
    SimpleProfiler,
)

from seqlab.callbacks.limits import MaxSteps
from seqlab.callbacks.new_settings import NewSettings
from seqlab.callbacks.stop_on_signal import StopOnSignal
from seqlab.callbacks.streams import OwnStream
from seqlab.parallel.group import OneMachine, load_only_what_is_named
from seqlab.parallel.order import Place
from seqlab.profiling.profiled_loop import ProfiledLoop
from seqlab.profiling.profiler import PhaseProfiler
from seqlab.runs.build import build
from seqlab.runs.folder.checkpoint import VerifiedCheckpointIO
from seqlab.runs.folder.run_folder import PROFILE, RunFolder
from seqlab.training.devices import devices_of, set_tf32
from seqlab.training.loop import TrainingLoop, use_training_loop


def build_trainer(
    config: dict[str, Any],
    folder: RunFolder,
    stop: StopOnSignal,
    place: Place,
    further: Sequence[Callback],
    profiler: PhaseProfiler | None,
) -> Trainer:
    """Return the Trainer, with callbacks and loggers for this folder.

    Args:
        config: the resolved configuration.
        folder: the run folder.
        stop: answers signals.
        place: of this process among those of the run.
        further: callbacks beside those of the configuration.
        profiler: stands for `trainer.profiler=phases`.

    Raises:
        UserError: a device that is requested does not exist, or flags contradict each other.
    """
    flags, devices = dict(config["trainer"]), devices_of(config)
    several = place.world > 1
    callbacks: list[Any] = [stop, *([OwnStream(config["seed"])] if several else []), *further]
    if (max_steps := flags.pop("max_steps")) != -1:
        callbacks.append(MaxSteps(max_steps))
    cuda_graph = flags.pop("cuda_graph", "auto")
    set_tf32(flags.pop("tf32", False))
    named = _callbacks(config, flags, place)
    callbacks.append(NewSettings(named, config.get("callbacks") or {}))
    loggers = {
        f"logger.{name}": build(node, f"logger.{name}", save_dir=str(folder.path))
        for name, node in (config.get("logger") or {}).items()
    }
    flags |= {
        "accelerator": devices.accelerator,
        "devices": devices.chosen,
        "strategy": devices.strategy,
        "plugins": [VerifiedCheckpointIO(), OneMachine(place)],
        "enable_checkpointing": "callbacks.checkpoints" in named,
    }
    flags["profiler"] = profiler or _profiler(flags["profiler"], folder, place)
    trainer = build(
        flags,
        "trainer",
        hint="Change the flag that it names.",
        callbacks=[*callbacks, *named.values()],
        logger=list(loggers.values()) or False,
        default_root_dir=str(folder.path),
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    load_only_what_is_named(trainer)
    if several:
        _leave_signals(trainer)
    else:
        kind = TrainingLoop if profiler is None else ProfiledLoop
        use_training_loop(trainer, kind, cuda_graph)
    if profiler is not None:
        profiler.watch(trainer, named, loggers)
    return trainer


def _profiler(name: str | None, folder: RunFolder, place: Place) -> Profiler | None:
    """Return one of Lightning's profilers, which writes into the run folder; the first rank's."""
    if name is None or place.rank != 0:
        return None
    kinds = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}
    return kinds[name](dirpath=str(folder.path), filename=PROFILE)


def _callbacks(config: dict[str, Any], flags: dict[str, Any], place: Place) -> dict[str, Callback]:
    """Return the configuration's callbacks for its task, by place; take their flags away."""
    bar = flags.pop("enable_progress_bar") if place.rank == 0 else False
    every = {name: flags.pop(f"checkpoint_{name}") for name in ("every_n_steps", "every_n_seconds")}
    given = {"progress": {"bar": bar}, "checkpoints": every}
    task = config["model"]["task"]
    found: dict[str, Callback] = {}
    for name, node in (config.get("callbacks") or {}).items():
        if name == "checkpoints" and not flags["enable_checkpointing"]:
            continue
        extra = {key: value for key, value in given.get(name, {}).items() if value is not None}
        callback = build(node, f"callbacks.{name}", **extra)
        if getattr(callback, "task", task) == task:
            found[f"callbacks.{name}"] = callback
    return found


def _leave_signals(trainer: Any) -> None:
    """Keep Lightning from answering SIGTERM, and from asking at every step whether one came.

    Its answer speaks to the other processes from within a signal handler, whatever they are at.
    """
    trainer._signal_connector.register_signal_handlers = lambda: None
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None
