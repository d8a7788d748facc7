"""The launchers' names and options for Hydra; seqlab's sweepers build what stands behind them."""

from collections.abc import Sequence
from dataclasses import make_dataclass
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


# Hydra's own "basic" is imported first; this takes its place.
for _launcher, _own in (
    (Basic, ()),
    (Local, (LocalOptions,)),
    (Slurm, (SlurmOptions,)),
    (Ray, (RayOptions,)),
):
    _name = _launcher.__name__
    _target = ("_target_", str, f"{__name__}.{_name}")
    _node = make_dataclass(f"{_name}Conf", [_target], bases=(Options, *_own))
    # A configuration is pickled with the name of its class.
    _node.__module__, globals()[_node.__name__] = __name__, _node
    ConfigStore.instance().store(
        group="hydra/launcher", name=_name.lower(), node=_node, provider="seqlab"
    )
