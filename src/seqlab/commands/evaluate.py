"""`python -m seqlab evaluate RUN`: the scores of a trained model on each part of its data."""

import argparse

import torch
from lightning.pytorch import Trainer

from seqlab.config.data_path import check_data_path
from seqlab.parallel.group import OneMachine, load_only_what_is_named
from seqlab.prediction.forecasting import HORIZONS, errors_by_horizon
from seqlab.runs.trained import Trained, load_trained
from seqlab.system.columns import Column, number, table
from seqlab.system.files import json_text
from seqlab.system.messages import quiet_libraries
from seqlab.system.terminal import as_word, pour, say, styled, width


def evaluate(options: argparse.Namespace) -> int:
    """Print the metrics of every part, with the weights standing still."""
    trained = load_trained(
        options.run, options.checkpoint, options.device, data_path=options.data_path
    )
    check_data_path(
        trained.config["data"],
        f"If the file was moved: python -m seqlab evaluate {as_word(options.run)} --data-path FILE",
    )
    with quiet_libraries():
        scores = score(trained)
    if options.json:
        pour(json_text({"epoch": trained.epoch, "metrics": scores}, indent=2) + "\n")
        return 0
    say(styled(f"{trained.config['name']}, weights after epoch {trained.epoch}", "heading"))
    columns = Column("", [*scores]), Column("", [number(value) for value in scores.values()], True)
    say("\n".join(table(columns, width())[1:]))
    return 0


def score(trained: Trained) -> dict[str, float]:
    """Return the metrics of every part that exists: `train/...`, `val/...`, `test/...`.

    Every part is scored as held-out data are: no dropout, every token or window once. Perplexity
    on the training part is therefore not the epoch's, during which the weights moved.

    Raises:
        UserError: the data cannot be read, or are not those of the run.
    """
    data = trained.data
    data.prepare_data()
    data.setup()
    trainer = Trainer(
        accelerator="gpu" if trained.device.type == "cuda" else "cpu",
        devices=1,
        logger=False,
        precision=trained.config["trainer"]["precision"],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=trained.folder.path,
        plugins=[OneMachine()],
    )
    load_only_what_is_named(trainer)
    data.trainer = trainer
    scores: dict[str, float] = {}
    for part in data.parts:
        trainer.validate(trained.module, data.loader(part), verbose=False, weights_only=True)
        found = trainer.callback_metrics
        scores |= {f"{part}/{name.removeprefix('val/')}": float(found[name]) for name in found}
    if trained.config["data"]["task"] == "forecasting" and "val" in data.parts:
        scores |= _horizon_errors(trained)
    return scores


def _horizon_errors(trained: Trained) -> dict[str, float]:
    data = trained.data
    options = (trained.config.get("callbacks") or {}).get("forecasts", {})
    history, part = (data.parts[name].to(trained.device) for name in ("train", "val"))
    trained.module.to(trained.device)  # the Trainer has put it back on the CPU
    with torch.no_grad():
        errors = errors_by_horizon(
            trained.module.network, history, part, data.tau, options.get("horizons", HORIZONS)
        )
    return {f"val/{name}": float(value) for name, value in errors.items()}
