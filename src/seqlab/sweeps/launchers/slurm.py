"""Jobs on a SLURM cluster, through submitit: SLURM schedules, this submits, follows and collects.

A preempted job, or one that runs out of its time, saves its state and is queued again; so it goes
on in its run folder. Jobs outlive the process that submitted them, and a later one follows them.
"""

import logging
import shutil
import signal
import subprocess
import time
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from seqlab.runs.folder.lock import is_held
from seqlab.sweeps.launchers.base import (
    Ending,
    Launcher,
    libraries_first,
    needed,
    number_of,
    text_of,
    whole_number,
)
from seqlab.sweeps.launchers.launcher_options import SlurmOptions
from seqlab.sweeps.launchers.remote import ask_to_stop, forget_stop, signals_held_back
from seqlab.sweeps.launchers.slurm_jobs import (
    Requeued,
    ending_of,
    is_alive,
    names_in,
    queued_jobs,
    remove_files,
)
from seqlab.sweeps.task import Task
from seqlab.system.errors import UserError, one_line

CLUSTERS = ("slurm", "local")
_ARRAY = 100
"""Most jobs in one job array."""
_LINGER_S = 120.0
_LOOK_EVERY_S = 2.0
_ASK_EVERY_S = 30.0
_ASK_EVERY_WHEN_STOPPING_S = 3.0
_NO_END = ("UNKNOWN", "PREEMPTED", "REQUEUED")
"""States that submitit never takes for an end, though the job may be gone."""


@dataclass
class _Job:
    task: Task
    job: Any
    missed: int = 0


