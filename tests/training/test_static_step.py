"""A training step as one function over lasting buffers: what a GPU captures, run on a CPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.optim import SGD, RMSprop
from torch.utils._python_dispatch import TorchDispatchMode

from conftest import SMALL_LM
from expect import Command, Refuses, succeeded
from quiet import quiet_trainer
from same_runs import ends_like
from seqlab.data.sine import SineData
from seqlab.models.forecaster import Forecaster
from seqlab.models.mlp import MLP
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import UserError
from seqlab.training.loop import use_training_loop
from seqlab.training.static_step import StaticSteps, why_not

SINE = ["trainer.max_epochs=2"]
DEEP = [*SMALL_LM, "model=lstm", "model.num_layers=2", "model.dropout=0.3", "optimizer=adam"]


@contextmanager
def capturing(monkeypatch: pytest.MonkeyPatch, repeat: Any = None) -> Iterator[list[Any]]:
    """Capture steps on a CPU: what repeats a function's work is the function itself."""
    captured: list[Any] = []

    def capture(step: Callable[[], None]) -> Callable[[], None]:
        captured.append(step)
        return repeat(step) if repeat else step

    with monkeypatch.context() as patch:
        patch.setattr("seqlab.training.loop.capture_for", lambda device: capture)
        yield captured


def log_of(folder: str) -> list[str]:
    """Return what the run's log says of captured steps."""
    lines = RunFolder(folder).log.read_text(encoding="utf-8").splitlines()
    return [line.partition("static_step: ")[2] or line for line in lines if "captured" in line]


@pytest.mark.parametrize(
    ("words", "captures"),
    [
        (SINE, 2),  # the last batch of an epoch is short
        (["scheduler=cosine", "optimizer=adamw", "trainer.max_epochs=3"], 6),  # anew in each epoch
        (["trainer.precision=bf16-mixed", "trainer.max_epochs=2"], 2),
        (["trainer.gradient_clip_algorithm=value", "trainer.gradient_clip_val=0.1", *SINE], 2),
        (SMALL_LM, 2),  # batches that go on and batches that do not
        ([*SMALL_LM, "data.sampling=random", "model=gru"], 1),
        (DEEP, 2),
    ],
    ids=["sine", "cosine", "bf16", "value", "rnn", "random", "deep"],
)
def test_captured_and_eager_runs_are_equal_to_the_bit(
    train: Command, monkeypatch: pytest.MonkeyPatch, words: list[str], captures: int
) -> None:
    succeeded(train(*words, "hydra.run.dir=eager"))
    with capturing(monkeypatch) as captured:
        succeeded(train(*words, "hydra.run.dir=static"))
    assert len(captured) == captures
    assert log_of("static") == ["training steps are captured: each is one launch on the device"]
    assert log_of("eager") == []
    ends_like(RunFolder("static"), RunFolder("eager"))


