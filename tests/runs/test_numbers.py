"""Whole runs whose numbers stop being finite, and what every run says of its gradients."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import SMALL_LM, Outcome
from dashboard import events
from expect import Command, Refuses, succeeded
from seqlab.loggers.charts import tag_of
from seqlab.models.forecaster import Forecaster
from seqlab.models.language_model import LanguageModel
from seqlab.models.sequence_module import SequenceModule
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.terminal import relative

CLIPPING = ["train/gradient_norm_clipped", "train/clipped_share"]


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the loss of training steps with these numbers be something else."""

    def call(kind: type[SequenceModule], *steps: int, value: float = math.nan) -> None:
        step = kind.step

        def spoiled(self: Any, batch: Any, stage: str) -> Any:
            loss = step(self, batch, stage)
            hit = stage == "train" and self.training and self.global_step + 1 in steps
            return loss * value if hit else loss

        monkeypatch.setattr(kind, "step", spoiled)

    return call


def failed(outcome: Outcome, run: RunFolder, *texts: str) -> dict[str, Any]:
    """Assert that the run ended with this error, as result and console say; return the result."""
    assert outcome.code == 1
    assert outcome.err.count("error: ") == 1
    assert "Traceback" not in outcome.err
    result = run.read_result()
    assert result["status"] == "failed"
    error = result["error"]
    assert error["type"] == "NonFiniteError"
    assert relative(f"error: {error['message']}\n  {error['hint']}\n") in outcome.err
    for text in texts:
        assert text in f"{error['message']}\n{error['hint']}"
    assert "NonFiniteError: " in run.log.read_text(encoding="utf-8")
    return result


def tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict | list | tuple):
        inner = value.values() if isinstance(value, dict) else value
        return [tensor for each in inner for tensor in tensors(each)]
    return []


def content(file: Path) -> Any:
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize(
    ("words", "rate", "usual"),
    [([], "1e+30", "0.001"), ([*SMALL_LM, "trainer.gradient_clip_val=null"], "3e+38", "0.1")],
    ids=["sine", "language"],
)
def test_learning_rate_that_overflows_ends_the_run_at_once(
    train: Command, tmp_path: Path, words: list[str], rate: str, usual: str
) -> None:
    outcome = train(*words, f"optimizer.lr={rate}", "hydra.run.dir=run")
    run = RunFolder(tmp_path / "run")
    result = failed(
        outcome,
        run,
        "the loss is ",  # nan or inf: that may be the machine's
        f" at step 2 (epoch 1), learning rate {rate}",
        f"Likely causes: the learning rate, try optimizer.lr={usual}; gradients are not clipped, "
        "try trainer.gradient_clip_val=1. on_nonfinite=skip goes on without such steps. "
        "There is no checkpoint yet: start a new run.",
    )
    assert result["steps"] == 1
    assert not run.last.exists()


def test_update_that_overflows_is_never_saved(train: Command, tmp_path: Path) -> None:
    words = ["optimizer=sgd", "optimizer.lr=3e38", "trainer.limit_train_batches=1"]
    for policy in ("stop", "skip"):
        outcome = train(*words, f"on_nonfinite={policy}", f"hydra.run.dir={policy}")
        run = RunFolder(tmp_path / policy)
        failed(outcome, run, "the weights are not finite after the update at step 1 (epoch 1)")
        assert not run.last.exists()


def test_nan_names_its_step_and_the_last_good_checkpoint(
    train: Command, tmp_path: Path, spoil: Callable[..., None]
) -> None:
    spoil(Forecaster, 80)
    outcome = train("hydra.run.dir=run", "trainer.gradient_clip_val=5")
    run = RunFolder(tmp_path / "run")
    result = failed(
        outcome,
        run,
        "the loss is nan at step 80 (epoch 3), learning rate 0.01",
        "Likely causes: the learning rate, try optimizer.lr=0.001. ",
        f"The last good checkpoint, its weights all finite, is {run.last}. ",
        f"python -m train resume={run.path} goes on",
    )
    assert (result["steps"], result["epochs"]) == (79, 2)
    assert [epoch for epoch, _ in run.read_metrics()["train/loss"]] == [1, 2]
    for file in (run.last, run.best):
        found = content(file)
        assert all(tensor.isfinite().all() for tensor in tensors(found))
    assert content(run.last)["global_step"] == 76


def test_resume_may_change_what_is_done(
    train: Command, tmp_path: Path, spoil: Callable[..., None]
) -> None:
    spoil(Forecaster, 50)
    assert train("hydra.run.dir=run").code == 1
    run = RunFolder(tmp_path / "run")
    assert train("resume=run").code == 1
    succeeded(train("resume=run", "on_nonfinite=skip"))
    result = run.read_result()
    assert (result["status"], result["error"], result["epochs"]) == ("completed", None, 5)
    assert run.read_metrics()["train/skipped_steps"] == [(2, 1), (3, 0), (4, 0), (5, 0)]


