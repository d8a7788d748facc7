"""The optimizer takes its fastest form where that changes nothing but the time."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, RMSprop

from seqlab.models.optimizers import bare_step, make_optimizer


def network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def after_steps(optimizer: torch.optim.Optimizer, module: nn.Linear) -> torch.Tensor:
    for step in range(4):
        optimizer.zero_grad()
        module(torch.full((1, 3), step + 1.0)).square().sum().backward()
        optimizer.step()
    return torch.cat([each.detach().flatten() for each in module.parameters()])


@pytest.mark.parametrize(
    "factory",
    [
        partial(SGD, lr=0.1, momentum=0.5, weight_decay=0.1),
        partial(Adam, lr=0.1),
        partial(AdamW, lr=0.1, weight_decay=0.1),
    ],
    ids=lambda factory: factory.func.__name__,
)
def test_one_kernel_moves_the_weights_as_the_default_form_does(factory: Any) -> None:
    module, other = network(), network()
    fused = make_optimizer(factory, module.parameters(), fused=True)
    assert fused.param_groups[0]["fused"] is True
    plain = make_optimizer(factory, other.parameters(), fused=False)
    assert not plain.param_groups[0]["fused"]
    torch.testing.assert_close(after_steps(fused, module), after_steps(plain, other))


@pytest.mark.parametrize(
    ("factory", "fused"),
    [
        (partial(Adam, fused=False), False),
        (partial(Adam, foreach=True), None),
        (lambda parameters: Adam(parameters), None),
    ],
    ids=["refused", "of_another_form", "of_a_function"],
)
def test_what_was_chosen_stays(factory: Any, fused: bool | None) -> None:
    optimizer = make_optimizer(factory, network().parameters(), fused=True)
    assert optimizer.param_groups[0]["fused"] is fused


def test_optimizer_without_such_a_kernel_is_made_as_it_is() -> None:
    made = make_optimizer(partial(RMSprop, lr=0.1), network().parameters(), fused=True)
    assert isinstance(made, RMSprop)


def test_complex_weights_keep_the_default_form() -> None:
    weights = [nn.Parameter(torch.zeros(2, dtype=torch.complex64))]
    assert not make_optimizer(partial(Adam), weights, fused=True).param_groups[0]["fused"]


def test_bare_step_moves_the_weights_as_step_does() -> None:
    ends = []
    for bare in (False, True):
        weight = nn.Parameter(torch.tensor([1.0, -2.0]))
        optimizer = Adam([weight], lr=0.1)
        step = bare_step(optimizer) if bare else optimizer.step
        assert (step != optimizer.step) == bare
        for _ in range(3):
            weight.grad = None
            weight.square().sum().backward()
            step(lambda: None)
        ends.append(weight.detach())
    assert torch.equal(*ends)


def test_who_asked_to_be_told_of_a_step_is_told() -> None:
    weight = nn.Parameter(torch.ones(1))
    optimizer, told = SGD([weight], lr=0.1), []
    handle = optimizer.register_step_post_hook(lambda *_: told.append("hook"))
    bare_step(optimizer)(lambda: None)
    handle.remove()
    optimizer.step = lambda closure: told.append("own")  # type: ignore[method-assign]
    bare_step(optimizer)(lambda: None)
    assert told == ["hook", "own"]
