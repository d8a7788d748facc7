"""A trained model, back from its run folder: configuration, vocabulary and weights."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seqlab.config.environment import shown
from seqlab.config.validate.check import resolved
from seqlab.models.sequence_module import SequenceModule
from seqlab.parallel.group import take
from seqlab.parallel.order import ALONE
from seqlab.runs.build import as_it_was, build
from seqlab.runs.experiment import build_module
from seqlab.runs.folder.checkpoint import DamagedCheckpoint, read_checkpoint
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.folder.saved_config import load_config
from seqlab.runs.resumption import ResumePoint, check_same_experiment, identity
from seqlab.system.errors import UserError, one_line
from seqlab.system.terminal import as_word
from seqlab.training.devices import accelerator, set_tf32

logger = logging.getLogger(__name__)


@dataclass
class Trained:
    """A model as a run left it.

    Attributes:
        folder: the run folder.
        config: its resolved configuration.
        data: the data module, not set up: no corpus was read yet.
        module: the LightningModule with the checkpoint's weights, in evaluation mode.
        epoch: how many epochs the checkpoint has seen.
        device: where the module is.
    """

    folder: RunFolder
    config: dict[str, Any]
    data: Any
    module: SequenceModule
    epoch: int
    device: torch.device


def load_trained(
    path: str | Path,
    checkpoint: str = "best",
    device: str = "cpu",
    *,
    task: str | None = None,
    data_path: str | None = None,
) -> Trained:
    """Return the model of a run.

    Args:
        path: the run folder.
        checkpoint: `best`, `last` or a file.
        device: `auto`, `cpu` or `gpu`.
        task: what the model has to be for; `None`: anything.
        data_path: the corpus, where it is no longer where the run found it.

    Raises:
        UserError: folder, configuration or checkpoint are missing, damaged or do not fit.
    """
    take(ALONE)
    folder = RunFolder(path)
    saved = load_config(folder.path)
    config = resolved(saved)
    if data_path is not None:
        if "path" not in config["data"]:
            raise UserError(
                "--data-path: the data of this run have no data.path",
                "Leave it out; it is for data=text and data=time_machine.",
            )
        config["data"]["path"] = data_path
    if task is not None and config["model"]["task"] != task:
        verb = {"forecasting": "forecast", "language_model": "generate"}[config["model"]["task"]]
        raise UserError(
            f"the run {folder.path} trained a model for another task",
            f"Try: python -m seqlab {verb} {as_word(folder.path)}",
        )
    where = torch.device("cuda" if accelerator(device, "--device ") == "gpu" else "cpu")
    file, content = _whole(folder, checkpoint)
    if isinstance(content.get("configuration"), dict):
        check_same_experiment(identity(shown(saved)), ResumePoint(file, content))
    config = as_it_was(config, content)
    data = build(config["data"], "data")
    try:
        state = content.get(type(data).__qualname__)
        if state is not None:
            data.load_state_dict(state)
        module = build_module(config, data)
        module.load_state_dict(content["state_dict"])
        epoch = int(content["epoch"]) + 1
    except UserError:
        raise
    except Exception as error:  # a checkpoint can hold anything
        raise UserError(
            f"the checkpoint {file} does not fit the run's configuration: {one_line(error)}",
            "Use a checkpoint of this very run.",
        ) from error
    set_tf32(config["trainer"].get("tf32", False))
    module.to(where).eval()
    return Trained(folder, config, data, module, epoch, where)


def _whole(folder: RunFolder, checkpoint: str) -> tuple[Path, dict[str, Any]]:
    """Return a checkpoint's file and content; for a damaged last one, those of the one before."""
    file = folder.checkpoint(checkpoint)
    try:
        return file, read_checkpoint(file)
    except DamagedCheckpoint as damage:
        if file != folder.last or not folder.previous.is_file():
            raise
        before = read_checkpoint(folder.previous)
        logger.warning("warning: %s; using %s instead", damage, folder.previous.name)
        return folder.previous, before
