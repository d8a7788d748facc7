"""Training of a language model: cross-entropy, carried state, perplexity."""

import logging
from typing import Any, cast

import torch
from lightning_utilities.core.apply_func import apply_to_collection
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

    def on_train_start(self) -> None:
        """Bring a carried state to the device; warn where perplexity will not be what it seems."""
        self.states = {stage: moved(state, self.device) for stage, state in self.states.items()}
        if getattr(self.network, "sees_future", False):
            logger.warning(SEES_FUTURE)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a checkpoint in the middle of an epoch needs: carried state and sums so far."""
        counter = self._counter("train")
        checkpoint["language_model"] = {
            "state": self.states.get("train"),
            "nll": counter.nll,
            "tokens": counter.tokens,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them up again."""
        kept = checkpoint["language_model"]
        self.states["train"] = kept["state"]
        self._counter("train").add(kept["nll"], kept["tokens"])

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
    return apply_to_collection(state, Tensor, Tensor.detach)


def moved(state: Any, device: torch.device) -> Any:
    """Return the state on the device."""
    return apply_to_collection(state, Tensor, Tensor.to, device)
