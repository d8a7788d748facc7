"""The launchers' names and options for Hydra; seqlab's sweepers build what stands behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher

from seqlab.sweeps.launchers.launcher_options import LocalOptions, Options, RayOptions, SlurmOptions
from seqlab.system.errors import UserError


class _Named(Launcher):
    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(self, **parts: Any) -> None:
        """Do nothing: the sweeper reads the options."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Raise `UserError`: another sweeper would keep no ledger."""
        raise UserError(
            "seqlab's launchers go with seqlab's sweepers", "Leave hydra/sweeper as it is."
        )


class Basic(_Named):
    """One job at a time, each a process of its own."""


class Local(_Named):
    """Several jobs at once on this machine, with one GPU or a share of the cores each."""


class Slurm(_Named):
    """Jobs on a SLURM cluster, submitted through submitit."""


class Ray(_Named):
    """Jobs on a Ray cluster, or on a Ray of this machine alone."""


@dataclass
class BasicConf(Options):
    """Options of `hydra/launcher=basic`."""

    _target_: str = f"{__name__}.Basic"


@dataclass
class LocalConf(Options, LocalOptions):
    """Options of `hydra/launcher=local`."""

    _target_: str = f"{__name__}.Local"


@dataclass
class SlurmConf(Options, SlurmOptions):
    """Options of `hydra/launcher=slurm`."""

    _target_: str = f"{__name__}.Slurm"


@dataclass
class RayConf(Options, RayOptions):
    """Options of `hydra/launcher=ray`."""

    _target_: str = f"{__name__}.Ray"


# Hydra's own "basic" is imported first; this takes its place.
for _name, _node in (
    ("basic", BasicConf),
    ("local", LocalConf),
    ("slurm", SlurmConf),
    ("ray", RayConf),
):
    ConfigStore.instance().store(group="hydra/launcher", name=_name, node=_node, provider="seqlab")