def test_skipped_batch_leaves_no_trace_in_a_run(
    train: Command, tmp_path: Path, spoil: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*SMALL_LM, "on_nonfinite=skip", "optimizer.momentum=0.9", "optimizer.lr=0.1"]
    training_step = LanguageModel.training_step

    def absent(self: Any, batch: Any, batch_idx: int) -> Any:
        if self.global_step + 1 in (5, 23):
            return None
        return training_step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel, "training_step", absent)
        assert train(*words, "hydra.run.dir=without").code == 0
    spoil(LanguageModel, 5, 23)
    outcome = succeeded(train(*words, "hydra.run.dir=run"))
    without, run = RunFolder(tmp_path / "without"), RunFolder(tmp_path / "run")
    ours, theirs = content(run.last), content(without.last)
    for part in ("state_dict", "optimizer_states", "state", "counted"):
        pairs = zip(tensors(ours[part]), tensors(theirs[part]), strict=True)
        assert all(torch.equal(mine, other) for mine, other in pairs), part
    table, expected = run.read_metrics(), without.read_metrics()
    for name in expected:
        if name.partition("/")[2] in ("loss", "perplexity", "bits_per_token"):
            assert table[name] == expected[name], name
    assert table["train/skipped_steps"] == [(1, 1), (2, 1)]
    assert run.read_result()["warnings"] == [
        "2 of 36 steps were skipped because loss or gradient was not finite, the first was step 5"
    ]
    assert "the loss is nan at step 5: it is skipped, as all like it will be" in outcome.err
    assert "step 23: " not in outcome.err


def test_epoch_in_which_every_step_is_skipped_ends_the_run(
    train: Command, tmp_path: Path, spoil: Callable[..., None]
) -> None:
    spoil(Forecaster, *range(39, 77))
    outcome = train("on_nonfinite=skip", "hydra.run.dir=run")
    run = RunFolder(tmp_path / "run")
    text = "every step of the epoch was skipped, the last at step 76 (epoch 2)"
    assert failed(outcome, run, text, str(run.last))["epochs"] == 1
    assert "on_nonfinite=skip" not in run.read_result()["error"]["hint"]
    assert content(run.last)["global_step"] == 38


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_validation_loss_that_is_not_finite_is_a_warning(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    step = Forecaster.step

    def spoiled(self: Any, batch: Any, stage: str) -> Any:
        loss = step(self, batch, stage)
        if stage == "val" and self.current_epoch in (1, 2):
            self.counter("val").add(torch.tensor(math.nan), 1)
        return loss

    monkeypatch.setattr(Forecaster, "step", spoiled)
    assert train(f"on_nonfinite={policy}", "hydra.run.dir=run").code == 0
    run = RunFolder(tmp_path / "run")
    result = run.read_result()
    (warning,) = result["warnings"]
    assert warning.startswith("val/loss is nan in epoch 2: ")
    assert result["best_epoch"] in (1, 4, 5)
    losses = dict(run.read_metrics()["val/loss"])
    assert [epoch for epoch, loss in losses.items() if math.isnan(loss)] == [2, 3]


def test_training_loss_after_the_last_update_counts_too(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Forecaster.step

    def spoiled(self: Any, batch: Any, stage: str) -> Any:
        loss = step(self, batch, stage)
        if stage == "train" and not self.training and self.current_epoch == 1:
            self.counter("train").add(torch.tensor(math.inf), 1)
        return loss

    monkeypatch.setattr(Forecaster, "step", spoiled)
    outcome = train("trainer.max_epochs=2", "hydra.run.dir=run")
    run = RunFolder(tmp_path / "run")
    failed(outcome, run, "train/loss is inf at step 76 (epoch 2)", str(run.last))
    assert content(run.last)["epoch"] == 0
    assert train("trainer.max_epochs=2", "on_nonfinite=skip", "hydra.run.dir=skip").code == 0
    (warning,) = RunFolder(tmp_path / "skip").read_result()["warnings"]
    assert warning.startswith("train/loss is inf in epoch 2: ")


def test_policy_is_one_of_two(refuses: Refuses) -> None:
    texts = ("on_nonfinite=ignore", "must be one of stop, skip", "on_nonfinite=stop")
    refuses("on_nonfinite=ignore hydra.run.dir=run", *texts)


# Telemetry


def test_table_and_dashboard_say_how_gradients_were_clipped(language_run: RunFolder) -> None:
    table = language_run.read_metrics()
    found = events(language_run)
    for name in ("train/gradient_norm", *CLIPPING):
        values = [value for _, value in table[name]]
        assert len(values) == 2
        assert [
            scalar.value for scalar in found.Scalars(tag_of(name, "language_model"))
        ] == pytest.approx(values)
    norm, clipped, share = (table[name][0][1] for name in ("train/gradient_norm", *CLIPPING))
    assert 0 < clipped <= norm
    assert clipped <= 1
    assert 0 <= share <= 1
    assert "train/skipped_steps" not in table


def test_without_clipping_there_is_the_norm_alone(sine_run: RunFolder) -> None:
    names = {name for name in sine_run.read_metrics() if "gradient" in name or "clipped" in name}
    assert names == {"train/gradient_norm"}


def test_share_is_that_of_the_steps_above_the_limit(train: Command, tmp_path: Path) -> None:
    for limit, share, clipped in (("1e-4", 1, 1e-4), ("1e4", 0, None)):
        words = [f"trainer.gradient_clip_val={limit}", "trainer.max_epochs=1"]
        assert train(*words, f"hydra.run.dir=limit_{limit}").code == 0
        metrics = RunFolder(tmp_path / f"limit_{limit}").read_result()["metrics"]
        assert metrics["train/clipped_share"] == share
        after = metrics["train/gradient_norm"] if clipped is None else clipped
        assert metrics["train/gradient_norm_clipped"] == pytest.approx(after, rel=0.02)
