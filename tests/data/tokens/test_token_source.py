"""Batches from a token file are exactly those from a tensor in memory."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlab.batch import TokenBatch
from seqlab.data.loader import BatchLoader, permutation
from seqlab.data.partition import EvaluationLoader, RandomLoader, SequentialLoader
from seqlab.data.tokens import token_source
from seqlab.data.tokens.token_file import Tokens
from seqlab.data.tokens.token_source import FileTokens, TokenSource
from seqlab.data.tokens.vocabulary import Vocabulary

CPU = torch.device("cpu")
LENGTH = 400

Loader = BatchLoader[TokenBatch]
MAKERS: dict[str, Callable[[Any], Loader]] = {
    "sequential": lambda tokens: SequentialLoader(tokens, 3, 7, 2),
    "sequential-apart": lambda tokens: SequentialLoader(tokens, 2, 9, 5, carried=False),
    "random": lambda tokens: RandomLoader(tokens, 3, 7, 2),
    "evaluation": lambda tokens: EvaluationLoader(tokens, 3, 7, carried=True),
    "evaluation-padded": lambda tokens: EvaluationLoader(tokens, 7, 5, carried=False),
    "evaluation-one-row": lambda tokens: EvaluationLoader(tokens, 1, 50, carried=True),
    "evaluation-wide": lambda tokens: EvaluationLoader(tokens, 300, 1, carried=True),
}


def in_file(folder: Path, kind: type = np.uint8) -> tuple[torch.Tensor, Tokens]:
    """Return tokens without a pattern, and a file that holds them."""
    values = np.random.default_rng(0).integers(0, 200, LENGTH).astype(kind)
    file = folder / f"{np.dtype(kind).name}.tokens"
    values.tofile(file)
    descriptor = os.open(file, os.O_RDONLY)
    return torch.from_numpy(values), Tokens(values, Vocabulary(["<unk>"], "char", lowercase=False),
                                            "", descriptor)  # fmt: skip


def equal(one: TokenBatch, other: TokenBatch) -> bool:
    assert one.inputs.dtype == other.inputs.dtype == one.targets.dtype == torch.int64
    return (
        torch.equal(one.inputs, other.inputs)
        and torch.equal(one.targets, other.targets)
        and one.continues == other.continues
    )


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize("ahead", [40, 1 << 18])
def test_batches_are_those_from_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type,
    ahead: int,
) -> None:
    part = slice(13, 391)
    monkeypatch.setattr(token_source, "AHEAD", ahead)
    tokens, file = in_file(tmp_path, kind)
    memory = MAKERS[name](tokens[part].to(torch.int64))
    mapped = MAKERS[name](FileTokens(tokens[part], file, CPU))
    for _ in range(3):
        expected, found = list(memory), list(mapped)
        assert len(found) == len(expected) > 1
        assert all(map(equal, expected, found))


@pytest.mark.parametrize("name", MAKERS)
def test_restored_loader_goes_on_in_the_file(tmp_path: Path, name: str) -> None:
    tokens, file = in_file(tmp_path)
    memory = MAKERS[name](tokens.to(torch.int64))
    mapped = MAKERS[name](FileTokens(tokens, file, CPU))
    place = {"epoch": 2, "position": 1}
    memory.restore(place)
    mapped.restore(place)
    for _ in range(2):
        assert all(map(equal, list(memory), list(mapped)))


@given(st.integers(2, LENGTH), st.integers(1, 40), st.integers(1, 40))
def test_evaluation_is_padded_as_whole_tensors_are(
    length: int, batch_size: int, num_steps: int
) -> None:
    tokens = torch.arange(length) + 1
    rows = min(batch_size, length - 1)
    columns = -(-(length - 1) // rows)
    pad, padding = torch.nn.functional.pad, (0, rows * columns - length + 1)
    inputs = pad(tokens[:-1], padding).view(rows, columns)
    targets = pad(tokens[1:], padding, value=-100).view(rows, columns)
    batches = list(EvaluationLoader(tokens, batch_size, num_steps, carried=True))
    assert torch.equal(torch.cat([batch.inputs for batch in batches], dim=1), inputs)
    assert torch.equal(torch.cat([batch.targets for batch in batches], dim=1), targets)


def test_file_is_read_ahead_and_only_where_batches_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, file = in_file(tmp_path)
    monkeypatch.setattr(token_source, "AHEAD", 200)
    source, read = FileTokens(tokens, file, CPU), []
    monkeypatch.setattr(
        os, "pread", lambda *args, plain=os.pread: (read.append(args[1:]), plain(*args))[1]
    )
    for first in range(0, 60, 10):
        source.rows(first, 100, 4, 10)
    # 50 columns hold four batches of ten and the target of the last.
    assert read == [(50, i) for i in (0, 100, 200, 300)] + [(50, i) for i in (40, 140, 240, 340)]


def test_order_of_windows_is_the_same_in_fewer_bytes(tmp_path: Path) -> None:
    plain = np.random.default_rng((3, 4)).permutation(1000)
    for kind in (np.int64, np.int32):
        order = permutation(1000, 3, 4, kind)
        assert order.numpy().dtype == kind
        assert order.tolist() == plain.tolist()
    tokens, file = in_file(tmp_path)
    assert FileTokens(tokens, file, CPU).place_type is np.int32
    assert TokenSource(tokens).place_type is np.int64
    assert FileTokens(tokens[:1].expand(1 << 31), file, CPU).place_type is np.int64
