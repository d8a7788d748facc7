"""The optimizer in its fastest form."""

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias

from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

OptimizerFactory: TypeAlias = Callable[[Iterable[nn.Parameter]], Optimizer]

_FORMS = {"fused", "foreach", "capturable", "differentiable"}


def make_optimizer(
    factory: OptimizerFactory, parameters: Iterable[nn.Parameter], *, fused: bool
) -> Optimizer:
    """Return the optimizer; where it can be, as one kernel over all parameters.

    For a small network the library's default form, a loop over the parameters, takes longer than
    the backward pass. The results are the same to rounding.

    Args:
        factory: makes the optimizer; a `functools.partial` of a class of `torch.optim`, or
            anything else, which is called as it is.
        parameters: what it moves.
        fused: whether one kernel may be used at all.
    """
    given = list(parameters)
    if fused and _can_be_fused(factory) and all(each.is_floating_point() for each in given):
        return factory(given, fused=True)  # type: ignore[call-arg]
    return factory(given)


def bare_step(optimizer: Optimizer) -> Callable[..., Any]:
    """Return an optimizer's step without torch's wrapper, where that has nothing to do.

    The wrapper calls hooks and marks the step for torch's profiler, which takes as long as the
    update of a small network.
    """
    step: Any = type(optimizer).step
    hooks = (
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
        _global_optimizer_pre_hooks,
        _global_optimizer_post_hooks,
    )
    wrapped = getattr(step, "hooked", False) and "step" not in vars(optimizer)
    return partial(step.__wrapped__, optimizer) if wrapped and not any(hooks) else optimizer.step


def _can_be_fused(factory: OptimizerFactory) -> bool:
    if not isinstance(factory, partial) or _FORMS & factory.keywords.keys():
        return False
    return "fused" in inspect.signature(factory.func).parameters
