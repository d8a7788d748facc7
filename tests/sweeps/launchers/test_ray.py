"""Sweeps on Ray: a cluster of two nodes on this machine, of which one dies; and what is refused."""

import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from launched import LONG, Swept, strike, workers

from expect import Refuses, refusal, refusals
from processes import parent, until
from same_runs import assert_same
from seqlab.sweeps.launchers import ray as module
from seqlab.sweeps.launchers.launcher_options import RayOptions

pytest.importorskip("ray", reason="ray is not installed: pip install 'seqlab[ray]'")


RAY = "hydra/launcher=ray"
# A death is noticed within seconds; slow answers of a busy machine are none.
NOTICED_SOON = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 20_000,
    "health_check_failure_threshold": 3,
}
NODE = {"object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster whose two nodes have room for one job each."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    built = Cluster()
    built.add_node(num_cpus=0, _system_config=NOTICED_SOON, **NODE)
    for _ in range(2):
        built.add_node(num_cpus=1, **NODE)
    yield built
    built.shutdown()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_sweep_on_two_nodes_outlives_ctrl_c_and_the_death_of_a_node(
    cluster: Any, tmp_path: Path
) -> None:
    swept = Swept(tmp_path)
    words = [*LONG, "seed=1,2", RAY, f"hydra.launcher.address={cluster.address}"]
    with swept.running(*words) as process:
        until(swept.begun(0, 1), process)
        process.send_signal(signal.SIGINT)
        assert swept.end_of(process) == 130
    assert not workers(tmp_path)
    assert f"Ray at {cluster.address}, 2 at once, 1 CPU each" in swept.printed
    stopped = [swept.run(n).read_result() for n in (0, 1)]
    assert [each["status"] for each in stopped] == ["interrupted", "interrupted"]
    assert swept.each("status") == ["interrupted", "interrupted"]

    dying = next(iter(cluster.worker_nodes))
    raylet = dying.all_processes["raylet"][0].process.pid
    with swept.running(*words) as process:
        goes_on = [swept.begun(n, epochs=stopped[n]["epochs"] + 1) for n in (0, 1)]
        until(lambda: all(look() for look in goes_on), process)
        jobs = {n: workers(swept.folder / "jobs" / f"{n:04d}.json") for n in (0, 1)}
        (struck,) = (n for n, pids in jobs.items() if raylet in ancestors(pids[0]))
        strike([raylet])
        assert swept.end_of(process) == 0
    assert swept.each("status") == ["completed", "completed"]
    assert swept.each("attempts") == [2, 2]
    log = swept.run(struck).log.read_text()
    assert log.count("stopped by SIGTERM") == log.count("going on after epoch") == 2
    assert_same(swept.run(struck), swept.alone(*LONG, f"seed={struck + 1}"))


def ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1:
        pid = parent(pid)
        found.append(pid)
    return found


@refusals(
    ({"cpus": 0}, "hydra.launcher.cpus=0: must be a whole number, 1 or more"),
    ({"gpus": -1.0}, "hydra.launcher.gpus=-1.0: must be a number, 0 or more"),
    ({"memory_gb": 0.0}, "hydra.launcher.memory_gb=0.0: must be a number, above 0"),
    ({"parallel": 0}, "hydra.launcher.parallel=0: must be a whole number, 1 or more"),
    ({"max_retries": -1}, "hydra.launcher.max_retries=-1: must be a whole number, 0 or more"),
)
def test_impossible_options_are_refused(asked: dict[str, Any], message: str) -> None:
    with refusal(message):
        module.RayLauncher(RayOptions(**asked))


def test_without_ray_nothing_begins(refuses: Refuses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    refuses(f"-m seed=1,2 {RAY}", "needs ray", "pip install 'seqlab[ray]'")


class NoRay:
    """Ray as far as the launcher asks it before anything begins."""

    def __init__(self, nodes: list[dict[str, Any]] | None) -> None:
        self._nodes = nodes
        self.asked: dict[str, Any] = {}
        self.left = False

    def init(self, **options: Any) -> None:
        self.asked = options
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self._nodes is None:
            raise ConnectionError("no answer\nand more")

    def nodes(self) -> list[dict[str, Any]]:
        return self._nodes or []

    def shutdown(self) -> None:
        self.left = True

    def remote(self, **options: Any) -> Any:
        return lambda function: self

    def options(self, **options: Any) -> Any:
        return self


def node(alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"Alive": alive, "Resources": resources}


def test_cluster_that_does_not_answer_is_told(
    refuses: Refuses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", NoRay(None))
    before = signal.getsignal(signal.SIGTERM)
    words = f"-m seed=1,2 {RAY}"
    refuses(words, "hydra/launcher=ray: no connection to local: no answer\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    what = f"no connection to {address}: [Errno 111] Connection refused\n"
    refuses(f"{words} hydra.launcher.address={address}", what, "`ray status`")
    assert signal.getsignal(signal.SIGTERM) is before


def test_temporary_folder_inside_the_environment_is_refused(
    refuses: Refuses, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = tmp_path_factory.mktemp("environment")
    (environment / "tmp").mkdir()
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    monkeypatch.setattr(tempfile, "tempdir", str(environment / "tmp"))
    monkeypatch.setitem(sys.modules, "ray", NoRay(None))
    what = f"the folder for temporary files, {environment / 'tmp'}, is inside the virtual"
    refuses(f"-m seed=1,2 {RAY}", what, "Name another one: TMPDIR=/tmp python -m train ...")


def test_as_many_jobs_as_fit_the_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        node(CPU=8.0, GPU=2.0, memory=64 * 2.0**30),
        node(CPU=3.0, GPU=1.0, memory=64 * 2.0**30),
        node(CPU=64.0),
        node(alive=False, CPU=64.0, GPU=8.0),
    ]
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", NoRay(nodes))
    assert module.RayLauncher(RayOptions()).slots == 8 + 3 + 64
    assert module.RayLauncher(RayOptions(cpus=2)).slots == 4 + 1 + 32
    assert module.RayLauncher(RayOptions(gpus=0.5)).slots == 4 + 2
    assert module.RayLauncher(RayOptions(memory_gb=20)).slots == 3 + 3
    assert module.RayLauncher(RayOptions(parallel=500)).slots == 500
    launcher = module.RayLauncher(RayOptions(cpus=2, gpus=1))
    assert launcher.describe() == "Ray on this machine, 3 at once, 2 CPUs, 1 GPU each"
    assert launcher.threads == 2


def test_job_that_no_node_has_room_for_is_refused(
    refuses: Refuses, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = NoRay([node(CPU=4.0)])
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    what = "no node of auto has room for a job with 1 CPU, 1 GPU"
    refuses(f"-m seed=1,2 {RAY} hydra.launcher.gpus=1", what, "hydra.launcher.cpus")
    assert ray.asked["address"] == "auto"
    assert ray.left
