"""The training loop of a run that is profiled by phases: the same loop, with a clock in it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from lightning.pytorch import Trainer

from seqlab.profiling import phases
from seqlab.profiling.profiler import PhaseProfiler
from seqlab.training.loop import TrainingLoop


class ProfiledLoop(TrainingLoop):
    """Does what `TrainingLoop` does, and tells a `PhaseProfiler` what it is at."""

    profilers = (PhaseProfiler,)

    def __init__(self, trainer: Trainer, min_steps: int | None, max_steps: int) -> None:
        super().__init__(trainer, min_steps=min_steps, max_steps=max_steps)
        profiler = trainer.profiler  # type: ignore[attr-defined]
        assert isinstance(profiler, PhaseProfiler)
        self._clock = profiler.clock
        self._phase_of = profiler.phase_of
        profiler.time_methods(self, phases.OPTIMIZER, "_step")
        profiler.time_methods(self, phases.FORWARD, "_forward")
        profiler.time_methods(self, phases.BACKWARD, "_backward")
        profiler.time_methods(self, phases.GRADIENTS, "_clip")

    def _used_hooks(self) -> dict[str, list[Callable[..., Any]]]:
        return {
            name: [self._timed(hook, name) for hook in hooks]
            for name, hooks in super()._used_hooks().items()
        }

    def _timed(self, hook: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return the hook, its calls counted as Lightning's own of the same name would be."""
        if isinstance(hook, partial):
            owner = f"[Callback]{hook.func.__self__.state_key}"  # type: ignore[attr-defined]
        else:
            owner = "[LightningModule]module"
        phase = self._phase_of(f"{owner}.{name}")
        return hook if phase is None else self._clock.timed(phase, hook)