class SlurmLauncher(Launcher):
    """Submits jobs, and follows them until they are over.

    Args:
        options: where the jobs are submitted, and what each gets.

    Raises:
        UserError: an option cannot be, submitit is missing, or there is no SLURM here.
    """

    def __init__(self, options: SlurmOptions) -> None:
        if options.cluster not in CLUSTERS:
            raise UserError(
                f"hydra.launcher.cluster={options.cluster}: there are: {', '.join(CLUSTERS)}",
                "local tries a sweep on this machine, through submitit.",
            )
        names = ("partition", "account", "qos", "constraint")
        texts = {name: getattr(options, name) for name in names}
        self._cluster = options.cluster
        self.threads = whole_number("cpus_per_task", options.cpus_per_task, least=1)
        self.slots = whole_number("parallel", options.parallel, least=1)
        self._requeues = whole_number("max_requeues", options.max_requeues, least=0)
        self._shared: dict[str, float] = {
            "timeout_min": whole_number("timeout_min", options.timeout_min, least=1),
            "cpus_per_task": self.threads,
            "gpus_per_node": whole_number("gpus_per_node", options.gpus_per_node, least=0),
        }
        if options.mem_gb is not None:
            self._shared["mem_gb"] = number_of("mem_gb", options.mem_gb, positive=True)
        self._own = {name: text_of(name, text) for name, text in texts.items() if text is not None}
        self._setup = [text_of("setup", line) for line in options.setup or []]
        self._additional = options.additional_parameters or {}
        self._submitit = needed("submitit", "slurm")
        logging.getLogger("submitit").setLevel(logging.ERROR)
        if options.cluster == "slurm" and not (shutil.which("sbatch") and shutil.which("srun")):
            raise UserError(
                "hydra/launcher=slurm: this machine has no sbatch and srun",
                "Start the sweep on a login node of the cluster, or try it here with "
                "hydra.launcher.cluster=local.",
            )
        self._local = options.cluster == "local"
        self._executor: Any = None
        self._folder = Path()
        self._pending: list[Task] = []
        self._handles: dict[int, str] = {}
        self._running: dict[int, _Job] = {}
        self._unsubmitted: list[Ending] = []
        self._submitted = False
        self._stopping = False
        self._asked_at = float("-inf")

    def describe(self) -> str:
        """Return in words where the jobs run."""
        where = "submitit on this machine" if self._local else "SLURM"
        partition = f" ({self._own['partition']})" if "partition" in self._own else ""
        gpus = int(self._shared["gpus_per_node"])
        words = [f"up to {self.slots} at once", f"{self.threads} CPU{'s' * (self.threads > 1)}"]
        words += [f"{gpus} GPU{'s' * (gpus > 1)}"] if gpus else []
        return f"{where}{partition}, {', '.join(words)} each"

    def start(self, task: Task) -> None:
        """Keep a job for the next array."""
        forget_stop(task)
        self._pending.append(task)
        if len(self._pending) >= _ARRAY:
            self._submit_array()

    def submit(self) -> dict[int, str]:
        """Submit the jobs started since, as one array; return their numbers at SLURM."""
        self._submit_array()
        handles, self._handles = self._handles, {}
        return handles

    def adopt(self, task: Task, handle: str) -> bool:
        """Follow a job that an earlier process submitted; `False` where nothing is known of it."""
        cluster, _, job_id = handle.partition(":")
        if cluster != self._cluster:
            return False
        job = self._prepared(task).job_class(self._folder, job_id)
        if not job.paths.submitted_pickle.exists():
            return False
        self._running[task.number] = _Job(task, job)
        return True

    def wait(self, timeout_s: float) -> list[Ending]:
        """Return the jobs that have ended, after this time at the latest."""
        ended, self._unsubmitted = self._unsubmitted, []
        end = time.monotonic() + timeout_s
        # A look costs a listing of one folder; a hundred jobs are looked at every two seconds.
        pause = min(_LOOK_EVERY_S, max(timeout_s, 0.02 * len(self._running)))
        ended += self._ended()
        if not ended:
            time.sleep(max(pause, end - time.monotonic()))
        return ended

    def stop(self, signum: int) -> None:
        """Take waiting jobs off the queue, and have those at work save their state and end."""
        self._stopping = True
        for task in self._pending:
            note = "it was not submitted yet"
            self._unsubmitted.append(Ending(task.number, -signal.SIGTERM, note))
        self._pending = []
        for each in self._running.values():
            ask_to_stop(each.task)
        if not self._local:
            self._cancel("--state=PENDING")
            self._cancel("--signal=TERM")

    def kill(self) -> None:
        """Cancel every job; SLURM leaves them half a minute to save their state."""
        for each in self._running.values():
            ask_to_stop(each.task)
        if not self._local:
            self._cancel()

    def _prepared(self, task: Task) -> Any:
        """Return submitit's executor; it keeps its files beside those of the jobs."""
        if self._executor is not None:
            return self._executor
        self._folder = Path(task.files).parent / "submitit"
        options = {f"{self._cluster}_max_num_timeout": self._requeues}
        executor = self._submitit.AutoExecutor(self._folder, cluster=self._cluster, **options)
        own: dict[str, Any] = {f"slurm_{name}": value for name, value in self._own.items()}
        if self._setup:
            own[f"{self._cluster}_setup"] = self._setup
        if not self._local:
            own |= {
                "slurm_array_parallelism": self.slots,
                "slurm_additional_parameters": self._additional,
                # Since 22.05 srun does not ask for the job's CPUs by itself.
                "slurm_srun_args": [f"--cpus-per-task={self.threads}"],
            }
        name = f"seqlab_{Path(task.files).parent.parent.name}"
        executor.update_parameters(name=name, **self._shared, **own)
        self._executor = executor._executor
        return self._executor

    def _submit_array(self) -> None:
        tasks, self._pending = self._pending, []
        if not tasks:
            return
        calls = [Requeued(str(task.file), _LINGER_S) for task in tasks]
        executor = self._prepared(tasks[0])
        try:
            # On a terminal, Ctrl-C reaches local jobs no more than those of a cluster.
            # submitit prints what sbatch says, and raises it as well.
            quietly = (
                signals_held_back(signal.SIGINT) if self._local else redirect_stderr(StringIO())
            )
            with libraries_first(), quietly:
                jobs = executor.submit_array(calls)
        except (OSError, self._submitit.core.utils.FailedJobError) as error:
            if not self._submitted:
                raise UserError(
                    f"sbatch refuses the jobs: {one_line(error)}",
                    "The options under hydra.launcher (partition, account, timeout_min, ...) have "
                    "to suit the cluster. Then the same command goes on.",
                ) from error
            note = f"sbatch refused it: {one_line(error)}"
            self._unsubmitted += [Ending(task.number, None, note) for task in tasks]
            return
        self._submitted = True
        for task, job in zip(tasks, jobs, strict=True):
            self._running[task.number] = _Job(task, job)
            self._handles[task.number] = f"{self._cluster}:{job.job_id}"

    def _ended(self) -> list[Ending]:
        names = names_in(self._folder) if self._running else set()
        ended, silent = [], []
        for number, each in self._running.items():
            if each.job.paths.result_pickle.name not in names:
                if self._seems_over(each.job):
                    silent.append(number)
            elif not self._local or not is_alive(each.job):
                ended.append(ending_of(each.task.number, each.job))
        ended += [self._lost(number) for number in self._gone(silent)]
        for ending in ended:
            each = self._running.pop(ending.number)
            forget_stop(each.task)
            if ending.code == 0:
                remove_files(each.job)
        return ended

    def _seems_over(self, job: Any) -> bool:
        if self._local:
            return not is_alive(job)
        if self._stopping:
            return True  # sacct is asked too rarely to wait for
        return bool(job.watcher.is_done(job.job_id)) or job.state.partition(" ")[0] in _NO_END

    def _gone(self, silent: list[int]) -> list[int]:
        """Return those of the jobs without a result that are neither queued nor at work."""
        if not silent:
            return []
        queued: set[str] = set()
        if not self._local:
            pause = _ASK_EVERY_WHEN_STOPPING_S if self._stopping else _ASK_EVERY_S
            if time.monotonic() - self._asked_at < pause:
                return []
            self._asked_at = time.monotonic()
            if (found := queued_jobs()) is None:
                return []
            queued = found
        gone = []
        for number in silent:
            each = self._running[number]
            # A file system may show a result late: only the second time counts.
            each.missed = 0 if each.job.job_id in queued else each.missed + 1
            if each.missed > 1 and not is_held(Path(each.task.folder)):
                gone.append(number)
        return gone

    def _lost(self, number: int) -> Ending:
        job = self._running[number].job
        state = "" if self._local else job.watcher.get_state(job.job_id, mode="cache")
        words = state.partition(" ")[0].lower().replace("_", " ")
        if words == "cancelled" or self._stopping:
            return Ending(number, -signal.SIGTERM, f"job {job.job_id} was cancelled")
        known = "" if words in ("", "unknown") else f" ({words})"
        return Ending(number, None, f"job {job.job_id} is over{known} and left no result")

    def _cancel(self, *options: str) -> None:
        ids = [each.job.job_id for each in self._running.values()]
        for begin in range(0, len(ids), 1000):
            command = ["scancel", *options, *ids[begin : begin + 1000]]
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(command, capture_output=True, timeout=60)
