"""Training of a language model: cross-entropy, carried state, perplexity."""

import logging
from collections.abc import Callable
from typing import Any, cast

from torch import Tensor, nn

from seqlab.batch import TokenBatch
from seqlab.metrics import Perplexity, bits_per_token, token_nll
from seqlab.models.training import OptimizerFactory, SchedulerFactory, SequenceModule

logger = logging.getLogger(__name__)

SEES_FUTURE = (
    "the network is bidirectional: it has seen the tokens that it predicts, so its perplexity is "
    "not a language model's"
)


class LanguageModel(SequenceModule):
    """Predicts each next token; the Trainer clips the gradients.

    The recurrent state is carried from a batch to the one that continues it, separately for each
    stage, and detached, so that gradients stop at the batch's first step.

    Args:
        network: `(tokens (B, T), state) -> (logits (B, T, V), state)`.
        optimizer, scheduler: see `SequenceModule`.
    """

    sample_unit = "tokens"

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None = None,
    ) -> None:
        super().__init__(network, optimizer, scheduler)
        self.perplexity = nn.ModuleDict(
            {f"{stage}_": Perplexity() for stage in ("train", "val", "test")}
        )
        self.states: dict[str, Any] = {}

    def on_fit_start(self) -> None:
        """Warn where the perplexity will not mean what it seems to."""
        if getattr(self.network, "sees_future", False):
            logger.warning(SEES_FUTURE)

    def step(self, batch: TokenBatch, stage: str) -> Tensor:
        """Return the mean negative log-likelihood of a token, in nats."""
        state = self.states.get(stage) if batch.continues else None
        logits, state = self.network(batch.inputs, state)
        self.states[stage] = detached(state)
        nll, tokens = token_nll(logits, batch.targets)
        self._counter(stage).add(nll, tokens)
        return nll / tokens

    def finish(self, stage: str) -> None:
        """Log loss (nats per token), perplexity, and bits per token of held-out text."""
        counter = self._counter(stage)
        mean = counter.mean_nll()
        values = {f"{stage}/loss": mean, f"{stage}/perplexity": mean.exp()}
        if stage != "train":
            values[f"{stage}/bits_per_token"] = bits_per_token(mean)
        self.log_dict({name: value.float() for name, value in values.items()})
        counter.reset()

    def progress(self) -> tuple[str, float]:
        """Return the perplexity of the epoch so far."""
        return "perplexity", self._counter("train").mean_nll().exp().item()

    def _counter(self, stage: str) -> Perplexity:
        return cast(Perplexity, self.perplexity[f"{stage}_"])  # "train" is a method of ModuleDict


def detached(state: Any) -> Any:
    """Return the state cut from its graph, whatever tensors and tuples it is made of."""
    if isinstance(state, tuple):
        return tuple(map(cast(Callable[[Any], Any], detached), state))
    return state.detach() if isinstance(state, Tensor) else state
