"""On a machine with a CUDA GPU: it is chosen by itself, and computes what the CPU does."""

from typing import Any

import pytest
import torch

from conftest import SMALL_LM
from expect import Command, succeeded
from same_runs import ends_like
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.training.devices import accelerator
from seqlab.training.loop import TrainingLoop

SINE = ["trainer.max_epochs=2"]
DEEP = [*SMALL_LM, "model=lstm", "model.num_layers=2", "model.dropout=0.3", "optimizer=adam"]
needs_two = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA GPUs")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert accelerator("auto") == "gpu"
    assert accelerator("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert accelerator("auto") == "cpu"


@needs_gpu
@pytest.mark.parametrize("words", [[], SMALL_LM], ids=["sine", "language"])
def test_gpu_run_agrees_with_the_cpu(train: Command, words: list[str]) -> None:
    for device in ("auto", "cpu"):
        succeeded(train(*words, f"trainer.accelerator={device}", f"hydra.run.dir={device}"))
    on_gpu, on_cpu = (RunFolder(device).read_result() for device in ("auto", "cpu"))
    assert on_gpu["device"].startswith("cuda")
    for name, value in on_cpu["metrics"].items():
        if name.endswith("/loss"):
            assert on_gpu["metrics"][name] == pytest.approx(value, rel=1e-2)


@needs_gpu
@pytest.mark.parametrize("words", [[], SMALL_LM], ids=["sine", "language"])
def test_a_training_step_does_not_wait_for_the_gpu(
    train: Command, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, steps = TrainingLoop._step, []

    def strict(self: TrainingLoop, batch: Any, index: int) -> dict[str, Any]:
        steps.append(index)
        torch.cuda.set_sync_debug_mode("error")
        try:
            return plain(self, batch, index)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(TrainingLoop, "_step", strict)
    flags = ("trainer.accelerator=gpu", "trainer.cuda_graph=off", "trainer.max_epochs=2")
    succeeded(train(*words, *flags))
    assert len(steps) > 2


@needs_gpu
@pytest.mark.parametrize("words", [SINE, SMALL_LM, DEEP], ids=["sine", "rnn", "deep"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_captured_steps_compute_what_their_operations_do(
    train: Command, words: list[str], precision: str
) -> None:
    for graph in ("on", "off"):
        flags = ["trainer.accelerator=gpu", f"trainer.precision={precision}"]
        succeeded(train(*words, *flags, f"trainer.cuda_graph={graph}", f"hydra.run.dir={graph}"))
    assert "training steps are captured" in RunFolder("on").log.read_text(encoding="utf-8")
    ends_like(RunFolder("on"), RunFolder("off"))


@needs_gpu
def test_gpu_run_resumes_and_generates(train: Command, seqlab: Command) -> None:
    assert train(*SMALL_LM, "hydra.run.dir=run").code == 0
    assert train("resume=run", "trainer.max_epochs=4").code == 0
    assert seqlab("evaluate", "run", "--device", "gpu").code == 0
    assert seqlab("generate", "run", "--device", "gpu", "--num-tokens", "5").code == 0


@needs_gpu
def test_ddp_takes_every_gpu(train: Command) -> None:
    succeeded(train(*SMALL_LM, "trainer=ddp", "hydra.run.dir=run"))
    device = RunFolder("run").read_result()["device"]
    assert device.count("cuda:") == torch.cuda.device_count()


@needs_two
@pytest.mark.parametrize("words", [[], SMALL_LM], ids=["sine", "language"])
def test_two_gpus_agree_with_one(train: Command, words: list[str]) -> None:
    for devices in ("1", "2"):
        flags = ["trainer=ddp", f"trainer.devices={devices}", f"hydra.run.dir=on_{devices}"]
        succeeded(train(*words, *flags))
    two, one = (RunFolder(f"on_{devices}").read_result() for devices in ("2", "1"))
    assert two["device"].count("cuda:") == 2
    for name, value in one["metrics"].items():
        if name.endswith("/loss"):
            assert two["metrics"][name] == pytest.approx(value, rel=1e-2)
    assert train("resume=on_2", "trainer.max_epochs=12").code == 0
