"""Which devices a run computes on, and what cannot be computed there."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed

from seqlab.system.errors import UserError
from seqlab.system.surroundings import tasks_around

_DDP = ("ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false")


@dataclass(frozen=True)
class Devices:
    """What a run computes on.

    Attributes:
        accelerator: `cpu` or `gpu`.
        chosen: how many, or the numbers of the GPUs.
        strategy: how several work together; `auto` for one.
    """

    accelerator: str
    chosen: int | list[int]
    strategy: str

    @property
    def count(self) -> int:
        """How many there are; each has a process of its own."""
        return len(self.chosen) if isinstance(self.chosen, list) else self.chosen


def accelerator(wanted: str, option: str = "trainer.accelerator=") -> str:
    """Return `cpu` or `gpu`: what was asked for, or with `auto` a CUDA GPU where there is one.

    Args:
        wanted: `auto`, `cpu` or `gpu`.
        option: what was typed before it, for the message.

    Raises:
        UserError: a GPU was asked for, and there is none.
    """
    if wanted == "auto":
        return "gpu" if torch.cuda.is_available() else "cpu"
    if wanted == "gpu" and not torch.cuda.is_available():
        raise UserError(
            f"{option}gpu: PyTorch sees no CUDA GPU on this machine",
            f"Use {option}auto, which takes a GPU where there is one, or {option}cpu.",
        )
    return wanted


def devices_of(config: dict[str, Any]) -> Devices:
    """Return what a run computes on.

    Args:
        config: the resolved configuration, plain values.

    Raises:
        UserError: the devices are not there, or the run cannot be shared among them.
    """
    flags = config["trainer"]
    if flags["num_nodes"] != 1:
        raise UserError(
            f"trainer.num_nodes={flags['num_nodes']}: a run takes the devices of one machine",
            "Use trainer.num_nodes=1; several machines, as with torchrun, are not supported.",
        )
    kind, strategy = accelerator(flags["accelerator"]), str(flags["strategy"])
    chosen = _chosen(flags["devices"], kind, every=strategy.startswith("ddp"))
    devices = Devices(kind, chosen, strategy)
    if flags.get("cuda_graph") == "on" and (kind == "cpu" or devices.count > 1):
        raise UserError(
            "trainer.cuda_graph=on: training steps are captured on one CUDA GPU, and the run is on "
            + ("a CPU" if kind == "cpu" else f"{devices.count} of them"),
            "Leave it at auto.",
        )
    if devices.count > 1:
        _check_shared(config, devices)
    elif strategy.startswith("ddp"):
        return Devices(kind, chosen, "auto")
    return devices


def set_tf32(allowed: bool) -> None:
    """Let a GPU round the factors of 32-bit products to TF32, whose mantissa has 10 bits, or not.

    PyTorch itself lets cuDNN do so in recurrent and convolution layers.
    """
    backends: Any = torch.backends
    for part in (backends.cuda.matmul, backends.cudnn.rnn, backends.cudnn.conv):
        part.fp32_precision = "tf32" if allowed else "ieee"


def _chosen(wanted: int | str | list[int], kind: str, *, every: bool) -> int | list[int]:
    typed = f"trainer.devices={wanted}"
    if kind == "cpu":
        if isinstance(wanted, list):
            raise UserError(
                f"{typed}: only GPUs have numbers, and the run is on a CPU",
                "Say how many processes: trainer.devices=1, or with trainer=ddp 2 or more.",
            )
        if wanted == "auto" and every:
            raise UserError(
                f"{typed}: on a CPU that says nothing",
                "Say how many processes: trainer.devices=2.",
            )
        return 1 if isinstance(wanted, str) else wanted
    there = torch.cuda.device_count()
    if isinstance(wanted, str):
        return there if every else 1
    numbers = wanted if isinstance(wanted, list) else list(range(wanted))
    if len(set(numbers)) < len(numbers):
        raise UserError(f"{typed}: a GPU is there twice", "Name each once.")
    if max(numbers) >= there:
        raise UserError(
            f"{typed}: PyTorch sees {there} GPU{'s' if there > 1 else ''} on this machine",
            f"Use trainer.devices={there} or less; they are numbered from 0.",
        )
    return wanted


def _check_shared(config: dict[str, Any], devices: Devices) -> None:
    flags = config["trainer"]
    typed = f"trainer.devices={flags['devices']}"
    if devices.strategy not in _DDP:
        raise UserError(
            f"{typed} with trainer.strategy={devices.strategy}: several devices take ddp",
            "Use trainer=ddp (in a run that has begun: trainer.strategy=ddp), or "
            "trainer.devices=1; trainer.devices=[1] takes the second GPU.",
        )
    launcher, tasks = tasks_around()
    if tasks > 1:
        raise UserError(
            f"{typed} in each of the {tasks} processes that {launcher} has started",
            f"A run starts its processes itself: start it once, with {launcher} -n 1. Several "
            "runs, each on several devices, are started one by one.",
        )
    if not torch.distributed.is_available():
        raise UserError(
            f"{typed}: this PyTorch was built without torch.distributed",
            "Use trainer.devices=1, or another build of PyTorch.",
        )
    size = config["data"].get("batch_size")
    if isinstance(size, int) and size < devices.count:
        raise UserError(
            f"data.batch_size={size} cannot be shared among {devices.count} devices ({typed})",
            "It is the size of the whole batch, of which each device takes a part: use "
            f"data.batch_size={devices.count} or more, or fewer devices.",
        )
    if isinstance(flags["val_check_interval"], str):
        raise UserError(
            f"trainer.val_check_interval={flags['val_check_interval']} with {typed}: the devices "
            "would not validate at the same step",
            "Give it in batches: trainer.val_check_interval=100.",
        )
