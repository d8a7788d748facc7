"""The processes of one run as each of them sees the others: its place, and what they agree on.

A process that works alone agrees with itself, at no cost.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from seqlab.parallel.order import ALONE, Place

_LOOPBACK = "GLOO_SOCKET_IFNAME"

# Numbers that live on the CPU are agreed on there, so that no one waits for a GPU.
_control: Any = None


class OneMachine(ClusterEnvironment):
    """Tells the Trainer who this process is, whatever the variables of SLURM and others say.

    Its processes are there already; it is to start none.

    Args:
        place: of this process.
    """

    def __init__(self, place: Place = ALONE) -> None:
        super().__init__()
        self.place = place

    @property
    def creates_processes_externally(self) -> bool:
        """Return that nothing is left to be started."""
        return True

    @property
    def main_address(self) -> str:
        """Return this machine; `connect` has been there before anyone asks."""
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        """Return none: the processes meet through a file."""
        return 0

    @staticmethod
    def detect() -> bool:
        """Return that it is never found by itself."""
        return False

    def world_size(self) -> int:
        """Return how many processes there are."""
        return self.place.world

    def set_world_size(self, size: int) -> None:
        """Leave it as it is."""

    def global_rank(self) -> int:
        """Return this process's rank."""
        return self.place.rank

    def set_global_rank(self, rank: int) -> None:
        """Leave it as it is."""
        take(self.place)

    def local_rank(self) -> int:
        """Return this process's rank: all are on one machine."""
        return self.place.rank

    def node_rank(self) -> int:
        """Return 0: there is one machine."""
        return 0


def take(place: Place) -> None:
    """Let this process be of that rank, which Lightning has read from variables of launchers."""
    rank_zero_only.rank = place.rank  # type: ignore[attr-defined]


def load_only_what_is_named(trainer: Any) -> None:
    """Keep the Trainer from loading a checkpoint by itself, which it looks for under SLURM."""
    connector = trainer._checkpoint_connector
    connector._select_ckpt_path = lambda state, checkpoint, **connected: checkpoint


def connect(place: Place, meeting: Path, device: torch.device) -> None:
    """Wait until every process of the run has come here, and open the connections among them.

    Args:
        place: of this process.
        meeting: a file that does not exist yet, the same for all.
        device: where this process computes; gradients of CUDA devices meet through NCCL.
    """
    global _control
    on_gpu = device.type == "cuda"
    with _on_this_machine():
        dist.init_process_group(
            "nccl" if on_gpu else "gloo",
            store=dist.FileStore(str(meeting), place.world),  # type: ignore[attr-defined]
            rank=place.rank,
            world_size=place.world,
            device_id=device if on_gpu else None,
        )
        _control = dist.new_group(backend="gloo") if on_gpu else dist.group.WORLD


def disconnect(*, in_order: bool) -> None:
    """Close the connections, if there are any.

    Args:
        in_order: whether nothing is under way that would have to be waited for in vain.
    """
    global _control
    _control = None
    if not dist.is_initialized():
        return
    if in_order or dist.get_backend() != "nccl":
        dist.destroy_process_group()
    else:
        dist.distributed_c10d._abort_process_group()


def agreed(value: int) -> int:
    """Return the largest of the numbers that the processes come with; all have to call this."""
    if _control is None:
        return value
    number = torch.tensor(int(value))
    dist.all_reduce(number, dist.ReduceOp.MAX, group=_control)
    return int(number)


def gathered(value: Any) -> list[Any]:
    """Return what each process comes with, in the order of ranks; all have to call this.

    Args:
        value: plain values, and tensors on the CPU.
    """
    if _control is None:
        return [value]
    values = [None] * dist.get_world_size(_control)
    dist.all_gather_object(values, value, group=_control)
    return values


def summed(tensor: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes; all have to call this."""
    if _control is None:
        return tensor
    total = tensor.detach().clone()
    dist.all_reduce(total)
    return total


@contextmanager
def _on_this_machine() -> Iterator[None]:
    """Let gloo listen on the loopback interface, where it has not been told otherwise."""
    names = {name for _, name in socket.if_nameindex()}
    name = "lo0" if sys.platform == "darwin" else "lo"
    if _LOOPBACK in os.environ or name not in names:
        yield
        return
    os.environ[_LOOPBACK] = name
    try:
        yield
    finally:
        del os.environ[_LOOPBACK]
