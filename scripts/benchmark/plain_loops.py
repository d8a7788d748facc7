"""What seqlab is compared with: the chapter's loops in plain PyTorch, and a Lightning template.

Nothing here imports seqlab. Networks, batches, optimizers and clipping are the chapter's (Dive into
Deep Learning, 9.1 and 9.5); as in the chapter, the loops accumulate the loss of every batch.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@dataclass(frozen=True)
class Text:
    """A text as token indices, with the chapter's settings."""

    tokens: Tensor
    vocabulary_size: int
    cell: str = "rnn"
    hidden_size: int = 256
    batch_size: int = 32
    num_steps: int = 35
    lr: float = 1.0
    clip: float = 1.0

    @property
    def tokens_per_epoch(self) -> int:
        """Number of tokens that an epoch trains on, the same in every epoch."""
        columns = (len(self.tokens) - self.num_steps) // self.batch_size
        return columns // self.num_steps * self.num_steps * self.batch_size

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the `(B, T)` inputs and targets of an epoch (section 9.3, sequential)."""
        offset = int(torch.randint(self.num_steps, ()))
        columns = (len(self.tokens) - offset - 1) // self.batch_size
        used = columns * self.batch_size
        inputs = self.tokens[offset : offset + used].reshape(self.batch_size, -1)
        targets = self.tokens[offset + 1 : offset + 1 + used].reshape(self.batch_size, -1)
        num_batches = self.tokens_per_epoch // (self.batch_size * self.num_steps)
        for start in range(0, num_batches * self.num_steps, self.num_steps):
            part = slice(start, start + self.num_steps)
            yield inputs[:, part], targets[:, part]


class PlainRNN(nn.Module):
    """One-hot inputs, a recurrent layer of PyTorch's, a linear output layer."""

    def __init__(self, text: Text) -> None:
        super().__init__()
        self.size = text.vocabulary_size
        self.recurrent = CELLS[text.cell](self.size, text.hidden_size)
        self.head = nn.Linear(text.hidden_size, self.size)

    def forward(self, inputs: Tensor, state: object) -> tuple[Tensor, object]:
        """Return `(T * B, V)` logits and the new state."""
        hidden, state = self.recurrent(F.one_hot(inputs.T, self.size).float(), state)
        return self.head(hidden.reshape(-1, hidden.shape[-1])), state


def detached(state: object) -> object:
    """Return the state detached from the graph."""
    if isinstance(state, tuple):
        return tuple(each.detach() for each in state)
    return state.detach() if isinstance(state, Tensor) else state


class TextLoop:
    """The chapter's `train_ch8`, epoch by epoch."""

    def __init__(self, text: Text, device: str = "cpu") -> None:
        self.text, self.device = text, device
        self.network = PlainRNN(text).to(device)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=text.lr)

    def epoch(self) -> float:
        """Train one epoch; return its perplexity."""
        state: object = None
        total, count = 0.0, 0
        for inputs, targets in self.text.batches():
            inputs, targets = inputs.to(self.device), targets.to(self.device)
            logits, state = self.network(inputs, detached(state))
            loss = F.cross_entropy(logits, targets.T.reshape(-1))
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), self.text.clip)
            self.optimizer.step()
            total += loss.item() * targets.numel()
            count += targets.numel()
        return math.exp(total / count)


class SineLoop:
    """The chapter's training of the 4-10-1 MLP, epoch by epoch.

    Args:
        features: `(N, 4)`.
        labels: `(N, 1)`.
        device: where the network is; each batch is moved there.
        with_loader: whether batches come from a `DataLoader`, as in the chapter, or are slices of
            a permutation, the least that a loop can do.
    """

    def __init__(
        self, features: Tensor, labels: Tensor, device: str = "cpu", *, with_loader: bool
    ) -> None:
        self.features, self.labels, self.device = features, labels, device
        self.network = sine_network().to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.01)
        self.loader = (
            DataLoader(TensorDataset(features, labels), batch_size=16, shuffle=True)
            if with_loader
            else None
        )

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of an epoch."""
        if self.loader is not None:
            yield from self.loader
            return
        for part in torch.randperm(len(self.features)).split(16):
            yield self.features[part], self.labels[part]

    def epoch(self) -> float:
        """Train one epoch; return the mean of its batches' losses."""
        total, count = 0.0, 0
        for features, labels in self.batches():
            features, labels = features.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = F.mse_loss(self.network(features), labels)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(labels)
            count += len(labels)
        return total / count


def sine_network() -> nn.Sequential:
    """Return the chapter's MLP."""
    return nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 1))


class TemplateText(LightningModule):
    """The same language model as a template LightningModule, with `self.log` at every step."""

    def __init__(self, text: Text) -> None:
        super().__init__()
        self.text, self.network = text, PlainRNN(text)
        self.state: object = None

    def on_train_epoch_start(self) -> None:
        """Reset the state."""
        self.state = None

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss."""
        inputs, targets = batch
        logits, state = self.network(inputs, self.state)
        self.state = detached(state)
        loss = F.cross_entropy(logits, targets.T.reshape(-1))
        self.log("train/loss", loss, prog_bar=True, on_step=True, on_epoch=True)
        self.log("train/perplexity", loss.exp(), prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return SGD."""
        return torch.optim.SGD(self.parameters(), lr=self.text.lr)


class TextDataset(IterableDataset[tuple[Tensor, Tensor]]):
    """The batches of a text, for a DataLoader."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.text.batches()


class TemplateSine(LightningModule):
    """The same MLP as a template LightningModule."""

    def __init__(self) -> None:
        super().__init__()
        self.network = sine_network()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss."""
        features, labels = batch
        loss = F.mse_loss(self.network(features), labels)
        self.log("train/loss", loss, prog_bar=True, on_step=True, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=0.01)


def template_trainer(
    folder: Path, epochs: int, clip: float | None = None, accelerator: str = "cpu"
) -> Trainer:
    """Return a default Trainer: progress bar, TensorBoard and checkpoints on."""
    return Trainer(
        max_epochs=epochs,
        gradient_clip_val=clip,
        accelerator=accelerator,
        logger=TensorBoardLogger(str(folder)),
        callbacks=[ModelCheckpoint(str(folder))],
        enable_model_summary=False,
    )
