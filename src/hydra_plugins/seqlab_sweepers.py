"""The sweepers' names for Hydra, each thin over `seqlab.sweeps`."""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class GridConf:
    """Options of `hydra/sweeper=basic`.

    Attributes:
        params: further values to combine, `key: values` as text: `optimizer.lr: 0.1,1`.
    """

    _target_: str = f"{__name__}.Grid"
    params: dict[str, Any] | None = None


# Hydra's own "basic" is imported first; this takes its place.
ConfigStore.instance().store(group="hydra/sweeper", name="basic", node=GridConf, provider="seqlab")


class Grid(Sweeper):
    """Every combination of the values listed on the command line and in `params`.

    Args:
        params: further `key: values`, as text: `optimizer.lr: 0.1,1`.
    """

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        self.params = params or {}

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what Hydra hands over."""
        self.loader = hydra_context.config_loader
        self.task_function: Any = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep; the task function takes note of its exit code."""
        self.task_function.sweep_grid(self.config, self.loader, self.params, arguments)
