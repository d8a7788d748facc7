"""What a recurrence consists of; a file beside this one holds each, `cells` has them all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor, nn

States: TypeAlias = tuple[Tensor, ...]
"""Hidden state, `(B, H)`; for an LSTM also the cell state."""

Project: TypeAlias = Callable[..., Tensor]
"""Input weights `(G, inputs)` and biases `(G,)` to what they make of the inputs, `(T, B, G)`.

What else is given, `(F,)`, is appended at every place: `(T, B, G + F)`.
"""


class Steps(NamedTuple):
    """Two functions that run through time; both write their results into their arguments."""

    forward: Callable[..., None]
    backward: Callable[..., None]


@dataclass(frozen=True)
class Cell:
    """One recurrence.

    Args:
        name: what `model.cell` calls it.
        module: holds the weights, and computes the same in the stock way.
        steps: the time steps in torch operations.
        layer: one layer in one direction: the module, the layer's name in its weights, the
            projection of the inputs, the first states and the steps give every hidden state,
            `(T, B, H)`, and the last states.
        num_states: states that go from step to step.
        weight_places: where among their arguments the compiled steps, `NAME_forward` and
            `NAME_backward` of kernels/scans.cpp, have the recurrent weights; `None`: it has none.
        stock_is_fast: the stock module is ahead of torch operations on a CPU, with few tokens.
    """

    name: str
    module: Callable[..., nn.Module]
    steps: Steps
    layer: Callable[[Any, str, Project, States, Steps], tuple[Tensor, States]]
    num_states: int = 1
    weight_places: tuple[int, int] | None = None
    stock_is_fast: bool = False


def weights_of(recurrent: nn.RNNBase, name: str) -> list[Any]:
    """Return input weights, recurrent weights, and both biases, of a layer and direction."""
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [getattr(recurrent, f"{kind}_{name}") for kind in kinds]


def backwards(values: Tensor) -> list[Tensor]:
    """Return the steps of `(T, ...)`, the last first."""
    return list(reversed(values.unbind(0)))


def recurrent_gradient(inner: Tensor, hidden: Tensor, start: Tensor) -> Tensor:
    """Return the sum over steps of inner_t times h_{t-1}, `(G, H)`, as one product.

    Args:
        inner: `(T, B, G)`, gradients of what each step made of the state before it.
        hidden: `(T, B, H)`, every state.
        start: `(B, H)`, the state before the first.
    """
    of_first = inner[0].t() @ start
    return of_first.addmm_(inner[1:].flatten(0, 1).t(), hidden[:-1].flatten(0, 1))
