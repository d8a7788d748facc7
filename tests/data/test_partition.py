"""How a text becomes batches: the three loaders, on tokens that say where they stand."""

from collections.abc import Callable
from itertools import count, islice
from typing import Any

import pytest
import torch

from seqlab.batch import IGNORED, TokenBatch
from seqlab.data.loader import BatchLoader
from seqlab.data.partition import EvaluationLoader, RandomLoader, SequentialLoader

TRAINING = [SequentialLoader, RandomLoader]


def plain(batch: TokenBatch) -> tuple[list[list[int]], list[list[int]], bool]:
    return batch.inputs.tolist(), batch.targets.tolist(), batch.continues


def starts(loader: BatchLoader[TokenBatch]) -> list[int]:
    return [row[0] for batch in loader for row in batch.inputs.tolist()]


def test_the_worked_example_of_the_batch_contract() -> None:
    loader = SequentialLoader(torch.arange(1, 9), batch_size=1, num_steps=3, seed=0)
    loader.lay_out(0)
    assert plain(loader.batch(0)) == ([[1, 2, 3]], [[2, 3, 4]], False)
    assert plain(loader.batch(1)) == ([[4, 5, 6]], [[5, 6, 7]], True)


def test_sequential_batches_exactly() -> None:
    loader = SequentialLoader(torch.arange(23), batch_size=2, num_steps=3, seed=0)
    loader.lay_out(2)
    assert len(loader) == 3
    assert [plain(loader.batch(i)) for i in range(3)] == [
        ([[2, 3, 4], [12, 13, 14]], [[3, 4, 5], [13, 14, 15]], False),
        ([[5, 6, 7], [15, 16, 17]], [[6, 7, 8], [16, 17, 18]], True),
        ([[8, 9, 10], [18, 19, 20]], [[9, 10, 11], [19, 20, 21]], True),
    ]


def test_sequential_rows_continue_across_batches_in_every_epoch() -> None:
    loader = SequentialLoader(torch.arange(1000), batch_size=4, num_steps=7, seed=1)
    for _ in range(3):
        batches = list(loader)
        assert len(batches) == len(loader) == (1000 - 7) // 4 // 7
        assert [batch.continues for batch in batches] == [False] + [True] * (len(batches) - 1)
        rows = torch.cat([batch.inputs for batch in batches], dim=1)
        assert torch.equal(rows - rows[:, :1], torch.arange(rows.shape[1]).expand(4, -1))
        assert len(rows.unique()) == rows.numel()


@pytest.mark.parametrize("kind", TRAINING)
def test_targets_are_the_next_tokens(kind: type) -> None:
    for batch in kind(torch.arange(300) * 3, 4, 5, 0):
        assert torch.equal(batch.targets, batch.inputs + 3)
        assert batch.inputs.shape == (4, 5)
        assert batch.size == 20


@pytest.mark.parametrize("kind", TRAINING)
def test_an_epoch_of_the_chapter_has_8960_tokens(kind: type) -> None:
    loader = kind(torch.arange(10_000), 32, 35, 0)
    assert len(loader) == 8
    for _ in range(5):
        assert sum(batch.inputs.numel() for batch in loader) == 8960


@pytest.mark.parametrize("kind", TRAINING)
def test_every_offset_below_num_steps_occurs_and_no_other(kind: type) -> None:
    loader = kind(torch.arange(100), 1, 5, 0)
    offsets = [min(starts(loader)) for _ in range(200)]
    if kind is RandomLoader:
        offsets = [offset % 5 for offset in offsets]
    assert set(offsets) == {0, 1, 2, 3, 4}
    assert max(offsets.count(offset) for offset in range(5)) < 70


@pytest.mark.parametrize("kind", TRAINING)
@pytest.mark.parametrize("size", range(11, 23))
def test_no_offset_asks_for_tokens_behind_the_end(kind: type, size: int) -> None:
    loader = kind(torch.arange(size), 2, 5, 0)
    for _ in range(40):
        batches = list(loader)
        assert len(batches) == len(loader)
        assert all(batch.inputs.shape == batch.targets.shape == (2, 5) for batch in batches)


@pytest.mark.parametrize("kind", TRAINING)
def test_the_smallest_text_that_gives_a_batch(kind: type) -> None:
    assert len(kind(torch.arange(15), 2, 5, 0)) == 1
    assert len(kind(torch.arange(14), 2, 5, 0)) == 0


