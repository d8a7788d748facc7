"""Training of a language model: cross-entropy, carried state, perplexity."""

import logging
from typing import Any

from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from seqlab.batch import IGNORED, TokenBatch, share
from seqlab.metrics import Perplexity, bits_per_token, token_nll
from seqlab.models.sequence_module import SequenceModule, moved

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
    counter_type = Perplexity

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.states: dict[str, Any] = {}

    def on_train_start(self) -> None:
        """Bring a carried state to the device; warn where perplexity will not be what it seems."""
        self.states = {stage: moved(state, self.device) for stage, state in self.states.items()}
        if getattr(self.network, "sees_future", False):
            logger.warning(SEES_FUTURE)

    @property
    def carried_state(self) -> Any:
        """The recurrent state after the last training batch."""
        return self.states.get("train")

    @carried_state.setter
    def carried_state(self, state: Any) -> None:
        self.states["train"] = state

    def carried(self) -> dict[str, Any]:
        """Return the recurrent state too."""
        return super().carried() | {
            "state": apply_to_collection(self.carried_state, Tensor, Tensor.clone)
        }

    def carry(self, values: dict[str, Any]) -> None:
        """Take it up again."""
        super().carry(values)
        self.states["train"] = values["state"]

    def step(self, batch: TokenBatch, stage: str) -> Tensor:
        """Return the mean negative log-likelihood of a token, in nats."""
        state = self.states.get(stage) if batch.continues else None
        part, rows = share(batch, *self.place)
        logits, state = self.network(part.inputs, state)
        self.states[stage] = detached(state)
        nll, tokens = token_nll(logits, part.targets)
        if rows == 0:
            nll, tokens = nll * 0, tokens * 0
        self.counter(stage).add(nll, tokens)
        if self.place.world == 1:
            return nll / tokens
        return self.weighted(nll, 1, (batch.targets != IGNORED).sum())

    def finish(self, stage: str) -> None:
        """Log loss (nats per token), perplexity, and bits per token of held-out text."""
        counter = self.counter(stage)
        mean = counter.whole_mean()
        self.judge(stage, mean)
        if mean.isfinite() and mean.exp().isinf():
            self.warn_once(
                f"{stage}/perplexity",
                f"{stage}/perplexity is infinite in epoch {self.current_epoch + 1}: the loss is "
                f"{mean.item():.3g} nats a token. The training has diverged: use a smaller "
                "optimizer.lr, or trainer.gradient_clip_val=1",
            )
        values = {f"{stage}/loss": mean, f"{stage}/perplexity": mean.exp()}
        if stage != "train":
            values[f"{stage}/bits_per_token"] = bits_per_token(mean)
        self.record(values)
        counter.reset()

    def progress(self) -> tuple[str, float]:
        """Return the perplexity of the epoch so far; of several devices, on this one's rows."""
        return "perplexity", self.counter("train").mean().exp().item()


def detached(state: Any) -> Any:
    """Return the state cut from its graph, whatever tensors and tuples it is made of."""
    return apply_to_collection(state, Tensor, Tensor.detach)
