"""A schedule and its unit: what is stepped by optimizer step, by epoch, or by a metric."""

from collections.abc import Callable
from typing import Any

from seqlab.system.errors import UserError

SCHEDULE_KEYS = ("interval", "monitor", "on_extension")
"""Keys of a scheduler that say how it is used; its class never sees them."""

_BY_STEP = ("OneCycleLR", "CyclicLR", "WarmupCosine")
_BY_METRIC = "ReduceLROnPlateau"


def check_schedule(scheduler: dict[str, Any], where: Callable[[str], str]) -> None:
    """Raise `UserError` where a schedule would be stepped in a unit that is not its own.

    Without `scheduler.interval` a schedule is stepped once an epoch.

    Args:
        scheduler: its node, plain values; may be empty.
        where: says where a key's value came from.
    """
    kind = str(scheduler.get("_target_")).rpartition(".")[2]
    interval = scheduler.get("interval")
    if kind in _BY_STEP and interval != "step":
        named = kind if interval is None else "scheduler.interval=epoch"
        place = where("scheduler._target_" if interval is None else "scheduler.interval")
        raise UserError(
            f"{named} {place} would be stepped once an epoch: {kind} changes the learning rate at "
            "every optimizer step",
            "Use scheduler.interval=step; in an option file of your own, add the line "
            "interval: step.",
        )
    if kind == _BY_METRIC and interval == "step":
        raise UserError(
            f"scheduler.interval=step {where('scheduler.interval')}: {kind} is stepped whenever "
            "the metric that it watches is measured",
            "Leave scheduler.interval out; scheduler.monitor=NAME chooses the metric.",
        )
    known = str(scheduler.get("_target_")).startswith(("torch.", "seqlab."))
    if scheduler.get("monitor") is not None and known and kind != _BY_METRIC:
        raise UserError(
            f"scheduler.monitor={scheduler['monitor']} {where('scheduler.monitor')}: {kind} "
            "watches no metric",
            "Use scheduler=plateau, or leave scheduler.monitor out.",
        )
