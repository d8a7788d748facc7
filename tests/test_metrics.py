"""Perplexity, bits per token and root mean squared error, against values worked out by hand."""

import math

import pytest
import torch
from torch import Tensor
from torchmetrics.text import Perplexity as ReferencePerplexity

from seqlab.batch import IGNORED
from seqlab.metrics import Perplexity, bits_per_token, rmse, token_nll

QUARTER = [0.0, math.log(3.0)]
"""Logits of the probabilities 1/4 and 3/4."""


def batch(targets: list[int]) -> tuple[Tensor, Tensor]:
    """One row of tokens, each predicted with 1/4 for token 0 and 3/4 for token 1."""
    return torch.tensor([[QUARTER] * len(targets)]), torch.tensor([targets])


def perplexity_of(*batches: tuple[Tensor, Tensor]) -> float:
    metric = Perplexity()
    for logits, targets in batches:
        metric.update(logits, targets)
    return metric.compute().item()


@pytest.mark.parametrize(
    ("targets", "expected"),
    [([1], 4 / 3), ([0], 4.0), ([0, 1], math.sqrt(16 / 3)), ([1, 1, 1, 0], (256 / 27) ** 0.25)],
)
def test_perplexity_by_hand(targets: list[int], expected: float) -> None:
    assert perplexity_of(batch(targets)) == pytest.approx(expected, rel=1e-6)


def test_nll_is_a_sum_in_nats_with_its_count() -> None:
    nll, tokens = token_nll(*batch([0, 1, IGNORED]))
    assert nll.item() == pytest.approx(math.log(16 / 3), rel=1e-6)
    assert tokens.item() == 2


@pytest.mark.parametrize("shape", [(5,), (2, 5), (3, 2, 5)])
def test_uniform_logits_have_the_perplexity_of_the_vocabulary(shape: tuple[int, ...]) -> None:
    logits, targets = torch.full((*shape, 28), 3.5), torch.ones(shape, dtype=torch.int64)
    assert perplexity_of((logits, targets)) == pytest.approx(28, rel=1e-6)
    assert token_nll(logits, targets)[1] == math.prod(shape)


def test_every_token_weighs_the_same_whatever_its_batch() -> None:
    together = perplexity_of(batch([1, 1, 1, 0]))
    apart = perplexity_of(batch([1, 1, 1]), batch([0]))
    assert apart == pytest.approx(together, rel=1e-6)
    assert apart == pytest.approx(1.754765, rel=1e-6)
    mean_of_exps = (perplexity_of(batch([1, 1, 1])) + perplexity_of(batch([0]))) / 2
    assert mean_of_exps == pytest.approx(8 / 3, rel=1e-6)


def test_ignored_tokens_count_nowhere() -> None:
    logits, targets = batch([0, 1, IGNORED, IGNORED])
    logits[0, 2] = torch.tensor([50.0, -50.0])
    assert perplexity_of((logits, targets)) == pytest.approx(math.sqrt(16 / 3), rel=1e-6)


def test_without_any_token_perplexity_is_nan() -> None:
    assert math.isnan(perplexity_of(batch([IGNORED, IGNORED])))
    assert perplexity_of(batch([IGNORED]), batch([0])) == pytest.approx(4.0, rel=1e-6)


def test_equals_torchmetrics_on_tame_input() -> None:
    generator = torch.Generator().manual_seed(0)
    metric, reference = Perplexity(), ReferencePerplexity(ignore_index=IGNORED)
    for length in (3, 11, 7):
        logits = torch.randn(4, length, 28, generator=generator)
        targets = torch.randint(28, (4, length), generator=generator)
        targets[1, :2] = IGNORED
        metric.update(logits, targets)
        reference.update(logits, targets)
    assert metric.compute().item() == pytest.approx(reference.compute().item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_neither_overflows_nor_loses_tokens(dtype: torch.dtype) -> None:
    logits = torch.zeros(30_000, 28, dtype=dtype)
    nll, tokens = token_nll(logits, torch.zeros(30_000, dtype=torch.int64))
    assert tokens == 30_000
    assert nll.item() == pytest.approx(30_000 * math.log(28), rel=1e-5)
    assert perplexity_of((logits, torch.zeros(30_000, dtype=torch.int64))) == pytest.approx(
        28, rel=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_huge_gaps_stay_finite_and_right(dtype: torch.dtype) -> None:
    logits = torch.tensor([[32768.0, 0.0]], dtype=dtype)
    assert perplexity_of((logits, torch.tensor([0]))) == 1.0
    metric = Perplexity()
    metric.update(logits, torch.tensor([1]))
    assert metric.mean().item() == 32768.0
    wide = torch.tensor([[512.0, 0.0]], dtype=dtype)
    assert perplexity_of((wide, torch.tensor([1]))) == pytest.approx(math.exp(512), rel=1e-9)


def test_sums_keep_their_precision_over_many_batches() -> None:
    metric = Perplexity()
    metric.add(torch.tensor(2.0**30), torch.tensor(2**30))
    for _ in range(1000):
        metric.add(torch.tensor(0.5), torch.tensor(1))
    assert metric.total.item() == 2.0**30 + 500
    assert metric.count.item() == 2**30 + 1000


def test_the_value_follows_updates_and_reset() -> None:
    metric = Perplexity()
    metric.update(*batch([0]))
    assert metric.compute().item() == pytest.approx(4.0, rel=1e-6)
    metric.update(*batch([1]))
    assert metric.compute().item() == pytest.approx(math.sqrt(16 / 3), rel=1e-6)
    metric.add(torch.tensor(2 * math.log(4)), torch.tensor(2))
    assert metric.compute().item() == pytest.approx((4**4 / 3) ** 0.25, rel=1e-6)
    metric.reset()
    assert metric.count == 0
    metric.update(*batch([1]))
    assert metric.compute().item() == pytest.approx(4 / 3, rel=1e-6)


def test_the_metric_holds_no_graph() -> None:
    logits, targets = batch([0, 1])
    metric = Perplexity()
    metric.update(logits.requires_grad_(), targets)
    metric.add(logits.sum(), torch.tensor(1))
    assert not metric.total.requires_grad
    assert not metric.compute().requires_grad


@pytest.mark.parametrize(("choices", "bits"), [(1, 0.0), (2, 1.0), (8, 3.0), (28, 4.807355)])
def test_bits_per_token(choices: int, bits: float) -> None:
    nats = torch.tensor(math.log(choices), dtype=torch.float64)
    assert bits_per_token(nats).item() == pytest.approx(bits, rel=1e-6)


def test_rmse_by_hand() -> None:
    assert rmse(torch.tensor([0.0, 3.0]), torch.tensor([4.0, 0.0])).item() == pytest.approx(
        math.sqrt(12.5)
    )
    assert rmse(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])) == 0
    assert rmse(torch.tensor([-2.0]), torch.tensor([1.0])) == 3


def test_rmse_does_not_broadcast() -> None:
    with pytest.raises(AssertionError):
        rmse(torch.zeros(3, 1), torch.zeros(3))
