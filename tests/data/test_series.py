"""Series: windows, the split in time, the chapter's sine wave, and the batches of an epoch."""

import pytest
import torch
from test_partition import assert_resumed
from torch import Tensor

from expect import exact_refusal
from seqlab.data.series import SeriesData, WindowLoader, windows
from seqlab.data.sine import SineData


class Ramp(SeriesData):
    """0, 1, 2, ...: every value says where it stands."""

    def __init__(
        self,
        length: int = 100,
        *,
        tau: int = 4,
        num_train: int = 50,
        num_val: int | None = None,
        batch_size: int = 8,
    ) -> None:
        super().__init__(
            tau=tau, num_train=num_train, num_val=num_val, batch_size=batch_size, seed=0
        )
        self.length = length

    def make_series(self) -> Tensor:
        return torch.arange(self.length, dtype=torch.float32)


def windows_in(data: SeriesData, part: str) -> int:
    return sum(batch.size for batch in data.loader(part))


def values_in(data: SeriesData, part: str) -> set[float]:
    values: set[float] = set()
    for batch in data.loader(part):
        values.update(batch.inputs.flatten().tolist(), batch.targets.tolist())
    return values


def ramp_loader(size: int = 10, batch_size: int = 4, seed: int | None = 0) -> WindowLoader:
    pairs = windows(torch.arange(size + 2, dtype=torch.float32), 2)
    return WindowLoader(pairs, batch_size, seed)


def flat(epoch: list[list[float]]) -> list[float]:
    return [value for batch in epoch for value in batch]


def epoch_of(loader: WindowLoader) -> list[list[float]]:
    return [batch.targets.tolist() for batch in loader]


def test_windows_of_a_short_series() -> None:
    pairs = windows(torch.tensor([10.0, 11.0, 12.0, 13.0]), 2)
    assert pairs.inputs.tolist() == [[10.0, 11.0], [11.0, 12.0]]
    assert pairs.targets.tolist() == [12.0, 13.0]
    assert pairs.size == 2


def test_windows_of_uneven_values_keep_their_order() -> None:
    pairs = windows(torch.tensor([3.0, -1.0, 4.0, -1.5, 9.0]), 3)
    assert pairs.inputs.tolist() == [[3.0, -1.0, 4.0], [-1.0, 4.0, -1.5]]
    assert pairs.targets.tolist() == [-1.5, 9.0]


def test_chapter_series_and_split() -> None:
    data = SineData()
    data.setup()
    assert len(data.series) == 1000
    assert data.series.dtype == torch.float32
    assert data.describe() == {"num_inputs": 4}
    assert data.training_pairs().size == 600
    assert windows_in(data, "train") == 600
    assert windows_in(data, "val") == 392
    assert sorted(data.parts) == ["train", "val"]
    assert data.test_dataloader() == []
    assert data.summary() == "series of 1,000 steps, windows of 4: 600 to train, 392 to validate"


def test_chapter_pairs_are_cut_from_the_series() -> None:
    data = SineData()
    data.setup()
    pairs = data.training_pairs()
    assert torch.equal(pairs.inputs[0], data.series[:4])
    assert pairs.targets[0] == data.series[4]
    assert torch.equal(pairs.inputs[-1], data.series[599:603])
    assert pairs.targets[-1] == data.series[603]
    first = next(iter(data.val_dataloader()))
    assert torch.equal(first.inputs[0], data.series[604:608])
    assert first.targets[0] == data.series[608]


def test_no_window_reaches_across_a_split() -> None:
    data = Ramp(num_train=50, num_val=10)
    data.setup()
    assert values_in(data, "train") == set(range(54))
    assert values_in(data, "val") == set(range(54, 68))
    assert values_in(data, "test") == set(range(68, 100))
    assert [windows_in(data, part) for part in ("train", "val", "test")] == [50, 10, 28]


def test_without_validation_the_rest_is_for_the_test() -> None:
    data = Ramp(num_train=50, num_val=0)
    data.setup()
    assert sorted(data.parts) == ["test", "train"]
    assert data.val_dataloader() == []
    assert windows_in(data, "test") == 42


