"""What a configuration describes, built and ready to be trained; here data and model meet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer, seed_everything

from seqlab.callbacks.checkpoints import Checkpoints
from seqlab.callbacks.limits import why_stopped
from seqlab.callbacks.new_settings import NewSettings
from seqlab.callbacks.stop_on_signal import StopOnSignal
from seqlab.config.validate.schedule import SCHEDULE_KEYS
from seqlab.data.module import SequenceData
from seqlab.models.forecaster import Forecaster
from seqlab.models.language_model import LanguageModel
from seqlab.models.scans.cells import CELLS
from seqlab.models.scans.compiled import compiled_steps
from seqlab.models.schedules import SchedulePlan
from seqlab.models.sequence_module import SequenceModule, default_monitor
from seqlab.parallel.group import take
from seqlab.parallel.order import ALONE, Place
from seqlab.profiling import phases
from seqlab.profiling.profiler import PhaseProfiler
from seqlab.profiling.start_time import take_beginning
from seqlab.runs.build import build
from seqlab.runs.contract import check_data, check_network
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.length import check_batches, run_length
from seqlab.runs.provenance import device_names
from seqlab.runs.result import Progress
from seqlab.runs.trainer import build_trainer
from seqlab.system.compiler import CompilerError
from seqlab.system.errors import UserError, one_line
from seqlab.system.memory import keep_freed_memory
from seqlab.training.devices import accelerator

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

    @property
    def title(self) -> str:
        """Name, size and seed, for people."""
        count = sum(parameter.numel() for parameter in self.module.parameters())
        return f"{self.config['name']}: {count:,} parameters, seed {self.config['seed']}"

    @property
    def device(self) -> str:
        """Every device that it is trained on, in words."""
        return device_names(self.trainer.strategy)

    @property
    def monitor(self) -> str:
        """The metric whose lowest value best.ckpt belongs to."""
        found = (getattr(each, "monitor", None) for each in self.trainer.checkpoint_callbacks)
        return next((name for name in found if name), default_monitor(self.trainer))

    def identify(self, configuration: dict[str, Any], limits: dict[str, Any]) -> None:
        """Have checkpoints say which run they belong to, and what may end it early."""
        callbacks: list[Any] = self.trainer.callbacks  # type: ignore[attr-defined]
        for callback in callbacks:
            if isinstance(callback, Checkpoints):
                callback.configuration, callback.limits = configuration, limits
            elif isinstance(callback, NewSettings):
                callback.nodes = limits["callbacks"] or {}

    def metrics(self) -> dict[str, float]:
        """Return the latest value of each metric."""
        return {name: float(value) for name, value in self.trainer.callback_metrics.items()}

    def progress(self, *, failed: bool = False) -> Progress:
        """Return how far the training has come.

        Args:
            failed: whether an error ended it: an epoch at whose end something fails is not
                complete, one that is only stopped there is.
        """
        trainer = self.trainer
        progress: Any = trainer.fit_loop.epoch_progress.current
        best = (getattr(each, "best_epoch", 0) for each in trainer.checkpoint_callbacks)
        return Progress(
            epochs=trainer.current_epoch if failed else progress.processed,
            steps=trainer.global_step,
            parameters=sum(parameter.numel() for parameter in self.module.parameters()),
            sample_unit=self.module.sample_unit,
            sees_future=getattr(self.module.network, "sees_future", False),
            best_epoch=max(best, default=0),
            stopped=None if failed else why_stopped(trainer),
        )


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
    take(place)
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
    batch = check_data(config, data)
    check_batches(config, data)
    module = build_module(config, data)
    trainer = build_trainer(config, folder, stop, place, callbacks, profiler)
    network = module.network.to(trainer.strategy.root_device)
    check_network(config, network, batch, data.describe().get("vocabulary_size"))
    _plan_schedule(module, config, data)
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
    kind = _MODULES[config["model"]["task"]]
    if str(config["trainer"]["precision"]).startswith("64"):
        network.double()  # before a checkpoint is loaded, which would be cut to 32 bits
    return kind(
        network,
        build(config["optimizer"], "optimizer"),
        on_nonfinite=config.get("on_nonfinite", "stop"),  # runs from before it was a key have none
    )


def _plan_schedule(module: SequenceModule, config: dict[str, Any], data: Any) -> None:
    """Tell the module of the configuration's schedule, whose length is the run's unless it says.

    Raises:
        UserError: optimizer or schedule refuse their arguments, which the training would meet.
    """
    node = dict(config.get("scheduler") or {})
    try:
        if "_target_" in node:
            # They say how a schedule is used; a run from before they were keys has none of them.
            use = {key: node.pop(key) for key in SCHEDULE_KEYS if key in node}
            length = run_length(config, data, use.get("interval", "epoch"))
            module.schedule_plan = SchedulePlan(build(node, "scheduler"), **use, length=length)
        optimizer = module.optimizer_factory(list(module.parameters()))
        if module.schedule_plan is not None:
            module.schedule_plan.make(optimizer)
    except UserError:
        raise
    except Exception as error:  # a class can refuse its arguments with anything
        raise UserError(
            f"optimizer and scheduler cannot be made: {one_line(error)}",
            "Change the value that it names; SEQLAB_TRACEBACK=1 shows where.",
        ) from error


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
        compiled_steps(CELLS[config["model"].get("cell", "rnn")])
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
