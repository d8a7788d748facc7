"""Jobs on a Ray cluster: Ray finds them a place and starts them again when a node dies.

A job ends with the sweep's own process. On another node it goes on in its run folder, which has to
lie on a file system that all nodes share.
"""

import os
import signal
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqlab.runs.folder.lock import is_held
from seqlab.sweeps.launchers.base import Ending, Launcher, needed, number_of, whole_number
from seqlab.sweeps.launchers.launcher_options import RayOptions
from seqlab.sweeps.launchers.remote import RemoteTask, ask_to_stop, forget_stop
from seqlab.sweeps.task import Task
from seqlab.system.errors import UserError, first_line

_ANSWER_S = 10.0
_STORE_BYTES = 80 * 2**20  # jobs pass files, not objects


class RayLauncher(Launcher):
    """Hands jobs to Ray, and collects them.

    Args:
        options: which cluster, and what each job gets.

    Raises:
        UserError: an option cannot be, Ray is missing, or the cluster cannot be reached.
    """

    def __init__(self, options: RayOptions) -> None:
        self.threads = whole_number("cpus", options.cpus, least=1)
        self._gpus = number_of("gpus", options.gpus)
        needs: dict[str, Any] = {
            "num_cpus": self.threads,
            "num_gpus": self._gpus,
            "max_retries": whole_number("max_retries", options.max_retries, least=0),
        }
        if options.memory_gb is not None:
            needs["memory"] = int(number_of("memory_gb", options.memory_gb, positive=True) * 2**30)
        if options.parallel is not None:
            whole_number("parallel", options.parallel, least=1)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        handler = signal.getsignal(signal.SIGTERM)
        self._ray = needed("ray", "ray")
        self._address = options.address or os.environ.get("RAY_ADDRESS") or "local"
        try:
            self._connect(options.runtime_env)
        finally:
            signal.signal(signal.SIGTERM, handler)  # Ray takes it, to leave at once
        self._fitting = self._places(needs)
        self.slots = self._fitting if options.parallel is None else options.parallel
        # A process of Ray's does one job and ends: jobs share nothing.
        self._function = self._ray.remote(max_calls=1)(_job).options(name="seqlab job", **needs)
        self._running: dict[Any, Task] = {}
        self._over: dict[Any, Ending] = {}

    def _connect(self, runtime_env: dict[str, Any] | None) -> None:
        options: dict[str, Any] = {"address": self._address, "runtime_env": runtime_env}
        if self._address == "local":
            _check_temporary_folder()
            options |= {
                "include_dashboard": False,
                "object_store_memory": _STORE_BYTES,
                "_node_ip_address": "127.0.0.1",
            }
        try:
            _check_answer(self._address)  # Ray itself would ask for minutes
            self._ray.init(log_to_driver=False, logging_level="ERROR", **options)
        except Exception as error:  # of many types, Ray's own and others
            raise UserError(
                f"hydra/launcher=ray: no connection to {self._address}: {first_line(error)}",
                "`ray status` shows a running cluster; without hydra.launcher.address and "
                "RAY_ADDRESS the sweep starts a Ray of its own.",
            ) from error

    def _places(self, needs: dict[str, Any]) -> int:
        """Return how many jobs the cluster has room for.

        Raises:
            UserError: no node has room for one.
        """
        wanted = {"CPU": self.threads, "GPU": self._gpus, "memory": needs.get("memory", 0)}
        fitting = 0
        for node in self._ray.nodes():
            if node["Alive"]:
                has = node["Resources"]
                fitting += int(min(has.get(k, 0) // need for k, need in wanted.items() if need))
        if fitting:
            return fitting
        self._ray.shutdown()
        raise UserError(
            f"hydra/launcher=ray: no node of {self._address} has room for a job with "
            + ", ".join(f"{value:g} {name}" for name, value in wanted.items() if value),
            "Ask for less with hydra.launcher.cpus, .gpus and .memory_gb.",
        )

    def describe(self) -> str:
        """Return in words where the jobs run."""
        where = "on this machine" if self._address == "local" else f"at {self._address}"
        gpus = f", {self._gpus:g} GPU" if self._gpus else ""
        cpus = f"{self.threads} CPU{'s' * (self.threads > 1)}"
        return f"Ray {where}, {self.slots} at once, {cpus}{gpus} each"

    def start(self, task: Task) -> None:
        """Hand a job to Ray."""
        forget_stop(task)
        self._running[self._function.remote(str(task.file))] = task

    def wait(self, timeout_s: float) -> list[Ending]:
        """Return the jobs that have ended, after this time at the latest."""
        waiting = [each for each in self._running if each not in self._over]
        if waiting:
            done, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
            if not done:
                done, _ = self._ray.wait(waiting, num_returns=1, timeout=timeout_s)
            self._over |= {each: self._ending(each) for each in done}
        else:
            time.sleep(timeout_s)
        ended = []
        for each, ending in list(self._over.items()):
            task = self._running[each]
            if is_held(Path(task.folder)):  # its node is gone for Ray, and it still saves its state
                continue
            forget_stop(task)
            del self._running[each], self._over[each]
            ended.append(ending)
        return ended

    def _ending(self, reference: Any) -> Ending:
        number = self._running[reference].number
        try:
            return Ending(number, int(self._ray.get(reference)))
        except self._ray.exceptions.TaskCancelledError:
            return Ending(number, -signal.SIGTERM)
        except Exception as error:  # of Ray's, or of what the nodes lack
            return Ending(number, None, f"Ray gave it up: {first_line(error)}")

    def stop(self, signum: int) -> None:
        """Have jobs at work save their state and end; those that wait do not begin."""
        for reference, task in self._running.items():
            ask_to_stop(task)
            with suppress(Exception):
                self._ray.cancel(reference, force=False)

    def kill(self) -> None:
        """End every job; each saves its state when the process that follows it is gone."""
        for reference in self._running:
            with suppress(Exception):
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Leave the cluster; a Ray of the sweep's own ends."""
        self._ray.shutdown()


def _check_temporary_folder() -> None:
    """Raise `UserError` where Ray's own files would be where its processes refuse to start."""
    environment, folder = os.environ.get("VIRTUAL_ENV"), Path(tempfile.gettempdir())
    if environment and folder.resolve().is_relative_to(Path(environment).resolve()):
        raise UserError(
            f"hydra/launcher=ray: the folder for temporary files, {folder}, is inside the virtual "
            "environment, where Ray starts no process",
            "Name another one: TMPDIR=/tmp python -m train ...",
        )


def _check_answer(address: str) -> None:
    host, _, port = address.rpartition(":")
    if port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()


def _job(file: str) -> int:
    """Do a task on a node; return its exit code."""
    job = RemoteTask(file, with_parent=True)
    code = job()
    if job.orphaned:
        # The node is dead for Ray, though this process is not: without a result of it Ray starts
        # the job elsewhere.
        os._exit(1)
    return code
