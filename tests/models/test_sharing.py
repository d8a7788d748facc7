"""The parts of a batch: which rows each process takes, and that together they are the whole."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlab.batch import IGNORED, SeriesBatch, TokenBatch, share
from seqlab.models.forecaster import Forecaster
from seqlab.models.language_model import LanguageModel
from seqlab.models.mlp import MLP
from seqlab.models.recurrent import RecurrentNetwork
from seqlab.models.sequence_module import SequenceModule
from seqlab.parallel.order import ALONE, Place

SGD = partial(torch.optim.SGD, lr=1.0)


def series(rows: int) -> SeriesBatch:
    values = torch.arange(float(rows))
    return SeriesBatch(values[:, None].repeat(1, 4) / 10, values)


def tokens(rows: int) -> TokenBatch:
    inputs = torch.arange(rows * 3).view(rows, 3) % 5
    targets = (inputs + 1) % 5
    targets[-1, 1:] = IGNORED
    return TokenBatch(inputs, targets, continues=True)


def forecaster() -> SequenceModule:
    torch.manual_seed(0)
    return Forecaster(MLP(4), SGD)


def language_model() -> SequenceModule:
    torch.manual_seed(0)
    return LanguageModel(RecurrentNetwork(5, hidden_size=3), SGD)


@pytest.mark.parametrize(
    ("rows", "world", "parts"),
    [
        (4, 1, [[0, 1, 2, 3]]),
        (4, 2, [[0, 1], [2, 3]]),
        (5, 2, [[0, 1], [2, 3, 4]]),
        (5, 3, [[0], [1, 2], [3, 4]]),
    ],
)
def test_parts_are_consecutive_and_make_the_whole(
    rows: int, world: int, parts: list[list[int]]
) -> None:
    for rank, wanted in enumerate(parts):
        part, count = share(series(rows), rank, world)
        assert part.targets.tolist() == wanted
        assert part.inputs[:, 0].tolist() == pytest.approx([each / 10 for each in wanted])
        assert count == len(wanted)


def test_rank_without_a_row_computes_the_first_one_for_nothing() -> None:
    part, count = share(series(1), 0, 2)
    assert (part.targets.tolist(), count) == ([0.0], 0)
    part, count = share(series(1), 1, 2)
    assert (part.targets.tolist(), count) == ([0.0], 1)


def test_part_of_a_text_still_continues() -> None:
    part, _ = share(tokens(4), 1, 2)
    assert part.continues
    assert part.inputs.tolist() == tokens(4).inputs[2:].tolist()


def gradients(module: SequenceModule, batch: Any, place: Place) -> tuple[Tensor, list[Tensor]]:
    module.place = place
    module.zero_grad()
    loss = module.step(batch, "train")
    loss.backward()
    return loss.detach(), [p.grad.clone() for p in module.parameters() if p.grad is not None]


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("rows", [1, 2, 5, 6])
@pytest.mark.parametrize(
    ("made", "batch_of"),
    [(forecaster, series), (language_model, tokens)],
    ids=["series", "text"],
)
def test_mean_over_the_ranks_is_loss_and_gradient_of_the_whole_batch(
    made: Callable[[], SequenceModule], batch_of: Callable[[int], Any], rows: int, world: int
) -> None:
    alone = made()
    loss, wanted = gradients(alone, batch_of(rows), ALONE)
    modules = [made() for _ in range(world)]
    found = [
        gradients(module, batch_of(rows), Place(rank, world)) for rank, module in enumerate(modules)
    ]
    assert sum(each for each, _ in found) / world == pytest.approx(loss.item(), rel=1e-6)
    for place, gradient in enumerate(wanted):
        mean = sum(each[place] for _, each in found) / world
        torch.testing.assert_close(mean, gradient, rtol=1e-5, atol=1e-7)
    counters = [module.counter("train") for module in modules]
    whole = alone.counter("train")
    assert sum(counter.count for counter in counters) == whole.count
    assert float(sum(counter.total for counter in counters)) == pytest.approx(float(whole.total))


def test_each_rank_carries_the_state_of_its_own_rows() -> None:
    alone = language_model()
    alone.step(tokens(5), "train")
    state = alone.states["train"]  # (1, 5, H)
    for rank, rows in enumerate([slice(0, 2), slice(2, 5)]):
        module = language_model()
        module.place = Place(rank, 2)
        module.step(tokens(5), "train")
        torch.testing.assert_close(module.states["train"], state[:, rows])


def counted(total: float, count: int) -> dict[str, Tensor]:
    return {"total": torch.tensor(total, dtype=torch.float64), "count": torch.tensor(count)}


@pytest.mark.parametrize(
    ("place", "total"), [(Place(0, 2), 1.0), (Place(1, 2), 2.0), (ALONE, 3.0), (Place(0, 3), 3.0)]
)
def test_sums_of_an_epoch_come_back_to_their_ranks_or_to_the_first(
    place: Place, total: float
) -> None:
    checkpoint = {
        "counted": counted(1, 4),
        "rank_carried": [{"counted": counted(1, 4)}, {"counted": counted(2, 5)}],
    }
    module = forecaster()
    module.place = place
    module.on_load_checkpoint(checkpoint)
    assert float(module.counter("train").total) == total


def test_sums_of_a_run_on_one_device_go_to_the_first_of_several() -> None:
    for place, total in ((Place(0, 2), 1.0), (Place(1, 2), 0.0)):
        module = forecaster()
        module.place = place
        module.on_load_checkpoint({"counted": counted(1, 4)})
        assert float(module.counter("train").total) == total
