"""What a configuration describes, built and ready to be trained; here data and model meet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything

from seqlab.callbacks.limits import MaxSteps
from seqlab.checkpoint import VerifiedCheckpointIO
from seqlab.config.build import build
from seqlab.errors import UserError
from seqlab.models.forecaster import Forecaster
from seqlab.models.language_model import LanguageModel
from seqlab.models.training import SequenceModule
from seqlab.run_folder import RunFolder

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


def build_trainer(config: dict[str, Any], folder: RunFolder, first: Sequence[Callback]) -> Trainer:
    """Return the Trainer, with callbacks and loggers for this folder.

    Args:
        config: the configuration.
        folder: the run folder.
        first: the callbacks that come before those of the configuration.

    Raises:
        UserError: a device is asked for that is not there, or flags contradict each other.
    """
    flags = dict(config["trainer"])
    flags["accelerator"] = accelerator(flags["accelerator"])
    flags["devices"] = _one_device(flags["devices"], flags["num_nodes"])
    bar = flags.pop("enable_progress_bar")
    every = {name: flags.pop(f"checkpoint_{name}") for name in ("every_n_steps", "every_n_seconds")}
    callbacks: list[Any] = [*first]
    if (max_steps := flags.pop("max_steps")) != -1:
        callbacks.append(MaxSteps(max_steps))
    for name, node in (config.get("callbacks") or {}).items():
        if name == "checkpoints" and not flags["enable_checkpointing"]:
            continue
        extra = {"progress": {"bar": bar}, "checkpoints": every}.get(name, {})
        extra = {key: value for key, value in extra.items() if value is not None}
        callback = build(node, f"callbacks.{name}", **extra)
        if getattr(callback, "task", config["model"]["task"]) == config["model"]["task"]:
            callbacks.append(callback)
    loggers = [
        build(node, f"logger.{name}", save_dir=str(folder.path))
        for name, node in (config.get("logger") or {}).items()
    ]
    flags["enable_checkpointing"] &= "checkpoints" in (config.get("callbacks") or {})
    return build(
        flags | {"plugins": _with_verified_files(flags["plugins"])},
        "trainer",
        hint="Change the flag that it names.",
        callbacks=callbacks,
        logger=loggers or False,
        default_root_dir=str(folder.path),
        enable_progress_bar=False,
    )


def accelerator(wanted: str, option: str = "trainer.accelerator=") -> str:
    """Return `cpu` or `gpu`: what was asked for, or with `auto` a CUDA GPU where there is one.

    Args:
        wanted: `auto`, `cpu` or `gpu`.
        option: what was typed before it, for the message.

    Raises:
        UserError: a GPU was asked for, and there is none.
    """
    if wanted == "auto":
        return "gpu" if torch.cuda.is_available() else "cpu"
    if wanted == "gpu" and not torch.cuda.is_available():
        raise UserError(
            f"{option}gpu: PyTorch sees no CUDA GPU on this machine",
            f"Use {option}auto, which takes a GPU where there is one, or {option}cpu.",
        )
    return wanted


def _with_verified_files(plugins: Any) -> list[Any]:
    listed = plugins if isinstance(plugins, list) else [] if plugins is None else [plugins]
    return [*listed, VerifiedCheckpointIO()]


def _one_device(devices: int | str | list[int], num_nodes: int) -> int | list[int]:
    wanted = 1 if devices == "auto" else devices
    count = len(wanted) if isinstance(wanted, list) else wanted
    if count != 1 or num_nodes != 1:
        raise UserError(
            f"trainer.devices={devices}, trainer.num_nodes={num_nodes}: a run takes one device",
            "Use trainer.devices=1; trainer.devices=[1] takes the second GPU.",
        )
    return wanted  # type: ignore[return-value]
