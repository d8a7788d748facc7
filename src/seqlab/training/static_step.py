"""A training step as one function over buffers that stay where they are.

On a GPU the function is captured as a CUDA graph, and a step is then one launch instead of
hundreds. Nothing in it waits for the device, and nothing that lasts from one step to the next is
replaced: weights, optimizer state, counters and carried state are written in place.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from lightning.pytorch import Trainer
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from seqlab.models.nonfinite import READ_EVERY
from seqlab.models.optimizers import bare_step
from seqlab.system.errors import first_line

logger = logging.getLogger(__name__)

Capture: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]
"""Takes a function that has run a few times, and returns what repeats its work."""

_WARM_UPS = 2
_SETTINGS = ("lr", "weight_decay", "momentum", "betas", "eps")
# Two orders of adding up differ by less; a step that went wrong differs by more.
_TOLERANCE = 1e-3


def capture_for(device: torch.device) -> Capture | None:
    """Return how work on a device is captured; `None`: it cannot be."""
    return _as_cuda_graph if device.type == "cuda" else None


def why_not(module: Any, optimizer: Optimizer) -> str | None:
    """Return why a training step has to be taken operation by operation; `None`: it has not."""
    if module.skipping:
        return "on_nonfinite=skip looks at each step before the next"
    if torch.is_anomaly_enabled():
        return "trainer.detect_anomaly looks at each operation"
    if type(optimizer) not in (SGD, Adam, AdamW) or not optimizer.defaults.get("fused"):
        return f"{type(optimizer).__name__} has no form that can be captured"
    if any(group.get("dampening") for group in optimizer.param_groups):
        return "the first step of SGD with dampening is another than the rest"
    if module.schedule is not None and module.schedule.plan.interval == "step":
        return "the learning rate changes with each step"
    return None


class StaticSteps:
    """The steps of one training; those with batches of one shape are one function.

    Args:
        trainer: with module and optimizer attached.
        capture: how the function is captured.
    """

    def __init__(self, trainer: Trainer, capture: Capture) -> None:
        self._trainer = trainer
        self._module: Any = trainer.lightning_module
        self._optimizer: Any = trainer.optimizers[0]
        self._capture = capture
        self._update = bare_step(self._optimizer)
        device = self._module.device
        self._place = torch.zeros(1, dtype=torch.int64, device=device)
        self._clipping = trainer.gradient_clip_val, trainer.gradient_clip_algorithm
        numbers = 4 if self._clipping[0] is not None and self._clipping[1] == "value" else 2
        self._rows = self._place.new_zeros((READ_EVERY, numbers), dtype=torch.float64)
        self._captured: dict[Any, _Captured | None] = {}
        self._settings: Any = None
        self._states: dict[Any, Any] = {}
        self._taken = 0
        self._said = False

    def take(self, batch: Any) -> Tensor | None:
        """Train on a batch; return its loss, which the next step overwrites.

        Returns:
            `None` where the step has to be taken operation by operation: the first of a training,
            which makes the optimizer's state, and any whose capture failed.
        """
        if not self._taken:
            self._taken = 1
            return None
        settings = [[group.get(name) for name in _SETTINGS] for group in self._groups]
        if settings != self._settings:  # they are constants of what was captured
            self._settings = settings
            self._captured.clear()
        key = _shape(batch)
        if key not in self._captured:
            self._captured[key] = self._captured_for(batch)
        captured = self._captured[key]
        if captured is None:
            return None
        self._load(captured, batch)
        place = (self._taken - 1) % READ_EVERY
        captured.replay()
        self._taken += 1
        self._module.note_step(self._rows[place], batch)
        return captured.loss

    @property
    def _groups(self) -> list[dict[str, Any]]:
        return self._optimizer.param_groups

    @property
    def _parameters(self) -> list[Tensor]:
        return [each for group in self._groups for each in group["params"]]

    def _load(self, captured: "_Captured", batch: Any) -> None:
        _write(_tensors(captured.batch), _tensors(batch))
        carried = self._module.carried_state
        if captured.state is not None and batch.continues and carried is not captured.state:
            _write(_tensors(captured.state), _tensors(carried))
        self._module.carried_state = captured.state

    def _captured_for(self, batch: Any) -> "_Captured | None":
        """Capture the step for batches like this one, and see that it does what it should."""
        captured, module = _Captured(_cloned(batch)), self._module
        carried, counted = module.carried_state, dict(vars(module.counter("train")))
        cuda = [module.device] if module.device.type == "cuda" else []

        def step() -> None:
            self._run(captured)

        with torch.random.fork_rng(cuda), _capturable(self._optimizer):
            begin, lasting = _generators(cuda), list(self._lasting())
            before = _cloned(lasting)

            def again() -> None:
                _write(lasting, before)
                _generators(cuda, begin)
                module.carried_state = carried

            step()  # says what it carries on
            captured.state = self._buffers_like(module.carried_state)
            again()
            self._load(captured, batch)
            lasting += _tensors(captured.state)
            before = _cloned(lasting)
            step()
            expected = _cloned(lasting)
            again()
            try:
                captured.replay = self._capture(step)
                again()
                captured.replay()
                agrees = all(map(_close, lasting, expected))
                reason = "" if agrees else "what it computes is not what its operations compute"
            except RuntimeError as error:
                reason = first_line(error)
            again()
        vars(module.counter("train")).update(counted)
        if reason:
            logger.info("training steps are not captured: %s", reason)
            return None
        if not self._said:
            logger.info("training steps are captured: each is one launch on the device")
            self._said = True
        return captured

    def _buffers_like(self, state: Any) -> Any:
        """Return the buffers for a carried state of that shape, the same for each such state."""
        if state is None:
            return None
        key = tuple(each.shape for each in _tensors(state))
        return self._states.setdefault(key, _cloned(state))

    def _run(self, captured: "_Captured") -> None:
        module = self._module
        with torch.enable_grad():
            with self._trainer.precision_plugin.train_step_context():
                loss = module.step(captured.batch, "train")
            for parameter in self._parameters:
                parameter.grad = None
            loss.backward()
        values = [loss.detach(), *module.clipped(self._optimizer, *self._clipping)]
        self._update()
        if captured.state is not None:
            _write(_tensors(captured.state), _tensors(module.carried_state))
            module.carried_state = captured.state
        row = torch.stack([value.double() for value in values]).unsqueeze(0)
        self._rows.index_copy_(0, self._place, row)
        self._place.add_(1).remainder_(READ_EVERY)
        captured.loss = loss.detach()
        captured.gradients = [parameter.grad for parameter in self._parameters]

    def _lasting(self) -> Iterator[Tensor]:
        """Yield every tensor that a step leaves to the next, beside the carried state."""
        counter = self._module.counter("train")
        yield from self._module.parameters()
        yield from self._module.network.buffers()
        for state in self._optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, Tensor))
        yield from (counter.total, counter.count, self._rows, self._place)


class _Captured:
    """A captured step: its buffers, and what repeats it."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch
        self.state: Any = None
        self.loss = torch.empty(())
        self.gradients: list[Any] = []  # their memory is the graph's
        self.replay: Callable[[], None] = lambda: None


