"""Jobs on this machine: side by side, each as if it were alone, and none is left over."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from launched import LONG, SHORT, Swept, strike

from conftest import own_class, trained_here
from expect import refusal, refusals, succeeded
from processes import processes_where, until
from same_runs import assert_same, table
from seqlab.sweeps.launchers.launcher_options import LocalOptions
from seqlab.sweeps.launchers.local import LocalLauncher

LOCAL = ["hydra/launcher=local", "hydra.launcher.workers=2"]

NOSY = '''
import json, os, pathlib, random, time
import numpy, torch
from torch import nn

SEEN = []

class Nosy(nn.Module):
    """Notes what it finds in its process, leaves that in disorder, and waits for company."""

    def __init__(self, vocabulary_size, number):
        super().__init__()
        found = {
            "torch": int(torch.get_rng_state().sum()),
            "python": hash(random.getstate()),
            "numpy": int(numpy.random.get_state()[1].sum()),
            "environment": os.environ.get("LEFT_BY_ANOTHER"),
            "threads": torch.get_num_threads(),
            "seen": len(SEEN),
            "folder": os.getcwd(),
        }
        here = pathlib.Path("notes")
        gpu = os.environ.get("CUDA_VISIBLE_DEVICES")
        (here / f"{number}.json").write_text(json.dumps([found, gpu]))
        self.logits = nn.Embedding(vocabulary_size, vocabulary_size)
        end = time.monotonic() + 60
        while len(list(here.iterdir())) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        SEEN.append(number)
        os.environ["LEFT_BY_ANOTHER"] = "1"
        torch.set_num_threads(torch.get_num_threads() + 1)
        random.seed(number), numpy.random.seed(number), torch.manual_seed(7)

    def forward(self, tokens, state=None):
        return self.logits(tokens), state
'''


def test_jobs_side_by_side_find_nothing_of_each_other(tmp_path: Path) -> None:
    content = "task: language_model\n_target_: nosy.Nosy\nnumber: 0\n"
    own_class(tmp_path, "nosy", NOSY, "model/nosy", content)
    (tmp_path / "notes").mkdir()
    (tmp_path / "bin").mkdir()
    listing = tmp_path / "bin" / "nvidia-smi"
    listing.write_text("#!/bin/sh\necho 'GPU 0: H100'; echo 'GPU 1: H100'\n")
    listing.chmod(0o755)
    own = [word for word in SHORT if not word.startswith("model")]
    words = ["--config-dir", "mine", *own, "model=nosy", "model.number=1,2,3,4"]
    path = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    options = [*LOCAL, "hydra.launcher.threads=1", "trainer.accelerator=cpu"]
    swept = Swept(tmp_path)
    with swept.running(*words, *options, **path) as process:
        assert swept.end_of(process) == 0
    assert "2 at once, 1 thread each, GPU 0, 1" in swept.printed
    notes = [json.loads((tmp_path / "notes" / f"{n}.json").read_text()) for n in (1, 2, 3, 4)]
    first = notes[0][0]
    assert all(found == first for found, _ in notes)
    assert first | {"torch": 0, "python": 0, "numpy": 0} == {
        "torch": 0,
        "python": 0,
        "numpy": 0,
        "environment": None,
        "threads": 1,
        "seen": 0,
        "folder": str(tmp_path),
    }
    assert [gpu for _, gpu in notes[:2]] == ["0", "1"]
    assert {gpu for _, gpu in notes} == {"0", "1"}
    tables = [table(swept.run(n)) for n in range(4)]
    assert all(each == tables[0] for each in tables)


def marked(mark: str) -> list[int]:
    """Return the processes that descend from a sweep with this mark, whatever they do."""
    return processes_where(lambda each: f"MARK={mark}".encode() in (each / "environ").read_bytes())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_killed_job_and_killed_sweep_cost_nothing(tmp_path: Path) -> None:
    swept, mark = Swept(tmp_path), str(tmp_path)
    words = [*LONG, "seed=1,2", *LOCAL, "hydra.launcher.retries=1"]
    with swept.running(*words, MARK=mark) as process:
        until(swept.begun(0, 1), process)
        strike(holders(swept.run(0).log))
        until(lambda: swept.rows[0].attempts == 2, process)
        until(lambda: "going on after epoch" in swept.run(0).log.read_text(), process)
        process.kill()
        process.wait()
    until(lambda: not marked(mark))
    states = [swept.run(n).read_result() for n in (0, 1)]
    assert [each["status"] for each in states] == ["interrupted", "interrupted"]
    assert swept.each("status") == ["running", "running"]
    succeeded(trained_here(tmp_path, "-m", *words, "hydra.sweep.dir=sweep"))
    assert swept.each("attempts") == [3, 2]
    until(lambda: not holders(swept.run(0).log) + holders(swept.run(1).log))
    assert_same(swept.run(0), swept.alone(*LONG, "seed=1"))


def holders(log: Path) -> list[int]:
    """Return the processes that have a run's log open."""

    def holds(each: Path) -> bool:
        return str(log) in [os.readlink(link) for link in (each / "fd").iterdir()]  # noqa: PTH115

    return [pid for pid in processes_where(holds) if pid != os.getpid()]


def test_without_a_gpu_each_worker_gets_a_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(12)))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = [(w, LocalLauncher(print, LocalOptions(workers=w))) for w in (None, 1, 5, 40)]
    assert [(each.slots, each.threads) for _, each in found] == [(12, 1), (1, 12), (5, 2), (40, 1)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 3")
    both = LocalLauncher(print, LocalOptions())
    assert (both.slots, both.threads) == (2, 6)
    assert both.describe() == "2 at once, 6 threads each, GPU 2, 3"


@refusals(
    ({"workers": 0}, "hydra.launcher.workers=0: must be a whole number, 1 or more"),
    ({"threads": -1}, "hydra.launcher.threads=-1: must be a whole number, 1 or more"),
    ({"gpus": [-1]}, "hydra.launcher.gpus=[-1]: must be a list of GPU numbers"),
)
def test_impossible_options_are_refused(asked: dict[str, Any], message: str) -> None:
    with refusal(message):
        LocalLauncher(print, LocalOptions(**asked))
