"""Training: clipping, carried state, and what is logged, with the real Trainer on small data."""

import math
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR

from quiet import quiet_trainer
from seqlab.batch import IGNORED
from seqlab.data.series import windows
from seqlab.data.sine import SineData
from seqlab.data.text import TextData
from seqlab.models.forecaster import Forecaster
from seqlab.models.language_model import SEES_FUTURE, LanguageModel
from seqlab.models.mlp import MLP
from seqlab.models.recurrent import RecurrentNetwork
from seqlab.models.schedules import SchedulePlan

STORY = "the tide clock ran slow, and the sea was out; we walked to the rocks and sang. " * 20


class Watch(Callback):
    """Notes the loss and batch of each step, and how far the weights moved."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.batches: list[Any] = []
        self.moves: list[float] = []
        self._before = torch.empty(0)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._before = flat(pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.losses.append(outputs["loss"].item())
        self.batches.append(batch)
        self.moves.append((flat(pl_module) - self._before).norm().item())


def flat(module: LightningModule) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()]).double()


def text_data(folder: Path, **options: Any) -> TextData:
    file = folder / "story.txt"
    file.write_text(STORY)
    settings = {"num_steps": 10, "batch_size": 4, "max_tokens": 400} | options
    data = TextData(path=file, **settings)
    data.setup()
    return data


def language_model(data: TextData, seed: int = 0, lr: float = 1.0, **options: Any) -> LanguageModel:
    seed_everything(seed, verbose=False)
    return LanguageModel(
        RecurrentNetwork(**data.describe(), hidden_size=12, **options), partial(SGD, lr=lr)
    )


def forecaster(seed: int = 0) -> Forecaster:
    seed_everything(seed, verbose=False)
    return Forecaster(MLP(4), partial(SGD, lr=0.05))


def fit(module: LightningModule, data: Any, *callbacks: Callback, **flags: Any) -> Trainer:
    resume = flags.pop("ckpt_path", None)
    trainer = quiet_trainer(*callbacks, **{"max_epochs": 1} | flags)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, datamodule=data, ckpt_path=resume)
    return trainer


def metrics(trainer: Trainer) -> dict[str, float]:
    return {name: value.item() for name, value in trainer.callback_metrics.items()}


@torch.no_grad()
def bits_and_tokens(network: Any, batches: Any) -> tuple[float, int]:
    """Sum -log2 p of each token by a plain loop, the state carried where a batch continues."""
    state, bits, tokens = None, 0.0, 0
    for inputs, targets, continues in batches:
        logits, state = network(inputs, state if continues else None)
        chances = logits.double().softmax(-1)
        for row, column in (targets != IGNORED).nonzero().tolist():
            bits -= math.log2(chances[row, column, targets[row, column]])
            tokens += 1
    return bits, tokens


def test_clipping_limits_the_global_norm_of_every_update(tmp_path: Path) -> None:
    moves: dict[float | None, list[float]] = {}
    for limit in (None, 100.0, 0.01):
        data, watch = text_data(tmp_path), Watch()
        fit(language_model(data, lr=0.5), data, watch, gradient_clip_val=limit)
        moves[limit] = watch.moves
    assert len(moves[None]) == 9
    assert min(moves[None]) > 0.02
    assert moves[100.0] == moves[None]
    assert moves[0.01] == pytest.approx([0.5 * 0.01] * 9, rel=1e-3)


def test_the_state_is_carried_from_batch_to_batch(tmp_path: Path) -> None:
    carried, forgotten = Watch(), Watch()
    for watch, carry_state in ((carried, True), (forgotten, False)):
        data = text_data(tmp_path, carry_state=carry_state)
        fit(language_model(data), data, watch)
    for ours, theirs in zip(carried.batches, forgotten.batches, strict=True):
        assert torch.equal(ours.inputs, theirs.inputs)
    assert carried.losses[0] == forgotten.losses[0]
    later = zip(carried.losses[1:], forgotten.losses[1:], strict=True)
    assert all(ours != theirs for ours, theirs in later)


def test_states_are_detached_kept_apart_by_stage_and_begin_at_zero(tmp_path: Path) -> None:
    data = text_data(tmp_path)
    module = language_model(data)
    calls: dict[str, list[tuple[Tensor | None, Tensor]]] = {"train": [], "val": []}
    order: list[str] = []

    def note(network: Any, args: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        stage = "train" if network.training else "val"
        order.append(stage)
        calls[stage].append((args[1], output[1]))

    module.network.register_forward_hook(note)
    fit(module, data, val_check_interval=3, num_sanity_val_steps=0, max_epochs=2)
    assert order[:4] == ["train"] * 3 + ["val"]
    num_val = len(data.loader("val"))
    assert num_val == 4
    for stage, length in (("train", 9), ("val", num_val)):
        assert len(calls[stage]) % length == 0
        assert len(calls[stage]) > length
        for index, (given, _) in enumerate(calls[stage]):
            if index % length == 0:
                assert given is None
            else:
                assert given is not None
                assert not given.requires_grad
                assert torch.equal(given, calls[stage][index - 1][1])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_checkpoint_keeps_state_and_sums(tmp_path: Path, cell: str) -> None:
    data = text_data(tmp_path)
    first, second, third = list(data.loader("train", training=True))[:3]
    module = language_model(data, cell=cell)
    module.step(first, "train")
    module.step(second, "train")
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    again = language_model(data, cell=cell)
    again.on_load_checkpoint(checkpoint)
    assert again.progress() == module.progress()
    assert again.step(third, "train").item() == module.step(third, "train").item()
    assert again.progress() == module.progress()
    fresh = language_model(data, cell=cell)
    assert fresh.step(third, "train").item() != again.step(third, "train").item()


@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_validation_perplexity_is_that_of_all_held_out_tokens(
    tmp_path: Path, sampling: str
) -> None:
    data = text_data(tmp_path, sampling=sampling)
    module = language_model(data)
    logged = metrics(fit(module, data))
    bits, tokens = bits_and_tokens(module.network, data.loader("val"))
    assert tokens == len(data.parts["val"]) - 1
    assert logged["val/bits_per_token"] == pytest.approx(bits / tokens, rel=1e-5)
    assert logged["val/perplexity"] == pytest.approx(2 ** (bits / tokens), rel=1e-5)
    assert logged["val/loss"] == pytest.approx(bits / tokens * math.log(2), rel=1e-5)


def test_training_perplexity_sums_over_each_epoch_while_weights_move(tmp_path: Path) -> None:
    data, watch = text_data(tmp_path), Watch()
    logged = metrics(fit(language_model(data), data, watch, max_epochs=3))
    losses = watch.losses[18:]
    assert logged["train/loss"] == pytest.approx(sum(losses) / 9, rel=1e-5)
    assert logged["train/perplexity"] == pytest.approx(math.exp(sum(losses) / 9), rel=1e-5)
    mean_of_exps = sum(map(math.exp, losses)) / 9
    assert mean_of_exps > 1.0005 * logged["train/perplexity"]


def test_the_test_stage_counts_the_test_part(tmp_path: Path) -> None:
    data = text_data(tmp_path, test_fraction=0.2)
    module = language_model(data)
    trainer = fit(module, data)
    trainer.test(module, datamodule=data, verbose=False)
    bits, tokens = bits_and_tokens(module.network, data.loader("test"))
    assert tokens == len(data.parts["test"]) - 1
    assert metrics(trainer) == {
        "test/loss": pytest.approx(bits / tokens * math.log(2), rel=1e-5),
        "test/perplexity": pytest.approx(2 ** (bits / tokens), rel=1e-5),
        "test/bits_per_token": pytest.approx(bits / tokens, rel=1e-5),
    }


def test_the_forecaster_logs_the_loss_with_the_final_weights() -> None:
    data, watch = SineData(), Watch()
    data.setup()
    module = forecaster()
    logged = metrics(fit(module, data, watch))
    assert module.training
    with torch.no_grad():
        for stage, part in (("train", data.series[:604]), ("val", data.series[604:])):
            pairs = windows(part, 4)
            loss = (module.network(pairs.inputs) - pairs.targets).square().mean().item()
            assert logged[f"{stage}/loss"] == pytest.approx(loss, rel=1e-5)
    assert sum(watch.losses) / len(watch.losses) > 1.2 * logged["train/loss"]
    assert [batch.size for batch in watch.batches] == [16] * 37 + [8]


@pytest.mark.parametrize("precision", ["bf16-true", "64-true"])
def test_other_precisions_train(tmp_path: Path, precision: Any) -> None:
    text = text_data(tmp_path)
    language = metrics(fit(language_model(text), text, precision=precision))
    assert 1 < language["val/perplexity"] < 40
    forecast = metrics(fit(forecaster(), SineData(), precision=precision))
    assert 0.03 < forecast["train/loss"] < 1


def language_run(folder: Path, seed: int) -> dict[str, float]:
    data = text_data(folder, seed=seed)
    return metrics(fit(language_model(data, seed, dropout=0.3), data, max_epochs=2))


def sine_run(_: Path, seed: int) -> dict[str, float]:
    return metrics(fit(forecaster(seed), SineData(seed=seed), max_epochs=2))


@pytest.mark.parametrize("run", [language_run, sine_run])
def test_the_seed_decides_the_numbers(
    tmp_path: Path, run: Callable[[Path, int], dict[str, float]]
) -> None:
    first = run(tmp_path, 1)
    assert len(first) >= 2
    assert run(tmp_path, 1) == first
    other = run(tmp_path, 2)
    assert all(other[name] != value for name, value in first.items())


@pytest.mark.parametrize("flags", [{}, {"limit_train_batches": 3}])
def test_a_resumed_run_trains_on_the_batches_of_an_undisturbed_one(
    tmp_path: Path, flags: dict[str, Any]
) -> None:
    whole, late = Watch(), Watch()
    data = text_data(tmp_path)
    fit(language_model(data), data, whole, max_epochs=3, **flags)
    data, checkpoint = text_data(tmp_path), tmp_path / "stopped.ckpt"
    fit(language_model(data), data, **flags).save_checkpoint(checkpoint)
    data = text_data(tmp_path)
    fit(language_model(data, seed=9), data, late, max_epochs=3, ckpt_path=checkpoint, **flags)
    assert late.losses == whole.losses[len(whole.losses) // 3 :]


def test_the_schedule_is_stepped_once_an_epoch(tmp_path: Path) -> None:
    data = text_data(tmp_path)
    network = RecurrentNetwork(**data.describe(), hidden_size=4)
    plan = SchedulePlan(partial(StepLR, step_size=1, gamma=0.5))
    module = LanguageModel(network, partial(SGD, lr=0.8), plan)
    trainer = fit(module, data, max_epochs=3)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.1)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_bidirectional_network_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bidirectional: bool
) -> None:
    data = text_data(tmp_path)
    fit(language_model(data, bidirectional=bidirectional), data, limit_train_batches=1)
    assert (SEES_FUTURE in caplog.messages) is bidirectional
