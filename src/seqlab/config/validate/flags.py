"""Flags of the Trainer that would be accepted and do nothing, each refused with the reason."""

from collections.abc import Callable, Iterator
from typing import Any

from seqlab.system.errors import UserError

_Refusal = tuple[str, str, str]


def check_flags(
    plain: dict[str, Any], where: Callable[[str], str], typed: set[str] | None = None
) -> None:
    """Raise `UserError` where a flag that was set would have no effect.

    Args:
        plain: the resolved configuration, each value of it allowed.
        where: says where a key's value came from.
        typed: the keys to look at, `trainer.NAME`; `None`: all.
    """
    for name, reason, remedy in _without_effect(plain):
        key = f"trainer.{name}"
        if typed is None or key in typed:
            value = plain["trainer"][name]
            shown = str(value).lower() if isinstance(value, bool) else value
            raise UserError(f"{key}={shown} {where(key)} would do nothing: {reason}", remedy)


def _without_effect(plain: dict[str, Any]) -> Iterator[_Refusal]:
    flags, callbacks = plain["trainer"], plain.get("callbacks") or {}
    leave = "Leave it out."
    if flags.get("use_distributed_sampler"):
        yield "use_distributed_sampler", "each device takes its part of every batch", leave
    if flags.get("enable_autolog_hparams"):
        yield "enable_autolog_hparams", "seqlab's loggers write the configuration", leave
    if flags.get("limit_predict_batches") is not None:
        remedy = "Afterwards: python -m seqlab forecast RUN_FOLDER, or generate."
        yield "limit_predict_batches", "a run trains, validates and tests", remedy
    if flags.get("reload_dataloaders_every_n_epochs") and _is_seqlab(plain["data"]):
        reason = "seqlab's data are the same in every epoch"
        yield "reload_dataloaders_every_n_epochs", reason, leave
    if flags.get("gradient_clip_algorithm") == "value" and flags.get("gradient_clip_val") is None:
        reason = "without trainer.gradient_clip_val nothing is clipped"
        yield "gradient_clip_algorithm", reason, "Add trainer.gradient_clip_val=0.5, say."
    if flags.get("sync_batchnorm") and not str(flags["strategy"]).startswith("ddp"):
        yield "sync_batchnorm", "the run has one device", "Leave it out, or use trainer=ddp."
    yield from _saved_or_shown(flags, callbacks)
    yield from _overridden(flags)


def _saved_or_shown(flags: dict[str, Any], callbacks: dict[str, Any]) -> Iterator[_Refusal]:
    saves = flags["enable_checkpointing"] and "checkpoints" in callbacks
    for name in ("checkpoint_every_n_steps", "checkpoint_every_n_seconds"):
        if flags.get(name) is not None and not saves:
            remedy = "Use callbacks=default, with trainer.enable_checkpointing=true."
            yield name, "the run writes no checkpoints", remedy
    if flags.get("enable_progress_bar") and "progress" not in callbacks:
        yield "enable_progress_bar", "callbacks.progress draws the bar", "Use callbacks=default."


def _overridden(flags: dict[str, Any]) -> Iterator[_Refusal]:
    """Yield limits that another flag takes the place of."""
    if flags.get("overfit_batches"):
        for name in ("limit_train_batches", "limit_val_batches"):
            if flags.get(name) is not None:
                yield name, "trainer.overfit_batches takes its place", "Leave one of them out."


def _is_seqlab(data: dict[str, Any]) -> bool:
    return str(data.get("_target_")).startswith("seqlab.data.")
