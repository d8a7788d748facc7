"""The launchers' names and options for Hydra; seqlab's sweepers build what stands behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher

from seqlab.errors import UserError


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


@dataclass
class BasicConf:
    """Options of `hydra/launcher=basic`.

    Attributes:
        retries: how often a job that failed is started again, from its last checkpoint.
        retry_failed: whether jobs that failed when the sweep ran before are tried again.
        fail_fast: whether the first failure ends the sweep.
    """

    _target_: str = f"{__name__}.Basic"
    retries: int = 0
    retry_failed: bool = False
    fail_fast: bool = False


@dataclass
class LocalConf(BasicConf):
    """Options of `hydra/launcher=local`.

    Attributes:
        workers: jobs at once; `None`: one a GPU, or one a core where there is no GPU.
        threads: threads a job; `None`: the cores divided by the workers.
        gpus: numbers of the GPUs to use; `None`: all that can be seen.
    """

    _target_: str = f"{__name__}.Local"
    workers: int | None = None
    threads: int | None = None
    gpus: list[int] | None = None


# Hydra's own "basic" is imported first; this takes its place.
for _name, _node in (("basic", BasicConf), ("local", LocalConf)):
    ConfigStore.instance().store(group="hydra/launcher", name=_name, node=_node, provider="seqlab")
