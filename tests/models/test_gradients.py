"""Norms, clipping and steps that are left out, on gradients that can be reckoned by hand."""

import math
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision
from test_training import fit, flat, language_model, metrics, text_data
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, get_total_norm
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader

from quiet import quiet_trainer
from seqlab.batch import SeriesBatch
from seqlab.metrics import Mean
from seqlab.models import guarded_module as guarded
from seqlab.models.gradients import GradientSums, total_norm
from seqlab.models.sequence_module import SequenceModule
from seqlab.system.errors import NonFiniteError

NAN, INF = math.nan, math.inf
MOMENTUM = partial(SGD, lr=0.1, momentum=0.9)


class Pair(nn.Module):
    """Two weights in two tensors, so that a norm goes over tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.ones(1))
        self.second = nn.Parameter(torch.ones(1))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen += inputs.sum()
        return self.first * inputs[:, 0] + self.second * inputs[:, 1]


class Line(SequenceModule):
    """Its gradient is its input; where the target is 1, the gradient is infinite and the loss 0."""

    sample_unit = "windows"

    def step(self, batch: SeriesBatch, stage: str) -> Tensor:
        loss = self.network(batch.inputs).sum()
        if batch.targets.item():
            loss = (self.network.first - self.network.first.detach()).sqrt().sum()
        self.counter(stage).add(loss, 1)
        return loss

    def finish(self, stage: str) -> None:
        self.log(f"{stage}/loss", self.counter(stage).mean())
        self.counter(stage).reset()

    def progress(self) -> tuple[str, float]:
        return "loss", 0.0


def trained(
    *gradients: tuple[float, ...], optimizer: Any = MOMENTUM, policy: str = "stop", **flags: Any
) -> tuple[Line, Trainer]:
    """Train on batches with these gradients; a third number asks for an infinite one."""
    module = Line(Pair(), optimizer, on_nonfinite=policy)
    return module, trained_on(module, *gradients, **flags)


def trained_on(module: Line, *gradients: tuple[float, ...], **flags: Any) -> Trainer:
    batches = [
        SeriesBatch(torch.tensor([row[:2]]).float(), torch.tensor([float(len(row) > 2)]))
        for row in gradients
    ]
    trainer = quiet_trainer(**{"max_epochs": 1} | flags)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, train_dataloaders=DataLoader(batches, batch_size=None))
    return trainer


def logged(*gradients: tuple[float, ...], **options: Any) -> dict[str, float]:
    values = metrics(trained(*gradients, **options)[1])
    values.pop("train/loss")
    return values


def test_norm_goes_over_all_tensors_and_is_the_mean_over_steps() -> None:
    assert logged((3, 4), (6, 8), (0, 1)) == {"train/gradient_norm": pytest.approx(16 / 3)}


def test_clipping_by_norm_says_how_often_and_how_much() -> None:
    assert logged((3, 4), (6, 8), (0, 1), gradient_clip_val=5.5) == {
        "train/gradient_norm": pytest.approx(16 / 3),
        "train/gradient_norm_clipped": pytest.approx(11.5 / 3),
        "train/clipped_share": pytest.approx(1 / 3),
    }
    module, _ = trained((6, 8), optimizer=partial(SGD, lr=1), gradient_clip_val=5)
    assert flat(module).tolist() == pytest.approx([1 - 3, 1 - 4])


def test_clipping_by_value_counts_steps_with_a_component_that_was_cut() -> None:
    flags = {"gradient_clip_val": 3, "gradient_clip_algorithm": "value"}
    assert logged((4, 3), (-4, 0), (3, -3), (0, 1), **flags) == {
        "train/gradient_norm": pytest.approx((5 + 4 + 18**0.5 + 1) / 4),
        "train/gradient_norm_clipped": pytest.approx((18**0.5 + 3 + 18**0.5 + 1) / 4),
        "train/clipped_share": pytest.approx(0.5),
    }


def test_accumulated_batches_are_one_step() -> None:
    flags = {"accumulate_grad_batches": 2, "gradient_clip_val": 1}
    assert logged((6, 0), (0, 8), (12, 0), (0, 16), **flags) == {
        "train/gradient_norm": pytest.approx((5 + 10) / 2),
        "train/gradient_norm_clipped": pytest.approx(1),
        "train/clipped_share": pytest.approx(1),
    }


def test_each_epoch_has_its_own_mean() -> None:
    # Adam's first epoch moves the weights, and this gradient does not depend on them.
    module, trainer = trained((3, 4), optimizer=Adam, max_epochs=3)
    assert metrics(trainer)["train/gradient_norm"] == pytest.approx(5)
    assert module.gradients == GradientSums()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("order", [2.0, INF])
def test_total_norm_is_the_librarys_to_the_bit(dtype: torch.dtype, order: float) -> None:
    torch.manual_seed(0)
    for shapes in ([(1,)], [(4, 10), (10,), (10, 1), (1,)], [(64, 64), (3, 5, 7), (0,), (999,)]):
        tensors = [torch.randn(shape).to(dtype) for shape in shapes if order == 2 or shape != (0,)]
        assert torch.equal(total_norm(tensors, order), get_total_norm(tensors, order))


def test_total_norm_of_a_sparse_gradient_adds_up_its_repetitions_first() -> None:
    twice = torch.sparse_coo_tensor(
        torch.tensor([[1, 1]]), torch.tensor([[1.0], [2.0]]), (5, 1), check_invariants=True
    )
    assert total_norm([twice, torch.tensor([4.0])]).item() == 5
    assert total_norm([]).item() == 0


@pytest.mark.parametrize(("algorithm", "limit"), [("norm", 0.3), ("norm", 100), ("value", 0.01)])
def test_weights_are_those_of_the_trainers_own_clipping(
    tmp_path: Path, algorithm: str, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights() -> Tensor:
        data = text_data(tmp_path)
        module = language_model(data)
        flags = {"gradient_clip_val": limit, "gradient_clip_algorithm": algorithm}
        fit(module, data, max_epochs=3, **flags)
        return flat(module)

    ours = weights()
    hook = "configure_gradient_clipping"
    monkeypatch.setattr(guarded.GuardedModule, hook, getattr(LightningModule, hook))
    assert torch.equal(ours, weights())


@pytest.mark.parametrize("by_value", [False, True])
def test_clipped_norm_is_that_of_the_gradient_after_the_librarys_clipping(by_value: bool) -> None:
    torch.manual_seed(1)
    weights = [nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(5))]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    sums = GradientSums()
    before, largest = total_norm(gradients).item(), total_norm(gradients, INF).item()
    if by_value:
        clip_grad_value_(weights, 0.5)
        sums.add(0.5, before, largest, total_norm(gradients).item())
    else:
        clip_grad_norm_(weights, 0.5)
        sums.add(0.5, before)
    assert (sums.steps, sums.clipped) == (1, 1)
    assert sums.clipped_norm == pytest.approx(total_norm(gradients).item(), rel=1e-6)


def test_checkpoint_in_the_middle_of_an_epoch_keeps_the_sums_to_the_bit(tmp_path: Path) -> None:
    module = Line(Pair(), MOMENTUM)
    for norm in (0.1, 1 / 3, 7.7):
        module.gradients.add(0.3, norm)
    module.gradients.skip(4)
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "sums.ckpt")
    again = Line(Pair(), MOMENTUM)
    again.on_load_checkpoint(torch.load(tmp_path / "sums.ckpt", weights_only=True))
    for one in (module, again):
        one.gradients.add(0.3, 0.7)
    assert again.gradients == module.gradients
    assert again.gradients.first_skipped == 4
    # A checkpoint of an earlier version has no such sums.
    del checkpoint["gradients"]
    again.on_load_checkpoint(checkpoint)
    assert again.gradients == GradientSums()


# Not finite


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ((NAN, 1), "the loss is nan"),
        ((-INF, 1), "the loss is -inf"),
        ((0, 0, 1), "the norm of the gradient is inf"),
        # Each component is finite; their squares are not, so that clipping would make zeros.
        ((1e30, 1e30), "the norm of the gradient is inf"),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_stop_names_the_step_and_what_is_wrong(
    bad: tuple[float, ...], what: str, later: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "costs_a_wait", lambda tensor: later)
    with pytest.raises(NonFiniteError) as raised:
        trained((3, 4), (1, 1), bad, (2, 2), optimizer=partial(SGD, lr=0.125), max_epochs=5)
    assert str(raised.value) == f"{what} at step 3 (epoch 1), learning rate 0.125"


def test_stop_leaves_the_weights_of_the_step_before() -> None:
    weights = []

    class Kept(Line):
        def accepts(self, loss: Tensor, batch: Any) -> bool:
            weights.append(flat(self).tolist())
            return super().accepts(loss, batch)

    module = Kept(Pair(), partial(SGD, lr=1))
    with pytest.raises(NonFiniteError):
        trained_on(module, (3, 4), (0, 0, 1), (5, 6))
    assert weights == [[1, 1], [-2, -3]]
    assert flat(module).tolist() == [-2, -3]


@pytest.mark.parametrize("later", [False, True])
def test_numbers_that_are_read_later_are_the_same(
    later: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "costs_a_wait", lambda tensor: later)
    monkeypatch.setattr(guarded, "READ_EVERY", 3)
    values = logged((3, 4), (6, 8), (0, 1), (0, 2), (0, 3), gradient_clip_val=5.5)
    assert values["train/gradient_norm"] == pytest.approx(21 / 5)
    assert values["train/clipped_share"] == pytest.approx(1 / 5)


@pytest.mark.parametrize(("policy", "seen"), [("stop", [0, 0, 2, 2]), ("skip", [0, 1, 2, 3])])
def test_device_is_waited_for_now_and_then_or_where_skipping_needs_it(
    policy: str, seen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "costs_a_wait", lambda tensor: True)
    monkeypatch.setattr(guarded, "READ_EVERY", 4)  # of a loss and a gradient each step
    known = []

    class Watched(Line):
        def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
            known.append(self.gradients.steps)

    module = Watched(Pair(), MOMENTUM, on_nonfinite=policy)
    trainer = trained_on(module, (3, 4), (6, 8), (0, 1), (0, 2))
    assert known == seen
    assert metrics(trainer)["train/gradient_norm"] == pytest.approx(18 / 4)


def test_no_checkpoint_is_made_of_numbers_that_are_still_to_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(guarded, "costs_a_wait", lambda tensor: True)
    saved = []

    class Saves(Line):
        def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
            self.trainer.save_checkpoint(tmp_path / f"{batch_idx}.ckpt")
            saved.append(batch_idx)

    with pytest.raises(NonFiniteError, match="step 2 "):
        trained_on(Saves(Pair(), MOMENTUM), (3, 4), (NAN, 1), (1, 1))
    assert saved == [0, 1]
    assert {file.name for file in tmp_path.iterdir()} == {"0.ckpt", "1.ckpt"}


def test_update_that_overflows_the_weights_ends_the_run() -> None:
    with pytest.raises(NonFiniteError, match="the weights are not finite after the update at ste"):
        trained((3, 4), optimizer=partial(SGD, lr=3e38))


GOOD = [(3, 4), (1, -2), (0.5, 0.25), (2, 2)]


@pytest.mark.parametrize("optimizer", [MOMENTUM, partial(Adam, lr=0.1, weight_decay=0.1)])
@pytest.mark.parametrize("bad", [(NAN, 1), (INF, 0), (0, 0, 1), (1e30, 1e30)])
def test_skipped_step_leaves_no_trace(bad: tuple[float, ...], optimizer: Any) -> None:
    options = {"optimizer": optimizer, "gradient_clip_val": 3.0}
    module, trainer = trained(*GOOD[:2], bad, *GOOD[2:], policy="skip", **options)
    without, other = trained(*GOOD, policy="skip", **options)
    assert torch.equal(flat(module), flat(without))
    assert torch.equal(module.network.seen, without.network.seen)
    ours, theirs = (each.optimizers[0].state_dict()["state"] for each in (trainer, other))
    for index, state in theirs.items():
        for name, value in state.items():
            assert torch.equal(ours[index][name], value), name
    found, expected = metrics(trainer), metrics(other)
    assert (found.pop("train/skipped_steps"), expected.pop("train/skipped_steps")) == (1, 0)
    assert found == expected
    assert trainer.global_step == other.global_step + 1
    sums = module.gradients
    assert (sums.skipped_in_all, sums.first_skipped) == (1, 3)


@pytest.mark.parametrize("bad", [(NAN, 1), (0, 0, 1)])
@pytest.mark.parametrize("place", [0, 1])
def test_all_batches_of_a_skipped_step_are_left_out(bad: tuple[float, ...], place: int) -> None:
    step = [(9.0, 9.0)]
    step.insert(place, bad)
    flags = {"policy": "skip", "accumulate_grad_batches": 2}
    module, trainer = trained(*GOOD[:2], *step, *GOOD[2:], **flags)
    without, other = trained(*GOOD, **flags)
    assert torch.equal(flat(module), flat(without))
    assert metrics(trainer) == metrics(other) | {"train/skipped_steps": 1}


def test_epoch_without_a_single_good_step_ends_the_run() -> None:
    with pytest.raises(NonFiniteError) as raised:
        trained((NAN, 1), (0, 0, 1), policy="skip", optimizer=Adam)
    assert str(raised.value) == (
        "every step of the epoch was skipped, the last at step 2 (epoch 1), learning rate 0.001"
    )
    assert "on_nonfinite" not in raised.value.hint


def scaled(*gradients: tuple[float, ...], **options: Any) -> tuple[Line, Trainer]:
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    return trained(*gradients, plugins=[plugin], **options)


def test_scaler_leaves_out_infinite_gradients_by_itself() -> None:
    module, trainer = scaled((3, 4), (0, 0, 1), (6, 8), optimizer=partial(SGD, lr=1))
    assert flat(module).tolist() == [1 - 3 - 6, 1 - 4 - 8]
    assert metrics(trainer)["train/gradient_norm"] == pytest.approx(7.5)
    assert module.gradients.skipped_in_all == 0
    with pytest.raises(NonFiniteError, match="the loss is nan at step 2 ") as raised:
        scaled((3, 4), (NAN, 4))
    assert "look at the data" in raised.value.hint
    limited = scaled((3, 4), (6, 8), optimizer=partial(SGD, lr=1), gradient_clip_val=5.0)
    assert flat(limited[0]).tolist() == pytest.approx([1 - 6, 1 - 8])
    assert metrics(limited[1])["train/clipped_share"] == pytest.approx(0.5)


def test_scaler_and_skip_leave_a_bad_loss_out() -> None:
    module, trainer = scaled(*GOOD[:2], (NAN, 4), *GOOD[2:], policy="skip")
    without, _ = scaled(*GOOD, policy="skip")
    assert torch.equal(flat(module), flat(without))
    assert metrics(trainer)["train/skipped_steps"] == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"lr": 0.05}, "gradients are not clipped, try trainer.gradient_clip_val=1; the learning"),
        ({"lr": 0.05}, "the learning rate, try optimizer.lr=0.005."),
        ({"lr": 30.0}, "Likely causes: the learning rate, try optimizer.lr=0.1; gradients are"),
        ({"lr": 0.05, "gradient_clip_val": 1.0}, "Likely causes: the learning rate, try opt"),
        ({"lr": 0.05}, "on_nonfinite=skip goes on without such steps."),
    ],
)
def test_likely_causes_follow_from_the_facts(options: dict[str, Any], expected: str) -> None:
    flags = dict(options)
    with pytest.raises(NonFiniteError) as raised:
        trained((3, 4), (0, 0, 1), optimizer=partial(SGD, lr=flags.pop("lr")), **flags)
    assert expected in raised.value.hint
    assert ("not clipped" in raised.value.hint) is ("gradient_clip_val" not in options)


def test_data_that_are_not_finite_are_the_only_suspect() -> None:
    with pytest.raises(NonFiniteError) as raised:
        trained((3, 4), (NAN, 4))
    assert raised.value.hint == (
        "The batch itself holds values that are not finite: look at the data. "
        "on_nonfinite=skip goes on without such steps."
    )


def test_sixteen_bit_numbers_are_a_suspect() -> None:
    with pytest.raises(NonFiniteError, match="norm of the gradient is inf") as raised:
        trained((3, 4), (0, 0, 1), precision="16-true")
    assert "try trainer.precision=bf16-mixed" in raised.value.hint


def test_tracing_of_anomalies_names_the_operation_first() -> None:
    with pytest.raises(RuntimeError, match="returned nan values"):
        trained((3, 4), (NAN, 1), detect_anomaly=True)
    with pytest.raises(NonFiniteError, match="the loss is inf"):
        trained((3, 4), (INF, 1), detect_anomaly=True)


def test_error_survives_the_way_between_processes() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(NonFiniteError("what", "why")))
    assert (str(error), error.hint) == ("what", "why")


def test_mean_can_be_copied_without_sharing_memory() -> None:
    module = Line(Pair(), MOMENTUM)
    counter: Mean = module.counter("train")
    counter.add(torch.tensor(2.0), 1)
    kept = module.carried()
    counter.add(torch.tensor(3.0), 1)
    module.carry(kept)
    assert counter.mean().item() == 2
    counter.add(torch.tensor(3.0), 1)
    assert kept["counted"]["total"].item() == 2
