"""The options of each launcher, as Hydra's configuration has them."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Options:
    """What holds for a sweep wherever its jobs run.

    Attributes:
        retries: how often a job that failed is started again, from its last checkpoint.
        retry_failed: whether jobs that failed when the sweep ran before are tried again.
        fail_fast: whether the first failure ends the sweep.
    """

    retries: int = 0
    retry_failed: bool = False
    fail_fast: bool = False


@dataclass
class LocalOptions:
    """Several jobs at once on this machine, each with one GPU or a share of the cores.

    Attributes:
        workers: jobs at once; `None`: one a GPU, or one a core where there is no GPU.
        threads: threads a job; `None`: the cores divided by the workers.
        gpus: numbers of the GPUs to use; `None`: all that can be seen.
    """

    workers: int | None = None
    threads: int | None = None
    gpus: list[int] | None = None


@dataclass
class SlurmOptions:
    """Jobs on a SLURM cluster, submitted through submitit.

    Attributes:
        cluster: `slurm`, or `local` to try it on this machine.
        partition: SLURM's.
        account: SLURM's.
        qos: SLURM's.
        constraint: features that the nodes must have.
        timeout_min: minutes that a job gets before it is queued again.
        cpus_per_task: CPUs a job; it computes with as many threads.
        gpus_per_node: GPUs a job.
        mem_gb: memory a job; `None`: the partition's default.
        parallel: most jobs in the queue and at work at once.
        max_requeues: how often a job may run out of its time; preemptions do not count.
        setup: shell lines to run before a job.
        additional_parameters: further `sbatch` options.
    """

    cluster: str = "slurm"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    timeout_min: int = 60
    cpus_per_task: int = 1
    gpus_per_node: int = 0
    mem_gb: float | None = None
    parallel: int = 100
    max_requeues: int = 3
    setup: list[str] | None = None
    additional_parameters: dict[str, Any] | None = None


@dataclass
class RayOptions:
    """Jobs on a Ray cluster, or on a Ray of this machine alone.

    Attributes:
        address: of a running cluster, `HOST:PORT` or `auto`; `None`: what RAY_ADDRESS says, or else
            a Ray on this machine, for as long as the sweep takes.
        cpus: CPUs a job; it computes with as many threads.
        gpus: GPUs a job; a fraction shares one.
        memory_gb: memory that a job is counted with; `None`: none.
        parallel: most jobs submitted at once; `None`: as many as fit the cluster.
        max_retries: how often Ray starts a job again whose node or process died.
        runtime_env: Ray's: variables, files and packages that the nodes lack.
    """

    address: str | None = None
    cpus: int = 1
    gpus: float = 0.0
    memory_gb: float | None = None
    parallel: int | None = None
    max_retries: int = 3
    runtime_env: dict[str, Any] | None = None
