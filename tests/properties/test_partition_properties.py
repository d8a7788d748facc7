"""Batches of tokens, and the place in an epoch, for any sizes."""

import copy
from itertools import pairwise
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlab.batch import IGNORED
from seqlab.data.loader import BatchLoader, permutation
from seqlab.data.partition import EvaluationLoader, RandomLoader, SequentialLoader
from strategies import SEEDS, evaluation_loaders, loaders, same, training_loaders


@given(training_loaders(), st.integers(1, 4))
def test_targets_are_the_next_tokens_and_every_epoch_has_as_many_batches(
    loader: SequentialLoader | RandomLoader, epochs: int
) -> None:
    assert len(loader) >= 1
    for _ in range(epochs):
        batches = list(loader)
        assert len(batches) == len(loader)
        for batch in batches:
            assert batch.inputs.shape == (loader.batch_size, loader.num_steps)
            assert torch.equal(batch.targets, batch.inputs + 1)


@given(training_loaders())
def test_each_token_is_predicted_at_most_once_and_few_are_left_out(
    loader: SequentialLoader | RandomLoader,
) -> None:
    for _ in range(2):
        targets = torch.cat([batch.targets.flatten() for batch in loader])
        assert len(targets.unique()) == len(targets)
        assert targets.max() < len(loader.tokens)
        # Left out: the first, the offset, and what does not fill a batch.
        size = loader.batch_size * loader.num_steps
        assert len(loader.tokens) - len(targets) < 1 + loader.num_steps + size + loader.batch_size


@given(training_loaders())
def test_offset_is_below_num_steps(loader: SequentialLoader | RandomLoader) -> None:
    for _ in range(3):
        batches = list(loader)
        if isinstance(loader, SequentialLoader):
            assert 0 <= int(batches[0].inputs[0, 0]) < loader.num_steps
        else:
            starts = {int(row[0]) % loader.num_steps for batch in batches for row in batch.inputs}
            assert len(starts) == 1, "every window starts a whole number of windows after another"


@given(training_loaders().filter(lambda loader: isinstance(loader, SequentialLoader)))
def test_row_goes_on_where_the_same_row_of_the_batch_before_stopped(
    loader: SequentialLoader,
) -> None:
    batches = list(loader)
    assert [batch.continues for batch in batches] == [
        loader.carried and index > 0 for index in range(len(batches))
    ]
    for before, after in pairwise(batches):
        assert torch.equal(after.inputs[:, 0], before.targets[:, -1])


@given(training_loaders().filter(lambda loader: isinstance(loader, RandomLoader)))
def test_random_windows_do_not_overlap_and_do_not_continue(loader: RandomLoader) -> None:
    batches = list(loader)
    inputs = torch.cat([batch.inputs.flatten() for batch in batches])
    assert len(inputs.unique()) == len(inputs)
    assert not any(batch.continues for batch in batches)


@given(evaluation_loaders())
def test_evaluation_predicts_every_token_but_the_first_exactly_once(
    loader: EvaluationLoader,
) -> None:
    total = len(loader.tokens) - 1
    for _ in range(2):
        batches = list(loader)
        assert len(batches) == len(loader)
        predicted = torch.cat([batch.targets.flatten() for batch in batches])
        assert sorted(predicted[predicted != IGNORED].tolist()) == list(range(1, total + 1))
        for batch in batches:
            counts = batch.targets != IGNORED
            assert torch.equal(batch.targets[counts], batch.inputs[counts] + 1)
        for before, after in pairwise(batches):
            going_on = after.targets[:, 0] != IGNORED
            assert torch.equal(after.inputs[going_on, 0], before.targets[going_on, -1])
            assert after.continues == loader.carried


@given(loaders(), st.integers(0, 2), st.floats(0, 1))
def test_loader_restored_anywhere_gives_exactly_the_rest(
    loader: BatchLoader[Any], epochs: int, share: float
) -> None:
    fresh = copy.deepcopy(loader)
    for _ in range(epochs):
        list(loader)
    position = round(share * len(loader))
    running = iter(loader)
    for _ in range(position):
        next(running)
    fresh.restore(dict(loader.state()))
    rest = list(running) if position else list(loader)
    if position == len(loader):
        assert rest == []  # an epoch that was finished is not begun again
        rest = list(loader)
    restored = list(fresh)
    assert len(restored) == len(rest)
    assert all(map(same, restored, rest))
    following, same_following = list(loader), list(fresh)
    assert len(following) == len(same_following) == len(loader)
    assert all(map(same, same_following, following))


@given(st.integers(0, 200), SEEDS, st.integers(0, 1000))
def test_permutation_has_every_place_once_and_depends_on_seed_and_epoch_alone(
    length: int, seed: int, epoch: int
) -> None:
    order = permutation(length, seed, epoch)
    assert sorted(order.tolist()) == list(range(length))
    torch.rand(3)
    assert torch.equal(order, permutation(length, seed, epoch))
    if length > 30:
        assert not torch.equal(order, permutation(length, seed, epoch + 1))
