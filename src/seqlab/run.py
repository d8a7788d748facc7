"""One run: configuration -> data -> model -> trainer -> result; here data and model meet."""

import logging
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer, seed_everything
from omegaconf import DictConfig, OmegaConf

from seqlab import provenance
from seqlab.callbacks.signals import Interrupted, StopOnSignal
from seqlab.config.build import build
from seqlab.config.check import resolved
from seqlab.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_USAGE,
    UserError,
    first_line,
    print_error,
)
from seqlab.messages import recording
from seqlab.models.forecaster import Forecaster
from seqlab.models.language_model import LanguageModel
from seqlab.models.training import SequenceModule
from seqlab.record import Record
from seqlab.run_folder import RunFolder
from seqlab.summary import summary

logger = logging.getLogger(__name__)

_DESCRIBING = ("seed", "data", "model", "optimizer", "scheduler", "trainer")

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
    return kind(
        network,
        build(config["optimizer"], "optimizer"),
        build(scheduler, "scheduler") if "_target_" in scheduler else None,
    )


def build_trainer(config: dict[str, Any], folder: RunFolder, stop: StopOnSignal) -> Trainer:
    """Return the Trainer, with callbacks and loggers for this folder.

    Raises:
        UserError: a device is asked for that is not there, or flags contradict each other.
    """
    flags = dict(config["trainer"])
    flags["accelerator"] = accelerator(flags["accelerator"])
    flags["devices"] = _one_device(flags["devices"], flags["num_nodes"])
    bar = flags.pop("enable_progress_bar")
    callbacks: list[Any] = [stop]
    for name, node in (config.get("callbacks") or {}).items():
        if name == "checkpoints" and not flags["enable_checkpointing"]:
            continue
        extra = {"bar": bar} if name == "progress" and bar is not None else {}
        callback = build(node, f"callbacks.{name}", **extra)
        if getattr(callback, "task", config["model"]["task"]) == config["model"]["task"]:
            callbacks.append(callback)
    loggers = [
        build(node, f"logger.{name}", save_dir=str(folder.path))
        for name, node in (config.get("logger") or {}).items()
    ]
    flags["enable_checkpointing"] &= "checkpoints" in (config.get("callbacks") or {})
    return build(
        flags,
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


def _one_device(devices: int | str | list[int], num_nodes: int) -> int | list[int]:
    wanted = 1 if devices == "auto" else devices
    count = len(wanted) if isinstance(wanted, list) else wanted
    if count != 1 or num_nodes != 1:
        raise UserError(
            f"trainer.devices={devices}, trainer.num_nodes={num_nodes}: a run takes one device",
            "Use trainer.devices=1; trainer.devices=[1] takes the second GPU.",
        )
    return wanted  # type: ignore[return-value]


def run(config: DictConfig, path: Path, overrides: list[str]) -> int:
    """Train what a checked configuration describes, into a claimed folder; return the exit code."""
    return _guarded(config, RunFolder(path), overrides, resumed=False)


def resume(config: DictConfig, path: Path, overrides: list[str]) -> int:
    """Go on with the run in a folder from its last checkpoint; return the exit code."""
    return _guarded(config, RunFolder(path), overrides, resumed=True)


def _guarded(config: DictConfig, folder: RunFolder, overrides: list[str], *, resumed: bool) -> int:
    with recording(folder.log) as warnings, StopOnSignal() as stop:
        try:
            plain = resolved(config)
            earlier = folder.read_result() if resumed else {}
            checkpoint = load_checkpoint(folder.checkpoint("last")) if resumed else None
            if checkpoint is not None and _complete(plain, earlier, checkpoint):
                print(
                    f"{folder.path} is complete after {earlier['epochs']} epochs. To go on: "
                    f"python -m train resume={folder.path} trainer.max_epochs=N"
                )
                return EXIT_DONE
            data = build_data(plain)
            experiment = Experiment(
                plain, data, build_module(plain, data), build_trainer(plain, folder, stop)
            )
        except Interrupted as interrupted:
            return interrupted.exit_code
        except ValueError as error:
            print_error(error)
            return EXIT_USAGE
        except Exception as error:  # of a data set or model of the person's own
            print_error(error)
            print("  SEQLAB_TRACEBACK=1 shows where.", file=sys.stderr)
            return EXIT_FAILED
        if overrides or not resumed:
            folder.write_text(folder.config, OmegaConf.to_yaml(config))
        record = Record(experiment, folder, overrides, warnings, earlier)
        return _train(experiment, config, folder, record, checkpoint)


def _complete(config: dict[str, Any], earlier: dict[str, Any], checkpoint: dict[str, Any]) -> bool:
    longer = config["trainer"]["max_epochs"] > checkpoint["epoch"] + 1
    return earlier["status"] == "completed" and not longer


def _train(
    experiment: Experiment,
    config: DictConfig,
    folder: RunFolder,
    record: Record,
    checkpoint: dict[str, Any] | None,
) -> int:
    trainer, data, module = experiment.trainer, experiment.data, experiment.module
    hyperparameters = _flat(experiment.config, OmegaConf.to_container(config, resolve=False))
    device = provenance.device_name(trainer.strategy.root_device)
    logger.info("%s on %s", _title(experiment), device)
    logger.info("%s", data.summary())
    try:
        record.write("running")
        for target in trainer.loggers:
            target.log_hyperparams(hyperparameters)
        if checkpoint is not None:
            _rewind(trainer, checkpoint)
        trainer.fit(
            module,
            datamodule=data,
            weights_only=True,
            ckpt_path=None if checkpoint is None else folder.last,
        )
        metrics = _metrics(trainer)
        if "test" in data.parts:
            trainer.test(module, datamodule=data, verbose=False)
            metrics |= _metrics(trainer)
        result = record.write("completed", metrics)
    except Interrupted as interrupted:
        record.write("interrupted", _metrics(trainer), interrupted)
        print(f"{interrupted}; go on with: python -m train resume={folder.path}")
        return interrupted.exit_code
    except Exception as error:
        with folder.log.open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        record.write("failed", _metrics(trainer), error)
        print_error(error)
        print(f"  {folder.log} has the details.", file=sys.stderr)
        return EXIT_FAILED
    print(summary(result, folder))
    return EXIT_DONE


def _rewind(trainer: Trainer, checkpoint: dict[str, Any]) -> None:
    """Let loggers drop what they wrote after the checkpoint that the run goes on from."""
    # A checkpoint from within an epoch is of an epoch that is not complete.
    epochs = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    logger.info("going on after epoch %d, step %d", epochs, checkpoint["global_step"])
    for target in trainer.loggers:
        if hasattr(target, "continue_from"):
            target.continue_from(epochs, checkpoint["global_step"])


def load_checkpoint(file: Path) -> dict[str, Any]:
    """Return a checkpoint's content: plain values and tensors on the CPU, nothing is executed.

    Raises:
        UserError: the file is damaged, or holds more than plain values.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or "state_dict" not in content:
            raise ValueError("it is not a checkpoint")
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(
            f"the checkpoint {file} cannot be loaded: {first_line(error)[:200]}",
            "It is damaged, or not a run's checkpoint; try the run's other one "
            "(best.ckpt, last.ckpt), or train again.",
        ) from error
    return content


def _metrics(trainer: Trainer) -> dict[str, float]:
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def _title(experiment: Experiment) -> str:
    count = sum(parameter.numel() for parameter in experiment.module.parameters())
    return f"{experiment.config['name']}: {count:,} parameters, seed {experiment.config['seed']}"


def _flat(config: dict[str, Any], raw: Any, prefix: str = "") -> dict[str, Any]:
    """Return what describes the experiment as `group.key: value`, for loggers.

    Args:
        config: the resolved configuration.
        raw: the same unresolved: values of environment variables are not shown.
        prefix: of the keys.
    """
    flat: dict[str, Any] = {}
    for key, value in config.items():
        written = raw[key]
        if not prefix and key not in _DESCRIBING:
            continue
        if isinstance(value, dict):
            flat |= _flat(value, written, f"{prefix}{key}.")
        elif not key.startswith("_") and key != "task" and value is not None:
            hidden = isinstance(written, str) and "oc.env" in written
            flat[f"{prefix}{key}"] = written if hidden else value
    return flat
