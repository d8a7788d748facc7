"""Learning-rate schedules: in which unit they are stepped, how long they are, how they go on."""

import inspect
import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

logger = logging.getLogger(__name__)

LENGTHS = ("total_steps", "T_max", "total_iters")
"""What classes call the number of steps that their schedule takes."""


@dataclass(frozen=True)
class SchedulePlan:
    """How a schedule is made once there is an optimizer.

    Args:
        factory: takes the optimizer; a `functools.partial` of a class whose length, one of
            `LENGTHS`, may be left open.
        interval: `epoch` or `step`: when it is stepped.
        monitor: the metric that a `ReduceLROnPlateau` watches; `None`: what the run minimises.
        on_extension: `stretch` or `hold`: what becomes of it when the run is given another length.
        length: of the run, in epochs or optimizer steps as `interval` says; `None`: unknown.
    """

    factory: Callable[..., LRScheduler]
    interval: str = "epoch"
    monitor: str | None = None
    on_extension: str = "stretch"
    length: int | None = None

    def make(self, optimizer: Optimizer) -> "Schedule":
        """Return the schedule of the optimizer.

        Raises:
            ValueError: the class refuses its arguments, or `monitor` has no meaning for it.
        """
        schedule = Schedule(self, optimizer)
        if self.monitor is not None and not schedule.watches:
            name = type(schedule.scheduler).__name__
            raise ValueError(f"scheduler.monitor={self.monitor}: {name} watches no metric")
        return schedule

    def lengths(self) -> dict[str, int]:
        """Return the arguments for which the configuration leaves the run's length to be taken.

        Raises:
            ValueError: there are some, and the length is unknown.
        """
        if not isinstance(self.factory, partial):
            return {}
        given = self.factory.keywords
        if "steps_per_epoch" in given:  # with `epochs` it says how long a OneCycleLR is
            return {}
        known = inspect.signature(self.factory.func).parameters
        open_ = (None, inspect.Parameter.empty)
        names = [
            name
            for name in LENGTHS
            if name in known and given.get(name, known[name].default) in open_
        ]
        if names and self.length is None:
            raise ValueError(
                f"scheduler.{names[0]} is not set, and nothing says how many batches an epoch has"
            )
        return dict.fromkeys(names, self.length or 0)


class Schedule:
    """A schedule of torch, or of its kind, as the Trainer steps and saves it.

    Its state is that of the schedule alone. Where the run has another length than when the state
    was saved, the schedule is stretched over the new length, as if that had been planned from the
    beginning, or stays at its end.
    """

    def __init__(self, plan: SchedulePlan, optimizer: Optimizer) -> None:
        self.plan = plan
        self.optimizer = optimizer
        self._lengths = plan.lengths()
        self.scheduler = plan.factory(optimizer, **self._lengths)
        self._first = [group["lr"] for group in optimizer.param_groups]
        # Beyond its end a OneCycleLR raises.
        self._end: int | None = getattr(self.scheduler, "total_steps", None)

    @property
    def watches(self) -> bool:
        """Whether it is stepped by a metric, whenever that is measured."""
        return isinstance(self.scheduler, ReduceLROnPlateau)

    @property
    def rate(self) -> float:
        """The learning rate of the next optimizer step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def step(self) -> None:
        """Go on by one epoch or optimizer step; one that watches a metric stays where it is."""
        if self.watches or (self._end is not None and self.scheduler.last_epoch >= self._end):
            return
        self.scheduler.step()

    def watch(self, value: float) -> None:
        """Take a new value of the metric."""
        assert isinstance(self.scheduler, ReduceLROnPlateau)
        before = self.rate
        self.scheduler.step(value)
        if self.rate != before:
            logger.info("the learning rate is reduced from %g to %g", before, self.rate)

    def state_dict(self) -> dict[str, Any]:
        """Return the schedule's state."""
        return dict(self.scheduler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state, the optimizer's own being loaded already."""
        before = {name: state[name] for name in self._lengths if name in state}
        changed = [length for name, length in before.items() if length != self._lengths[name]]
        if not changed:
            self.scheduler.load_state_dict(state)
            return
        (now,), unit = set(self._lengths.values()), f"{self.plan.interval}s"
        at = self.rate
        if self.plan.on_extension == "hold":
            self.scheduler.load_state_dict(state)
            self._end = changed[0]
            logger.info(
                "the schedule keeps its length of %d %s, and stays at its end after them",
                changed[0],
                unit,
            )
            return
        self._replay(state["last_epoch"])
        logger.info(
            "the schedule is stretched from %d to %d %s: the learning rate goes on at %.4g, "
            "not %.4g",
            changed[0],
            now,
            unit,
            self.rate,
            at,
        )

    def _replay(self, steps: int) -> None:
        """Take so many steps from the beginning."""
        for group, rate in zip(self.optimizer.param_groups, self._first, strict=True):
            group["lr"] = rate
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the optimizer has not moved in between
            for _ in range(steps):
                self.step()


class WarmupCosine(LRScheduler):
    """Rises linearly to the optimizer's learning rate, then falls along a half cosine.

    Step `k`, from 0, of a warm-up of `w` steps takes `(k + 1) / w` of the rate; from step `w` on
    it is the cosine of SGDR (Loshchilov and Hutter, 2017, equation 5), without restarts.

    Args:
        optimizer: whose learning rate is the highest.
        total_steps: length of the whole, the warm-up included.
        warmup_steps: length of the warm-up; 0: none.
        eta_min: the learning rate at the end.

    Raises:
        ValueError: the warm-up leaves no step to the rest.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int,
        warmup_steps: int = 0,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if warmup_steps >= total_steps:
            raise ValueError(
                f"scheduler.warmup_steps={warmup_steps}: the whole schedule has {total_steps} steps"
            )
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Return the learning rate of each group at step `last_epoch`."""
        step = self.last_epoch
        if step < self.warmup_steps:
            return [rate * (step + 1) / self.warmup_steps for rate in self.base_lrs]
        past = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        share = (1 + math.cos(math.pi * past)) / 2
        return [self.eta_min + (rate - self.eta_min) * share for rate in self.base_lrs]