def test_random_windows_do_not_overlap_and_cover_the_text() -> None:
    loader = RandomLoader(torch.arange(33), batch_size=1, num_steps=3, seed=0)
    for _ in range(20):
        tokens = sorted(token for batch in loader for token in batch.inputs.flatten().tolist())
        offset = tokens[0]
        assert offset in (0, 1, 2)
        assert tokens == list(range(offset, offset + 30))


def test_random_windows_come_in_a_new_order_every_epoch_and_start_at_zero_state() -> None:
    loader = RandomLoader(torch.arange(303), batch_size=2, num_steps=3, seed=0)
    orders = []
    for _ in range(4):
        batches = list(loader)
        assert not any(batch.continues for batch in batches)
        order = [row[0] // 3 for batch in batches for row in batch.inputs.tolist()]
        assert order != sorted(order)
        orders.append(tuple(order))
    assert len(set(orders)) == 4


@pytest.mark.parametrize("kind", TRAINING)
def test_the_seed_decides(kind: type) -> None:
    def epochs(seed: int) -> list[list[int]]:
        loader = kind(torch.arange(500), 2, 10, seed)
        return [starts(loader) for _ in range(5)]

    first = epochs(7)
    torch.manual_seed(5)
    assert epochs(7) == first
    assert epochs(8) != first


def test_evaluation_batches_exactly() -> None:
    loader = EvaluationLoader(torch.arange(10, 18), batch_size=2, num_steps=3, carried=True)
    assert [plain(batch) for batch in loader] == [
        ([[10, 11, 12], [14, 15, 16]], [[11, 12, 13], [15, 16, 17]], False),
        ([[13], [0]], [[14], [IGNORED]], True),
    ]


@pytest.mark.parametrize(
    ("num_tokens", "batch_size", "num_steps"),
    [(2, 1, 1), (2, 8, 5), (4, 8, 5), (11, 7, 3), (50, 4, 7), (101, 10, 5), (1001, 32, 35)],
)
@pytest.mark.parametrize("carried", [True, False])
def test_evaluation_predicts_every_token_but_the_first_once(
    num_tokens: int, batch_size: int, num_steps: int, carried: bool
) -> None:
    tokens = torch.arange(1, num_tokens + 1)
    loader = EvaluationLoader(tokens, batch_size, num_steps, carried=carried)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert [batch.continues for batch in batches] == [
        carried and index > 0 for index in range(len(batches))
    ]
    assert max(batch.inputs.shape[1] for batch in batches) <= num_steps
    inputs = torch.cat([batch.inputs for batch in batches], dim=1)
    targets = torch.cat([batch.targets for batch in batches], dim=1)
    counted = targets != IGNORED
    assert counted.sum() == num_tokens - 1
    assert torch.equal(targets[counted], tokens[1:])
    assert torch.equal(inputs[counted], tokens[:-1])
    assert len(inputs) == min(batch_size, num_tokens - 1)


def test_evaluation_is_the_same_every_time() -> None:
    loader = EvaluationLoader(torch.arange(50), 4, 5, carried=True)
    assert [plain(batch) for batch in loader] == [plain(batch) for batch in loader]


def assert_resumed(
    make: Callable[[], BatchLoader[Any]], taken: int, plain: Callable[[Any], Any]
) -> None:
    """Assert that after so many batches a restored loader goes on as if undisturbed."""
    undisturbed, stopped, resumed = make(), make(), make()
    expected = [plain(batch) for _ in range(4) for batch in undisturbed]
    endless = (plain(batch) for _ in count() for batch in stopped)
    seen = list(islice(endless, taken))
    resumed.restore(stopped.state())
    while len(seen) < len(expected):
        seen += [plain(batch) for batch in resumed]
    assert seen == expected


MAKERS: dict[str, Callable[[], BatchLoader[TokenBatch]]] = {
    "sequential": lambda: SequentialLoader(torch.arange(104), 3, 7, 2),
    "random": lambda: RandomLoader(torch.arange(104), 3, 7, 2),
    "evaluation": lambda: EvaluationLoader(torch.arange(90), 3, 7, carried=True),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("taken", [1, 2, "all", "all and 1"])
def test_a_restored_loader_goes_on_as_if_undisturbed(name: str, taken: int | str) -> None:
    size = len(MAKERS[name]())
    assert size > 2
    assert_resumed(MAKERS[name], {"all": size, "all and 1": size + 1}.get(str(taken), taken), plain)
