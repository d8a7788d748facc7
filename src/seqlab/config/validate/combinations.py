"""Values that are right one by one, and cannot be run together."""

import difflib
from collections.abc import Callable
from typing import Any

from seqlab.system.errors import UserError

_TASKS = {"forecasting": "forecasting a series", "language_model": "modelling a language"}
_METRICS = {
    "forecasting": ["train/loss", "val/loss", "val/rmse_multistep", "train/windows_per_second"],
    "language_model": [
        "train/loss",
        "val/loss",
        "train/perplexity",
        "val/perplexity",
        "val/bits_per_token",
        "train/tokens_per_second",
    ],
}
"""What is measured while training, by task; forecasts add `val/rmse@k`."""


def check_together(plain: dict[str, Any], where: Callable[[str], str]) -> None:
    """Raise `UserError` where values contradict each other.

    Args:
        plain: the resolved configuration, each value of it allowed.
        where: says where a key's value came from.
    """
    trainer = plain["trainer"]
    for unit in ("epochs", "steps"):
        least, most = trainer.get(f"min_{unit}"), trainer.get(f"max_{unit}")
        if least and most != -1 and least > (most or 0):
            raise UserError(
                f"trainer.min_{unit}={least} {where(f'trainer.min_{unit}')} is more than "
                f"trainer.max_{unit}={most}",
                f"Use trainer.max_{unit}={least} or more.",
            )
    for group in ("data", "model"):
        task = plain[group].get("task")
        if not isinstance(task, str) or task not in _TASKS:
            raise UserError(
                f"{group}.task={'null' if task is None else task} {where(f'{group}.task')}: "
                "there is no such task",
                f"Write it in the YAML file of {group}: task: {' or task: '.join(_TASKS)}.",
            )
    data, model = plain["data"]["task"], plain["model"]["task"]
    if data != model:
        advice = {
            "forecasting": "Choose a forecasting model: model=mlp.",
            "language_model": "Choose a language model: model=rnn, model=gru or model=lstm.",
        }
        raise UserError(
            f"the data are for {_TASKS[data]}, the model is for {_TASKS[model]} "
            f"(data {where('data')}, model {where('model')})",
            advice[data],
        )
    callbacks = plain.get("callbacks") or {}
    watching = {"": plain, "scheduler.": plain.get("scheduler") or {}}
    watching |= {f"callbacks.{name}.": node or {} for name, node in callbacks.items()}
    for path, node in watching.items():
        key, name = f"{path}monitor", node.get("monitor")
        if isinstance(name, str):
            _check_monitor(key, name, plain, f"{key}={name} {where(key)}")


def _check_monitor(key: str, name: str, plain: dict[str, Any], typed: str) -> None:
    callbacks = plain.get("callbacks") or {}
    horizons = (callbacks.get("forecasts") or {}).get("horizons") or []
    ahead = [f"val/rmse@{k}" for k in horizons]
    metrics = _METRICS | {"forecasting": [*_METRICS["forecasting"], *ahead]}
    task = plain["model"]["task"]
    known = metrics[task]
    own = any(not str(each.get("_target_")).startswith("seqlab.") for each in callbacks.values())
    if name not in known and not own:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        others = [other for kind, names in metrics.items() if kind != task for other in names]
        # A module of the person's own may measure more while training.
        if close or name in others or not name.startswith("train/"):
            meant = close or difflib.get_close_matches(name, known, n=1)
            raise UserError(
                f"{typed}: there is no such metric in {_TASKS[task]}",
                (f"Did you mean {meant[0]}? " if meant else "")
                + f"There are: {', '.join(sorted(known))}.",
            )
    if name.startswith("val/"):
        for path in ("data.num_val", "data.val_fraction", "trainer.limit_val_batches"):
            group, _, held_out = path.partition(".")
            if plain[group].get(held_out) == 0:
                raise UserError(
                    f"{typed}: never measured, since {path}=0 leaves nothing to validate on",
                    f"Use {key}=train/loss, or hold something out.",
                )
