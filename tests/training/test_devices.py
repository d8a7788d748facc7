"""Which devices a configuration means, and what is refused before anything starts."""

from typing import Any

import pytest
import torch

from expect import Command, Refuses, refusal, refusals, succeeded
from seqlab.training.devices import Devices, devices_of, set_tf32


def config(**flags: Any) -> dict[str, Any]:
    plain = {"accelerator": "cpu", "devices": 1, "num_nodes": 1, "strategy": "ddp"}
    return {"trainer": plain | {"val_check_interval": None} | flags, "data": {"batch_size": 16}}


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)


def test_one_device_needs_no_strategy() -> None:
    assert devices_of(config()) == Devices("cpu", 1, "auto")
    assert devices_of(config(strategy="auto", devices="auto")) == Devices("cpu", 1, "auto")


def test_processes_of_a_cpu_are_counted() -> None:
    devices = devices_of(config(devices=2))
    assert devices == Devices("cpu", 2, "ddp")
    assert devices.count == 2


def test_tf32_is_off_unless_asked_for(train: Command, seqlab: Command) -> None:
    def precisions() -> set[str]:
        cudnn = torch.backends.cudnn
        parts: Any = (torch.backends.cuda.matmul, cudnn.rnn, cudnn.conv)
        return {part.fp32_precision for part in parts}

    for name, words, expected in (("on", ["trainer.tf32=true"], "tf32"), ("off", [], "ieee")):
        succeeded(train(*words, "trainer.max_epochs=1", "logger=csv", f"hydra.run.dir={name}"))
        assert precisions() == {expected}
    try:
        succeeded(seqlab("evaluate", "on"))
        assert precisions() == {"tf32"}
    finally:
        set_tf32(False)


@pytest.mark.usefixtures("three_gpus")
def test_auto_takes_every_gpu_with_ddp_and_one_without() -> None:
    flags = {"accelerator": "auto", "devices": "auto"}
    assert devices_of(config(**flags)) == Devices("gpu", 3, "ddp")
    assert devices_of(config(**flags, strategy="auto")) == Devices("gpu", 1, "auto")
    chosen = devices_of(config(accelerator="gpu", devices=[0, 2]))
    assert chosen == Devices("gpu", [0, 2], "ddp")
    assert chosen.count == 2


@pytest.mark.usefixtures("three_gpus")
@refusals(
    (4, "trainer.devices=4: PyTorch sees 3 GPUs", "trainer.devices=3 or less"),
    ([0, 3], "trainer.devices=[0, 3]: PyTorch sees 3 GPUs", "numbered from 0"),
    ([1, 1], "trainer.devices=[1, 1]: a GPU is there twice", "each once"),
)
def test_gpu_that_is_not_there_is_refused(asked: Any, message: str, remedy: str) -> None:
    with refusal(message, remedy):
        devices_of(config(accelerator="gpu", devices=asked))


def test_pytorch_without_distributed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    with refusal("devices=2: this PyTorch was built without"):
        devices_of(config(devices=2))


@refusals(
    (
        "trainer.devices=2",
        "trainer.devices=2 with trainer.strategy=auto: several devices take ddp",
        "trainer=ddp",
    ),
    ("trainer=ddp", "trainer.devices=auto: on a CPU that says nothing", "trainer.devices=2"),
    ("trainer.devices=[0,1]", "only GPUs have numbers", "trainer.devices=1"),
    (
        "trainer=ddp trainer.devices=2 trainer.num_nodes=2",
        "trainer.num_nodes=2: a run takes the devices of one machine",
        "not supported",
    ),
    (
        "trainer=ddp trainer.devices=5 data.batch_size=4",
        "data.batch_size=4 cannot be shared among 5 devices",
        "data.batch_size=5 or more",
    ),
    (
        "trainer=ddp trainer.devices=2 trainer.strategy=ddp_spawn",
        "trainer.strategy=ddp_spawn: several devices take ddp",
        "trainer=ddp",
    ),
    (
        'trainer=ddp trainer.devices=2 trainer.val_check_interval="00:00:01:00"',
        "would not validate at the same step",
        "in batches",
    ),
)
def test_what_cannot_be_shared_is_refused_and_nothing_is_written(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    refuses(f"{asked} trainer.accelerator=cpu", message, remedy)


def test_several_devices_in_each_of_several_tasks_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    assert devices_of(config()).count == 1
    with refusal(
        "trainer.devices=2 in each of the 2 processes that srun has started",
        "start it once, with srun -n 1",
    ):
        devices_of(config(devices=2))
