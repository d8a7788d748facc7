"""Perplexity and its relatives against the same numbers reckoned by hand, for any batches."""

import math
from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seqlab.batch import IGNORED
from seqlab.metrics import Mean, bits_per_token, rmse, token_nll
from strategies import SEEDS
from test_metrics import perplexity_of as perplexity


@st.composite
def predictions(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Draw logits (N, V) and targets (N,), some of them ignored, at least one not."""
    generator = torch.Generator().manual_seed(draw(SEEDS))
    count, size = draw(st.integers(1, 40)), draw(st.integers(1, 12))
    scale = draw(st.sampled_from((0.0, 1.0, 30.0)))
    logits = scale * torch.randn(count, size, generator=generator)
    targets = torch.randint(size, (count,), generator=generator)
    ignored = torch.rand(count, generator=generator) < draw(st.sampled_from((0.0, 0.3, 0.9)))
    targets[ignored & (torch.arange(count) > 0)] = IGNORED
    return logits, targets


def reckoned(logits: Tensor, targets: Tensor) -> tuple[float, int]:
    """Return total and number of the negative log-likelihoods, in float64 without torch."""
    total = 0.0
    kept = [(row, k) for row, k in zip(logits.tolist(), targets.tolist(), strict=True) if k >= 0]
    for row, k in kept:
        numbers = np.asarray(row, dtype=np.float64)
        top = numbers.max()
        total += top + math.log(np.exp(numbers - top).sum()) - numbers[k]
    return total, len(kept)


@given(predictions())
def test_perplexity_is_exp_of_total_nll_over_total_tokens(pair: tuple[Tensor, Tensor]) -> None:
    total, count = reckoned(*pair)
    assert math.isclose(perplexity(pair), math.exp(total / count), rel_tol=1e-5)
    nll, tokens = token_nll(*pair)
    assert math.isclose(nll.item(), total, rel_tol=1e-5, abs_tol=1e-5)
    assert tokens.item() == count
    bits = bits_per_token(nll / tokens).item()
    assert math.isclose(2**bits, math.exp(total / count), rel_tol=1e-4)


@given(predictions(), st.lists(st.integers(0, 40), max_size=5), SEEDS)
def test_perplexity_does_not_depend_on_how_tokens_are_cut_into_batches(
    pair: tuple[Tensor, Tensor], cuts: list[int], seed: int
) -> None:
    order = torch.randperm(len(pair[1]), generator=torch.Generator().manual_seed(seed))
    logits, targets = (tensor[order] for tensor in pair)
    edges = [0, *sorted(min(cut, len(targets)) for cut in cuts), len(targets)]
    slices = [slice(a, b) for a, b in pairwise(edges)]
    cut = perplexity(*((logits[part], targets[part]) for part in slices))
    assert math.isclose(cut, perplexity(pair), rel_tol=1e-5)


@given(predictions(), st.integers(1, 20))
def test_ignored_targets_count_nowhere(pair: tuple[Tensor, Tensor], more: int) -> None:
    logits, targets = pair
    padding = torch.full((more, logits.shape[1]), 1e4), torch.full((more,), IGNORED)
    assert math.isclose(perplexity(pair, padding), perplexity(pair), rel_tol=1e-12)
    kept = targets != IGNORED
    assert math.isclose(perplexity((logits[kept], targets[kept])), perplexity(pair), rel_tol=1e-6)


@given(predictions(), SEEDS)
def test_constant_added_to_the_logits_of_a_position_changes_nothing(
    pair: tuple[Tensor, Tensor], seed: int
) -> None:
    logits, targets = pair
    shift = 100 * torch.randn(len(targets), 1, generator=torch.Generator().manual_seed(seed))
    moved = (logits + shift, targets)
    assert math.isclose(math.log(perplexity(moved)), math.log(perplexity(pair)), abs_tol=1e-3)


@given(predictions(), st.sampled_from((1e4, 1e30, -1e30)))
def test_likelihood_of_extreme_logits_is_finite(
    pair: tuple[Tensor, Tensor], extreme: float
) -> None:
    logits, targets = pair
    logits[0, 0] = extreme
    nll, _ = token_nll(logits, targets)
    assert math.isfinite(nll.item())
    assert nll.item() >= 0


@given(predictions(), st.sampled_from((torch.float16, torch.bfloat16, torch.float64)))
def test_precision_of_the_logits_does_not_matter_beyond_their_own_rounding(
    pair: tuple[Tensor, Tensor], dtype: torch.dtype
) -> None:
    logits, targets = pair[0].to(dtype), pair[1]
    total, count = reckoned(logits.double(), targets)
    assert math.isclose(perplexity((logits, targets)), math.exp(total / count), rel_tol=1e-5)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 50)), min_size=1, max_size=9))
def test_mean_weighs_every_item_alike_and_forgets_on_reset(
    batches: list[tuple[float, int]],
) -> None:
    metric = Mean()
    metric.update(torch.tensor(3.0), 7)
    metric.reset()
    for total, count in batches:
        metric.update(torch.tensor(total, dtype=torch.float64), count)
    totals, counts = zip(*batches, strict=True)
    assert math.isclose(
        metric.compute().item(), math.fsum(totals) / sum(counts), rel_tol=1e-9, abs_tol=1e-6
    )


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=30))
def test_rmse_is_the_root_of_the_mean_square(pairs: list[tuple[float, float]]) -> None:
    one, other = torch.tensor(pairs, dtype=torch.float64).T
    expected = math.sqrt(math.fsum((a - b) ** 2 for a, b in pairs) / len(pairs))
    assert math.isclose(rmse(one, other).item(), expected, rel_tol=1e-9, abs_tol=1e-12)
    assert torch.equal(rmse(one, other), rmse(other, one))
    assert rmse(one, one).item() == 0
