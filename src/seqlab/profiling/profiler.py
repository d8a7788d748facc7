"""`trainer.profiler=phases`: Lightning's hooks, sorted into phases that a person knows."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import Profiler

from seqlab.profiling import phases
from seqlab.profiling.clock import PhaseClock
from seqlab.profiling.table import as_text

_BY_HOOK = {
    "train_dataloader_next": phases.BATCHES,
    "training_step": phases.FORWARD,
    "backward": phases.BACKWARD,
    "optimizer_step": phases.OPTIMIZER,
    "on_before_optimizer_step": phases.GRADIENTS,
    "configure_gradient_clipping": phases.GRADIENTS,
    "on_train_epoch_end": phases.METRICS,
    "prepare_data": phases.DATA,
    "setup": phases.DATA,
}
"""Of strategy, module and data module; all else belongs to the phase that it is called in."""
_LOGGER_METHODS = (
    *("log_metrics", "log_epoch", "log_hyperparams", "complete_epoch", "add_png", "add_text"),
    *("state", "save", "finalize"),
)
_ACTION = re.compile(r"\[(?P<owner>\w+)\](?P<key>.*)\.(?P<hook>\w+)", re.DOTALL)


class PhaseProfiler(Profiler):
    """Gives every moment of a run, from the start of the program, to one phase.

    On a GPU the program only hands out work; each change of phase then waits until it is done, so
    that it is counted where it belongs.

    Args:
        since: when the run began; `None`: now.
        now: returns the time in seconds; `None`: the clock that `since` is of.
    """

    def __init__(self, since: float | None = None, now: Callable[[], float] | None = None) -> None:
        super().__init__()
        self.clock = PhaseClock(phases.START_UP, since, **({} if now is None else {"now": now}))
        self._callbacks: dict[str, tuple[str, Callback]] = {}
        self._phases: dict[str, str | None] = {}

    def start(self, action_name: str) -> None:
        """Enter the phase that one of Lightning's actions belongs to."""
        if (phase := self.phase_of(action_name)) is not None:
            self.clock.enter(phase)

    def stop(self, action_name: str) -> None:
        """Leave it."""
        if (phase := self.phase_of(action_name)) is not None:
            self.clock.leave(phase)

    def summary(self) -> str:
        """Return the table as it stands."""
        return as_text(self.clock.rows(), {})

    def describe(self) -> None:
        """Leave the table to the end of the run, which has more in it than the training."""

    def setup(self, stage: str, local_rank: int | None = None, log_dir: str | None = None) -> None:
        """Count what is in no other phase as the loop's own, from here on."""
        super().setup(stage, local_rank, log_dir)
        self.clock.rebase(phases.REST)

    def phase_of(self, action: str) -> str | None:
        """Return the phase of one of Lightning's actions; `None`: the one it happens in."""
        if action not in self._phases:
            self._phases[action] = self._find(action)
        return self._phases[action]

    def watch(
        self, trainer: Trainer, callbacks: Mapping[str, Callback], loggers: Mapping[str, Logger]
    ) -> None:
        """Time what Lightning tells no profiler of: whole validations, tests, loggers.

        Args:
            trainer: the run's.
            callbacks: those of the configuration, by the name to show.
            loggers: all of them, by the name to show.
        """
        self._callbacks = {each.state_key: (name, each) for name, each in callbacks.items()}
        for loop, phase in (
            (trainer.fit_loop.epoch_loop.val_loop, phases.VALIDATION),
            (trainer.test_loop, phases.TEST),
        ):
            self.time_methods(loop, phase, "run")
        for name, logger in loggers.items():
            self.time_methods(logger, name, *_LOGGER_METHODS)
        if trainer.strategy.root_device.type == "cuda":
            self.clock.wait = _wait_for_kernels

    def time_methods(self, instance: Any, phase: str, *names: str) -> None:
        """Let the named methods of an object, where it has them, be of a phase."""
        for name in names:
            if hasattr(instance, name):
                setattr(instance, name, self.clock.timed(phase, getattr(instance, name)))

    def _find(self, action: str) -> str | None:
        parts = _ACTION.fullmatch(action)
        if parts is None:
            return None
        if parts["owner"] == "Callback":
            phase, callback = self._callbacks.get(parts["key"], (phases.OTHER_CALLBACKS, None))
            hook = parts["hook"]
            # Lightning calls every hook, most of which do nothing.
            idle = getattr(type(callback), hook, None) is getattr(Callback, hook, hook)
            return None if idle else phase
        if parts["owner"] != "LightningDataModule" and _BY_HOOK.get(parts["hook"]) == phases.DATA:
            return None
        return _BY_HOOK.get(parts["hook"])


def _wait_for_kernels() -> None:
    if not torch.cuda.is_current_stream_capturing():
        torch.cuda.synchronize()