def _as_cuda_graph(step: Callable[[], None]) -> Callable[[], None]:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


@contextmanager
def _capturable(optimizer: Any) -> Iterator[None]:
    """Let an optimizer know that its state may be on the device only."""
    groups = [group for group in optimizer.param_groups if "capturable" in group]
    before = [group["capturable"] for group in groups]
    optimizer._warned_capturable_if_run_uncaptured = True
    for group in groups:
        group["capturable"] = group["params"][0].is_cuda
    try:
        yield
    finally:
        for group, value in zip(groups, before, strict=True):
            group["capturable"] = value


def _shape(batch: Any) -> tuple[Any, ...]:
    """Return what has to be the same in two batches for one function to serve them."""
    return tuple(
        (each.shape, each.dtype) if isinstance(each, Tensor) else each for each in tuple(batch)
    )


def _tensors(values: Any) -> list[Tensor]:
    found: list[Tensor] = []
    apply_to_collection(values, Tensor, found.append)
    return found


def _cloned(values: Any) -> Any:
    return apply_to_collection(values, Tensor, lambda each: each.detach().clone())


@torch.no_grad()
def _write(tensors: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), _TOLERANCE, _TOLERANCE, equal_nan=True)


def _generators(devices: list[torch.device], states: Any = None) -> Any:
    """Return the states of the random generators, or set them."""
    if states is None:
        return torch.get_rng_state(), [torch.cuda.get_rng_state(each) for each in devices]
    torch.set_rng_state(states[0])
    for device, state in zip(devices, states[1], strict=True):
        torch.cuda.set_rng_state(state, device)
    return states
