"""What data sets and networks have to keep to, checked on one batch before training starts."""

from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn

from seqlab.batch import IGNORED, SeriesBatch, TokenBatch
from seqlab.models.evaluating import evaluating
from seqlab.system.errors import UserError, one_line, raised_in

_ROWS = 2
"""Rows of the batch that a network is tried with: `(B,)` and `(1,)` have to differ."""
_MOST = 1 << 24
"""Tokens up to which all are looked at, not only those of the first batch."""

_SERIES_DATA = ("parts", "describe", "summary", "series", "tau", "clean_series", "training_pairs")
_TEXT_DATA = ("parts", "describe", "summary", "vocabulary", "prefixes")
_SERIES = "A SeriesBatch has inputs (B, tau) and targets (B,), both float32."
_TEXT = (
    "A TokenBatch has inputs and targets (B, T), both int64, from 0 to vocabulary_size - 1, which "
    f"describe() returns; a target of {IGNORED} is ignored."
)
_FORECASTER = "forward(windows (B, tau)) has to return the next values (B,)."
_LANGUAGE_MODEL = (
    "forward(tokens (B, T), state) has to return (logits (B, T, V), state) for a vocabulary of V; "
    "the state is None at first, then what it returned before."
)


def check_data(config: dict[str, Any], data: Any) -> SeriesBatch | TokenBatch:
    """Return the first batch of a data set.

    Args:
        config: the resolved configuration.
        data: the data module, prepared.

    Raises:
        UserError: it lacks what training asks of it, or the batch is not what a network reads.
    """
    what = f"data ({config['data']['_target_']})"
    series = config["data"]["task"] == "forecasting"
    for name in _SERIES_DATA if series else _TEXT_DATA:
        if not hasattr(data, name):
            base = "seqlab.data.series.SeriesData" if series else "seqlab.data.text.TextData"
            raise UserError(f"{what} has no {name}", f"Write it, or subclass {base}, which has it.")
    with torch.random.fork_rng(devices=[]):
        batch = next(
            iter(data.loader("train") if hasattr(data, "loader") else data.train_dataloader())
        )
    contract = _SERIES if series else _TEXT
    if not isinstance(batch, SeriesBatch if series else TokenBatch):
        raise UserError(f"{what}: a batch is {_shapes(batch)}", contract)
    inputs, targets = batch.inputs, batch.targets
    dtype = torch.float32 if series else torch.int64
    wanted = inputs.shape[:1] if series else inputs.shape
    if inputs.dim() != 2 or targets.shape != wanted or {inputs.dtype, targets.dtype} != {dtype}:
        found = f"inputs {_shapes(inputs)}, targets {_shapes(targets)}"
        raise UserError(f"{what}: a batch has {found}", contract)
    if isinstance(batch, TokenBatch):
        _check_tokens(what, batch, data)
    return batch


def _check_tokens(what: str, batch: TokenBatch, data: Any) -> None:
    size = data.describe().get("vocabulary_size")
    parts = [part for part in data.parts.values() if part.numel() <= _MOST]
    for tokens in (batch.inputs, batch.targets[batch.targets != IGNORED], *parts):
        values = tokens.cpu().numpy()  # which knows the smallest and largest of every dtype
        if size is None or not values.size:
            continue
        for value in (values.min(), values.max()):
            if not 0 <= value < size:
                raise UserError(f"{what}: token {value} in a vocabulary of {size}", _TEXT)


def check_network(
    config: dict[str, Any], network: nn.Module, batch: Any, vocabulary_size: int | None
) -> None:
    """Raise `UserError` where a network does not return what training reads.

    It is tried on the first rows of a batch, in evaluation mode; buffers and random state stay as
    they were.

    Args:
        config: the resolved configuration.
        network: of the configuration, where it is going to be trained.
        batch: the first of its data.
        vocabulary_size: V, where the data tell it.
    """
    what = f"model ({config['model']['_target_']})"
    series = config["model"]["task"] == "forecasting"
    contract = _FORECASTER if series else _LANGUAGE_MODEL
    parameter = next(network.parameters(), torch.empty(0))
    inputs = batch.inputs[:_ROWS].to(parameter.device)
    if series:
        inputs = inputs.to(parameter.dtype)
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    devices = [parameter.device] if parameter.is_cuda else []
    given = [inputs] if series else [inputs, None]
    try:
        with torch.random.fork_rng(devices), torch.no_grad(), evaluating(network):
            found = network(*given)
            if not series and isinstance(found, tuple | list) and len(found) == 2:
                given[1] = apply_to_collection(found[1], Tensor, Tensor.detach)
                found = network(*given)
    except Exception as error:
        called = f"It was called with {_shapes(tuple(given))}."
        raise UserError(
            f"{what} cannot read a batch: {type(error).__name__}: {one_line(error)}",
            f"{raised_in(error)}{called} {contract}",
        ) from error
    for name, buffer in network.named_buffers():
        if name in kept:
            buffer.copy_(kept[name])
    if series:
        fits = isinstance(found, Tensor) and found.shape == inputs.shape[:1]
    else:
        fits = isinstance(found, tuple | list) and len(found) == 2 and isinstance(found[0], Tensor)
        fits = fits and found[0].shape[:-1] == inputs.shape
        fits = fits and vocabulary_size in (None, found[0].shape[-1])
    if not fits:
        size = "" if series else f" and a vocabulary of {vocabulary_size}"
        raise UserError(
            f"{what} returns {_shapes(found)} for inputs {_shapes(inputs)}{size}", contract
        )


def _shapes(value: Any) -> str:
    """Return shapes and dtypes of tensors, and of tuples of them."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if type(value) in (tuple, list):
        return f"({', '.join(map(_shapes, value))})"
    return "None" if value is None else f"a {type(value).__name__}"
