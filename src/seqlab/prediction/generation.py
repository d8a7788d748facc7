"""Text from a language model, token by token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Attributes:
        greedy: always the most likely token; the rest then plays no part.
        temperature: logits are divided by it; below 1 sharper, above 1 flatter, 0 greedy.
        top_k: choose among the k most likely tokens only.
        top_p: choose among the fewest tokens whose probabilities reach p together.
        never: a token that is not chosen, such as the unknown one, where there are others.
    """

    greedy: bool = True
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    never: int | None = None


@torch.no_grad()
def generate(
    network: nn.Module,
    prefix: Sequence[int],
    num_tokens: int,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[int]:
    """Yield `num_tokens` token indices that go on after the prefix, from a zero state.

    Args:
        network: `(tokens (B, T), state) -> (logits (B, T, V), state)`.
        prefix: token indices, at least one.
        num_tokens: how many to make.
        sampling: how to choose; greedy by default.
        generator: source of randomness, on the CPU.

    Raises:
        ValueError: the prefix is empty, or the network sees the future.
    """
    if not prefix:
        raise ValueError("the prefix is empty: a language model needs a token to go on from")
    if getattr(network, "sees_future", False):
        raise ValueError(
            "the network is bidirectional: it predicts a token from those after it, "
            "which do not exist yet while a text is being made"
        )
    device = next(network.parameters()).device
    tokens = torch.tensor([list(prefix)], device=device)  # (1, T)
    state = None
    for _ in range(num_tokens):
        logits, state = network(tokens, state)
        token = choose(logits[0, -1].float().cpu(), sampling or Sampling(), generator)
        yield token
        tokens = torch.tensor([[token]], device=device)


def choose(logits: Tensor, sampling: Sampling, generator: torch.Generator | None = None) -> int:
    """Return a token index chosen by its logits `(V,)`."""
    if sampling.never is not None and len(logits) > 1:
        logits = logits.index_fill(0, torch.tensor(sampling.never), -torch.inf)
    if sampling.greedy or sampling.temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial(probabilities(logits, sampling), 1, generator=generator))


def probabilities(logits: Tensor, sampling: Sampling) -> Tensor:
    """Return what each token is drawn with: `(V,)`, after temperature, top-k and top-p."""
    # Shifted and divided in float64: no temperature makes inf - inf of them.
    shifted = (logits.double() - logits.max()) / sampling.temperature
    chances = shifted.to(logits.dtype).softmax(0)
    if sampling.top_k is not None and sampling.top_k < len(chances):
        kept = chances.topk(sampling.top_k).indices
        chances = torch.zeros_like(chances).scatter(0, kept, chances[kept])
    if sampling.top_p is not None:
        ordered, indices = chances.sort(descending=True, stable=True)
        share = ordered / ordered.sum()
        # A token stays as long as those before it have not reached p: at least the first does.
        before = share.cumsum(0) - share
        kept = indices[(before < sampling.top_p) | (before == 0)]
        chances = torch.zeros_like(chances).scatter(0, kept, chances[kept])
    return chances / chances.sum()
