"""On a machine with a CUDA GPU: it is chosen by itself, and computes what the CPU does."""

from collections.abc import Callable

import pytest
import torch

from conftest import SMALL_LM, Outcome
from seqlab.devices import accelerator
from seqlab.run_folder import RunFolder

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert accelerator("auto") == "gpu"
    assert accelerator("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert accelerator("auto") == "cpu"


@needs_gpu
@pytest.mark.parametrize("words", [[], SMALL_LM], ids=["sine", "language"])
def test_gpu_run_agrees_with_the_cpu(train: Callable[..., Outcome], words: list[str]) -> None:
    for device in ("auto", "cpu"):
        done = train(*words, f"trainer.accelerator={device}", f"hydra.run.dir={device}")
        assert done.code == 0, done.err
    on_gpu, on_cpu = (RunFolder(device).read_result() for device in ("auto", "cpu"))
    assert on_gpu["device"].startswith("cuda")
    for name, value in on_cpu["metrics"].items():
        if name.endswith("/loss"):
            assert on_gpu["metrics"][name] == pytest.approx(value, rel=1e-2)


@needs_gpu
def test_gpu_run_resumes_and_generates(
    train: Callable[..., Outcome], seqlab: Callable[..., Outcome]
) -> None:
    assert train(*SMALL_LM, "hydra.run.dir=run").code == 0
    assert train("resume=run", "trainer.max_epochs=4").code == 0
    assert seqlab("evaluate", "run", "--device", "gpu").code == 0
    assert seqlab("generate", "run", "--device", "gpu", "--num-tokens", "5").code == 0