def test_a_rest_too_short_for_a_window_is_left_out() -> None:
    data = Ramp(num_train=50, num_val=38)
    data.setup()
    assert sorted(data.parts) == ["train", "val"]


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (
            {"num_train": 97},
            "data.num_train=97 windows of data.tau=4 values need a series of 101 steps, "
            "and it has 100",
            "Use data.num_train=96 or less, or a longer series.",
        ),
        (
            {"num_train": 20, "batch_size": 21},
            "data.batch_size=21 is more than the 20 training windows",
            "Use data.batch_size=20 or less.",
        ),
        (
            {"num_train": 50, "num_val": 43},
            "data.num_val=43 windows do not fit: 42 remain after training",
            "Use data.num_val=42 or less, or null for all that remain.",
        ),
        (
            {"num_train": 94, "num_val": 1},
            "data.num_val=1 windows do not fit: 0 remain after training",
            "Use data.num_val=0 or less, or null for all that remain.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_a_remedy(
    options: dict[str, int], message: str, hint: str
) -> None:
    data = Ramp(100, **options)
    with exact_refusal(message, hint):
        data.setup()
    assert data.parts == {}


@pytest.mark.parametrize(
    "options",
    [
        {"num_train": 96},
        {"num_train": 20, "batch_size": 20},
        {"num_train": 50, "num_val": 42},
        {"num_train": 94, "num_val": 0},
    ],
)
def test_the_remedies_work(options: dict[str, int]) -> None:
    data = Ramp(100, **options)
    data.setup()
    assert windows_in(data, "train") == options["num_train"]


def test_the_seed_makes_the_series() -> None:
    series = SineData(seed=3).make_series()
    torch.manual_seed(99)
    assert torch.equal(SineData(seed=3).make_series(), series)
    assert not torch.equal(SineData(seed=4).make_series(), series)


def test_the_noise_is_gaussian_white_and_as_large_as_asked_for() -> None:
    data = SineData(length=100_000, noise=0.2, seed=1)
    noise = (data.make_series() - data.clean_series()).double()
    assert abs(noise.mean().item()) < 0.2 * 4 / 100_000**0.5
    assert noise.std().item() == pytest.approx(0.2, rel=0.01)
    assert abs((noise[1:] * noise[:-1]).mean().item()) < 0.04 * 4 / 100_000**0.5
    assert (noise.abs() < 0.2).double().mean().item() == pytest.approx(0.6827, abs=0.006)


def test_the_clean_series_is_the_wave_from_step_one() -> None:
    clean = SineData(length=157).clean_series()
    assert len(clean) == 157
    assert clean.dtype == torch.float32
    assert clean[0].item() == pytest.approx(0.009999833, abs=1e-8)
    assert clean[99].item() == pytest.approx(0.841470985, abs=1e-7)
    assert clean[156].item() == pytest.approx(0.999999683, abs=1e-7)
    assert torch.equal(SineData(length=157, noise=0.0).make_series(), clean)
    assert SineData(frequency=0.5).clean_series()[1].item() == pytest.approx(0.841470985, abs=1e-7)


def test_an_epoch_has_every_window_once_and_a_short_last_batch() -> None:
    loader = ramp_loader(size=10, batch_size=4)
    assert len(loader) == 3
    for _ in range(3):
        epoch = epoch_of(loader)
        assert [len(batch) for batch in epoch] == [4, 4, 2]
        assert sorted(flat(epoch)) == list(range(2, 12))


def test_inputs_and_targets_are_shuffled_together() -> None:
    for batch in ramp_loader():
        assert torch.equal(batch.inputs, batch.targets[:, None] + torch.tensor([-2.0, -1.0]))


def test_every_epoch_has_a_new_order() -> None:
    loader = ramp_loader()
    orders = {tuple(flat(epoch_of(loader))) for _ in range(5)}
    assert len(orders) == 5


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    fourth = [epoch_of(loader) for loader in [ramp_loader(seed=5)] for _ in range(4)][3]
    torch.manual_seed(123)
    late = ramp_loader(seed=5)
    late.restore({"epoch": 2, "position": len(late)})
    assert epoch_of(late) == fourth
    other = ramp_loader(seed=6)
    other.restore({"epoch": 2, "position": len(other)})
    assert epoch_of(other) != fourth


def test_without_a_seed_windows_come_in_time_order() -> None:
    loader = ramp_loader(seed=None)
    for _ in range(2):
        assert epoch_of(loader) == [[2, 3, 4, 5], [6, 7, 8, 9], [10, 11]]


@pytest.mark.parametrize("taken", [0, 1, 2, 3, 4, 5, 6])
def test_a_restored_loader_goes_on_as_if_undisturbed(taken: int) -> None:
    assert_resumed(ramp_loader, taken, lambda batch: batch.targets.tolist())


def test_after_a_restore_at_an_epoch_s_end_an_epoch_may_be_left_early() -> None:
    undisturbed, resumed = ramp_loader(), ramp_loader()
    epoch_of(undisturbed)
    resumed.restore(undisturbed.state())
    for loader in (undisturbed, resumed):
        next(iter(loader))
    assert epoch_of(resumed) == epoch_of(undisturbed)