class Watch(TorchDispatchMode):
    """Notes what a GPU would have to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
            self.waits.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("words", [SINE, DEEP], ids=["sine", "deep"])
def test_a_captured_step_waits_for_nothing_and_replaces_nothing_that_lasts(
    train: Command, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    places: set[tuple[int, ...]] = set()
    watch = Watch()
    take = StaticSteps.take

    def taken(self: StaticSteps, batch: Any) -> Any:
        loss = take(self, batch)
        if loss is not None:
            places.add(tuple(each.data_ptr() for each in self._lasting()))
        return loss

    def watched(step: Callable[[], None]) -> Callable[[], None]:
        def repeat() -> None:
            with watch:
                step()

        return repeat

    monkeypatch.setattr(StaticSteps, "take", taken)
    with capturing(monkeypatch, watched):
        succeeded(train(*words, "hydra.run.dir=run"))
    assert watch.waits == []
    assert len(places) == 1


def test_a_run_goes_on_captured_or_not(train: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*DEEP, "trainer.max_epochs=4"]
    succeeded(train(*words, "hydra.run.dir=whole"))
    for name, first in (("to_eager", True), ("to_captured", False)):
        for part, captures in (("first", first), ("second", not first)):
            line = [*DEEP, "trainer.max_epochs=2", f"hydra.run.dir={name}"]
            if part == "second":
                line = [f"resume={name}", "trainer.max_epochs=4"]
            if captures:
                with capturing(monkeypatch):
                    succeeded(train(*line))
            else:
                succeeded(train(*line))
        run, whole = RunFolder(name), RunFolder("whole")
        found, wanted = (torch.load(each.last, weights_only=True) for each in (run, whole))
        for key, tensor in wanted["state_dict"].items():
            assert torch.equal(found["state_dict"][key], tensor), f"{name}: {key}"


def test_number_that_is_not_finite_is_of_the_same_step(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*SINE, "optimizer=sgd", "optimizer.lr=30"]
    eager = train(*words, "hydra.run.dir=eager")
    with capturing(monkeypatch) as captured:
        static = train(*words, "hydra.run.dir=static")
    assert captured
    assert (eager.code, static.code) == (1, 1)
    told = [each.err.replace("static", "eager").partition("error: ")[2] for each in (eager, static)]
    assert told[0] == told[1]
    assert "the norm of the gradient is inf at step" in told[0]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("on_nonfinite=skip", "on_nonfinite=skip looks at each step before the next"),
        ("trainer.detect_anomaly=true", "trainer.detect_anomaly looks at each operation"),
        ("scheduler=one_cycle", "the learning rate changes with each step"),
        (
            "trainer.accumulate_grad_batches=2",
            "a flag of the Trainer leaves them to Lightning's own loop",
        ),
    ],
)
def test_what_cannot_be_captured_is_trained_as_before_and_says_so(
    train: Command, monkeypatch: pytest.MonkeyPatch, words: str, reason: str
) -> None:
    line = [*words.split(), "trainer.max_epochs=2", "callbacks=none", "hydra.run.dir=run"]
    with capturing(monkeypatch) as captured:
        succeeded(train(*line))
        assert captured == []
    assert [each.partition("captured: ")[2] for each in log_of("run")] == [reason]


@pytest.mark.parametrize(
    ("optimizer", "reason"),
    [
        (SGD([torch.ones(1)], fused=True, momentum=0.5, dampening=0.1), "SGD with dampening is"),
        (SGD([torch.ones(1)]), "SGD has no form that can be captured"),
        (RMSprop([torch.ones(1)]), "RMSprop has no form that can be captured"),
    ],
    ids=["dampening", "unfused", "rmsprop"],
)
def test_optimizers_that_are_not_captured(optimizer: Any, reason: str) -> None:
    assert reason in str(why_not(SimpleNamespace(skipping=False, schedule=None), optimizer))


def test_on_is_refused_where_a_step_cannot_be_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    data = SineData(length=100, num_train=50, batch_size=8)
    data.setup()
    trainer = quiet_trainer(max_epochs=1, logger=False)
    use_training_loop(trainer, cuda_graph="on")
    module = Forecaster(MLP(4), partial(SGD, lr=0.05), on_nonfinite="skip")
    with capturing(monkeypatch), pytest.raises(UserError) as refused:
        trainer.fit(module, datamodule=data)
    assert str(refused.value) == (
        "trainer.cuda_graph=on: training steps cannot be captured: on_nonfinite=skip looks at each "
        "step before the next"
    )
    assert refused.value.hint == "Leave it at auto: such a run is trained operation by operation."


@pytest.mark.parametrize(
    ("repeat", "reason"),
    [
        (lambda step: lambda: None, "what it computes is not what its operations compute"),
        (
            lambda step: (_ for _ in ()).throw(RuntimeError("not permitted while capturing\nmore")),
            "not permitted while capturing",
        ),
    ],
    ids=["does_nothing", "fails"],
)
def test_a_capture_that_went_wrong_is_not_used(
    train: Command, monkeypatch: pytest.MonkeyPatch, repeat: Any, reason: str
) -> None:
    succeeded(train(*DEEP, "hydra.run.dir=eager"))
    with capturing(monkeypatch, repeat):
        succeeded(train(*DEEP, "hydra.run.dir=run"))
    assert set(log_of("run")) == {f"training steps are not captured: {reason}"}
    ends_like(RunFolder("run"), RunFolder("eager"))


def test_only_a_gpu_captures(refuses: Refuses, train: Command) -> None:
    refuses(
        "trainer.cuda_graph=yes hydra.run.dir=run",
        "trainer.cuda_graph=yes in 'trainer.cuda_graph=yes' on the command line: must be one of "
        "auto, on, off",
    )
    outcome = train("trainer.cuda_graph=on", "trainer.accelerator=cpu", "hydra.run.dir=run")
    assert outcome.code == 2
    assert "trainer.cuda_graph=on: training steps are captured on one CUDA GPU, and" in outcome.err
    assert "the run is on a CPU" in outcome.err
    assert "Leave it at auto." in outcome.err
    assert not Path("run", "result.json").exists()
