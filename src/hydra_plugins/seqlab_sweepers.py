"""The sweepers' names for Hydra, each thin over `seqlab.sweeps`."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from seqlab.sweeps.search.options import SearchOptions


@dataclass
class GridConf:
    """Options of `hydra/sweeper=basic`.

    Attributes:
        params: further values to combine, `key: values` as text: `optimizer.lr: 0.1,1`.
    """

    _target_: str = f"{__name__}.Grid"
    params: dict[str, Any] | None = None


@dataclass
class SamplerOptions:
    """Options of all samplers, as optuna calls them; `None`: the sampler's own default."""

    n_startup_trials: int | None = None
    n_ei_candidates: int | None = None
    multivariate: bool | None = None
    group: bool | None = None
    constant_liar: bool | None = None
    qmc_type: str | None = None
    scramble: bool | None = None
    deterministic_objective: bool | None = None
    population_size: int | None = None
    mutation_prob: float | None = None
    crossover_prob: float | None = None
    swapping_prob: float | None = None
    sigma0: float | None = None
    popsize: int | None = None


@dataclass
class PrunerOptions:
    """Options of all pruners, as optuna calls them; a step is an epoch, counted from 1."""

    n_startup_trials: int | None = None
    n_warmup_steps: int | None = None
    interval_steps: int | None = None
    n_min_trials: int | None = None
    percentile: float | None = None
    min_resource: int | None = None
    max_resource: int | None = None
    reduction_factor: int | None = None
    min_early_stopping_rate: int | None = None
    bootstrap_count: int | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass
class OptunaSearchConf(SearchOptions):
    """Options of `hydra/sweeper=optuna_search`.

    Attributes:
        params: the space, `key: {type: float, low: 1e-3, high: 1, log: true}` or as text.
    """

    _target_: str = f"{__name__}.OptunaSearch"
    params: dict[str, Any] | None = None
    sampler_options: SamplerOptions = field(default_factory=SamplerOptions)
    pruner_options: PrunerOptions = field(default_factory=PrunerOptions)


# Hydra's own "basic" is imported first; this takes its place.
for _name, _node in (("basic", GridConf), ("optuna_search", OptunaSearchConf)):
    ConfigStore.instance().store(group="hydra/sweeper", name=_name, node=_node, provider="seqlab")


class _Named(Sweeper):
    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what Hydra hands over."""
        self.loader = hydra_context.config_loader
        self.task_function: Any = task_function
        self.config = config


class Grid(_Named):
    """Every combination of the values listed on the command line and in `params`."""

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep; the task function takes note of its exit code."""
        params = self.options.get("params") or {}
        self.task_function.sweep_grid(self.config, self.loader, params, arguments)


class OptunaSearch(_Named):
    """Trials proposed by optuna, each in the light of those before it."""

    def sweep(self, arguments: list[str]) -> None:
        """Run the search; the task function takes note of its exit code."""
        self.task_function.sweep_search(self.config, self.loader, self.options, arguments)
