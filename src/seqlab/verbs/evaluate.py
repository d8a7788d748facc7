"""`python -m seqlab evaluate RUN`: the scores of a trained model on each part of its data."""

import argparse
import json
import logging
from typing import Any

from lightning.pytorch import Trainer

from seqlab.callbacks.forecasts import Forecasts
from seqlab.trained import Trained, load_trained


def evaluate(options: argparse.Namespace) -> int:
    """Print the metrics of every part, with the weights standing still."""
    overrides = [f"data.path={options.data_path}"] if options.data_path else []
    trained = load_trained(options.run, options.checkpoint, options.device, overrides=overrides)
    scores = score(trained)
    if options.json:
        print(json.dumps({"epoch": trained.epoch, "metrics": scores}, indent=2))
        return 0
    print(f"{trained.config['name']}, weights after epoch {trained.epoch}")
    width = max(map(len, scores))
    for name, value in scores.items():
        print(f"  {name:<{width}}  {value:,.4f}")
    return 0


def score(trained: Trained) -> dict[str, float]:
    """Return `train/...`, `val/...` and `test/...` metrics, those of parts that exist."""
    for name in ("lightning.pytorch", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    data = trained.data
    data.prepare_data()
    data.setup()
    trainer = Trainer(
        accelerator="gpu" if trained.device.type == "cuda" else "cpu", devices=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=_callbacks(trained), default_root_dir=trained.folder.path,
    )
    scores: dict[str, float] = {}
    for part in data.parts:
        # Every part is scored as held-out data are: no dropout, every token once.
        data.trainer = trainer
        trainer.validate_loop.inference_mode = True
        found = trainer.validate(trained.module, data.loader(part), verbose=False)[0]
        scores |= {
            f"{part}/{name.removeprefix('val/')}": value for name, value in found.items()
        }
    return scores


def _callbacks(trained: Trained) -> list[Any]:
    return []


