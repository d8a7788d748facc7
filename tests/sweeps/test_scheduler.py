"""The loop of a sweep, with processes that only pretend: what is started, skipped, tried again."""

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seqlab.config.compose.jobs import Grid
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.job_source import GridSource
from seqlab.sweeps.launchers.base import Ending
from seqlab.sweeps.launchers.launcher_options import Options
from seqlab.sweeps.ledger import Row, read_ledger
from seqlab.sweeps.ledger_file import LedgerFile
from seqlab.sweeps.scheduler import Job, Scheduler, Tally
from seqlab.sweeps.task import Task
from seqlab.system.errors import UserError


@dataclass
class Composed:
    """A configuration that is nothing but its words."""

    words: list[str]
    plain: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        values = dict(word.split("=") for word in self.words)
        self.plain = {"trainer": {"max_epochs": 1}} | {
            key: float(value) for key, value in values.items()
        }

    @property
    def text(self) -> str:
        return " ".join(self.words)


def compose(words: list[str]) -> Composed:
    if "seed=13" in words:
        raise UserError("thirteen", "Use fourteen.")
    return Composed(words)


class Pretended:
    """Ends each job at the next look, the way `how` says."""

    threads = 1

    def __init__(self, how: Callable[[Task], Ending | None], slots: int = 1) -> None:
        self.how = how
        self.slots = slots
        self.tasks: list[Task] = []
        self.running: list[Task] = []
        self.most = 0
        self.stopped: list[int] = []
        self.adopted: list[str] = []
        self.handles: dict[int, str] = {}

    def describe(self) -> str:
        return "nowhere"

    def start(self, task: Task) -> None:
        self.tasks.append(task)
        self.running.append(task)
        self.most = max(self.most, len(self.running))

    def submit(self) -> dict[int, str]:
        handles, self.handles = self.handles, {}
        return handles

    def adopt(self, task: Task, handle: str) -> bool:
        self.adopted.append(handle)
        self.running.append(task)
        return True

    def wait(self, timeout_s: float) -> list[Ending]:
        endings = [(task, self.how(task)) for task in self.running]
        self.running = [task for task, ending in endings if ending is None]
        return [ending for _, ending in endings if ending is not None]

    def stop(self, signum: int) -> None:
        self.stopped.append(signum)

    def kill(self) -> None:
        raise AssertionError

    def close(self) -> None:
        raise AssertionError


class Silent:
    """Shows nothing."""

    def started(self, job: Job) -> None: ...

    def ended(self, row: Row, job: Job | None) -> None: ...

    def refresh(self) -> None: ...


def completed(task: Task) -> Ending:
    leave(task, status="completed", metrics={"train/loss": 1.0}, epochs=1, duration_s=2.0)
    return said(task, 0)


def leave(task: Task, **result: Any) -> None:
    folder = RunFolder(task.folder)
    folder.path.mkdir(exist_ok=True)
    folder.write_result(result)


def said(task: Task, code: int, error: dict[str, str] | None = None) -> Ending:
    task.outcome.write_text(json.dumps({"code": code, "error": error}))
    return Ending(task.number, code)


def failed(task: Task, kind: str = "RuntimeError") -> Ending:
    error = {"type": kind, "message": "it broke", "hint": "Mend it."}
    leave(task, status="failed", error=error)
    return said(task, 1, error)


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Callable[..., tuple[Tally, Pretended, LedgerFile]]]:
    stores = []

    def run(
        *words: str,
        how: Callable[[Task], Ending | None] = completed,
        slots: int = 1,
        snapshot: str = "a",
        signalled: Callable[[], int | None] = lambda: None,
        before: Callable[[LedgerFile], None] = lambda store: None,
        handles: dict[int, str] | None = None,
        **options: Any,
    ) -> tuple[Tally, Pretended, LedgerFile]:
        for store in stores:
            store.close()
        store = LedgerFile(tmp_path / "sweep")
        stores.append(store)
        before(store)
        launcher = Pretended(how, slots)
        launcher.handles = handles or {}
        source = GridSource(Grid(list(words)))
        scheduler = Scheduler(
            source,
            lambda words: compose(words),
            store,
            launcher,
            Options(**options),
            snapshot,
            Silent(),
            signalled,
        )  # type: ignore[arg-type]
        return scheduler.run(), launcher, store

    yield run
    for store in stores:
        store.close()


def numbers(launcher: Pretended) -> list[int]:
    return [task.number for task in launcher.tasks]


def test_every_job_is_started_once_and_recorded(sweep: Any, tmp_path: Path) -> None:
    tally, launcher, store = sweep("seed=0,1,2", slots=2)
    assert numbers(launcher) == [0, 1, 2]
    assert launcher.most == 2
    assert [row.status for row in tally.rows] == ["completed"] * 3
    row = store.ledger.rows[1]
    assert (row.overrides, row.parameters, row.folder) == (["seed=1"], {"seed": 1}, "0001_seed=1")
    assert (row.metrics, row.epochs, row.duration_s) == ({"train/loss": 1.0}, 1, 2.0)
    assert not list((tmp_path / "sweep" / "jobs").iterdir())
    assert tally.failures == []


def test_finished_jobs_are_skipped_and_new_ones_added(sweep: Any) -> None:
    sweep("seed=0,1")
    tally, launcher, _ = sweep("seed=1,0,5")
    assert numbers(launcher) == [2]
    assert tally.before == 2
    assert [row.number for row in tally.rows] == [1, 0, 2]


def test_job_is_known_by_its_value_where_words_or_files_have_changed(sweep: Any) -> None:
    sweep("seed=1")
    tally, launcher, store = sweep("seed=1.0", snapshot="b")
    assert launcher.tasks == []
    assert tally.before == 1
    row = store.ledger.rows[0]
    assert (row.snapshot, row.overrides) == ("b", ["seed=1.0"])


def test_job_whose_folder_was_removed_runs_again(sweep: Any, tmp_path: Path) -> None:
    sweep("seed=0,1")
    RunFolder(tmp_path / "sweep" / "0000_seed=0").result.unlink()
    (tmp_path / "sweep" / "0000_seed=0").rmdir()
    _, launcher, store = sweep("seed=0,1")
    assert numbers(launcher) == [2]
    assert store.ledger.rows[2].folder == "0002_seed=0"


def test_failed_job_is_one_row_and_the_others_go_on(sweep: Any) -> None:
    how = lambda task: failed(task) if task.number == 1 else completed(task)  # noqa: E731
    tally, launcher, store = sweep("seed=0,1,2", how=how)
    assert numbers(launcher) == [0, 1, 2]
    assert [row.number for row in tally.failures] == [1]
    assert store.ledger.rows[1].error == {
        "type": "RuntimeError",
        "message": "it broke",
        "hint": "Mend it.",
    }


def test_earlier_failure_stays_one_until_it_is_to_be_tried_again(sweep: Any) -> None:
    sweep("seed=0,1", how=lambda task: failed(task) if task.number else completed(task))
    tally, launcher, _ = sweep("seed=0,1")
    assert launcher.tasks == []
    assert [row.number for row in tally.failures] == [1]
    tally, launcher, store = sweep("seed=0,1", retry_failed=True)
    assert numbers(launcher) == [1]
    assert tally.failures == []
    assert store.ledger.rows[1].attempts == 2


def test_retries_start_a_failed_job_again_at_most_so_often(sweep: Any) -> None:
    tally, launcher, _ = sweep("seed=0,1", how=failed, retries=2)
    assert sorted(numbers(launcher)) == [0, 0, 0, 1, 1, 1]
    assert [row.attempts for row in tally.failures] == [3, 3]


@pytest.mark.parametrize("kind", ["NonFiniteError", "UserError"])
def test_what_would_end_the_same_way_is_not_retried(sweep: Any, kind: str) -> None:
    _, launcher, _ = sweep("seed=0", how=lambda task: failed(task, kind), retries=2)
    assert numbers(launcher) == [0]


def test_fail_fast_stops_the_rest(sweep: Any) -> None:
    tally, launcher, _ = sweep("seed=0,1,2", how=failed, fail_fast=True)
    assert numbers(launcher) == [0]
    assert launcher.stopped == [signal.SIGTERM]
    assert len(tally.rows) == 1


def test_job_that_cannot_be_composed_is_one_row(sweep: Any) -> None:
    _, launcher, store = sweep("seed=12,13,14")
    assert numbers(launcher) == [0, 2]
    row = store.ledger.rows[1]
    assert (row.status, row.folder) == ("failed", "")
    assert row.error == {"type": "UserError", "message": "thirteen", "hint": "Use fourteen."}


def test_job_that_can_be_composed_later_gets_a_folder_then(
    sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep("seed=12,13")
    monkeypatch.setattr("test_scheduler.compose", Composed)
    tally, launcher, store = sweep("seed=12,13", retry_failed=True)
    assert [Path(task.folder).name for task in launcher.tasks] == ["0001_seed=13"]
    row = store.ledger.rows[1]
    assert (row.status, row.folder, row.attempts) == ("completed", "0001_seed=13", 2)
    assert row.fingerprint
    assert tally.failures == []


def test_retries_are_those_of_this_start(sweep: Any) -> None:
    sweep("seed=0", how=failed, retries=1)
    tally, launcher, _ = sweep("seed=0", how=failed, retries=1, retry_failed=True)
    assert numbers(launcher) == [0, 0]
    assert [row.attempts for row in tally.failures] == [4]


def test_same_job_under_two_names_runs_once(sweep: Any) -> None:
    tally, launcher, _ = sweep("seed=1,1.0", slots=2)
    assert numbers(launcher) == [0]
    assert len(tally.rows) == 1


def test_signal_stops_the_sweep_and_the_same_command_goes_on(sweep: Any) -> None:
    signals: list[int] = []

    def interrupted(task: Task) -> Ending | None:
        if not signals:
            signals.append(signal.SIGTERM)
            return None
        leave(task, status="interrupted", epochs=1)
        return said(task, 143)

    tally, launcher, store = sweep(
        "seed=0,1", how=interrupted, signalled=lambda: signals[0] if signals else None
    )
    assert launcher.stopped == [signal.SIGTERM]
    assert tally.signum == signal.SIGTERM
    assert [row.status for row in tally.rows] == ["interrupted"]
    tally, launcher, store = sweep("seed=0,1")
    assert [Path(task.folder).name for task in launcher.tasks] == ["0000_seed=0", "0001_seed=1"]
    assert [row.status for row in tally.rows] == ["completed", "completed"]
    assert store.ledger.rows[0].attempts == 2


def test_what_was_at_work_when_the_sweep_was_killed_is_looked_up(
    sweep: Any, tmp_path: Path
) -> None:
    def killed(store: LedgerFile) -> None:
        for number, status in enumerate(("completed", "running")):
            words = [f"seed={number}"]
            folder = f"{number:04d}_seed={number}"
            row = Row(number, "", words, {"seed": number}, folder, "running", snapshot="a")
            store.add_row(row)
            (store.ledger.folder / folder).mkdir()
            RunFolder(store.ledger.folder / folder).write_result(
                {"status": status, "metrics": {"train/loss": 3.0}}
            )

    tally, launcher, store = sweep("seed=0,1", before=killed)
    assert numbers(launcher) == [1]
    assert store.ledger.rows[0].metrics == {"train/loss": 3.0}
    assert tally.before == 1


def test_job_that_a_cluster_still_has_is_followed(sweep: Any, tmp_path: Path) -> None:
    def queued(store: LedgerFile) -> None:
        row = Row(0, "", ["seed=0"], {"seed": 0}, "0000_seed=0", "running", "a", handle="77")
        store.add_row(row)
        (store.ledger.folder / "jobs").mkdir()

    tally, launcher, store = sweep("seed=0", before=queued)
    assert launcher.tasks == []
    assert launcher.adopted == ["77"]
    assert [row.status for row in tally.rows] == ["completed"]
    assert store.ledger.rows[0].handle is None


def test_what_a_cluster_calls_a_job_is_in_the_ledger_before_it_ends(sweep: Any) -> None:
    seen: list[list[str | None]] = []

    def noted(task: Task) -> Ending:
        ledger = read_ledger(Path(task.files).parents[1])
        seen.append([row.handle for row in ledger.rows.values()])
        return completed(task)

    _, _, store = sweep("seed=0,1", how=noted, slots=2, handles={0: "7_0", 1: "7_1"})
    assert seen[0] == ["7_0", "7_1"]
    assert [row.handle for row in store.ledger.rows.values()] == [None, None]


def test_killed_process_is_a_failure_and_its_run_is_marked(sweep: Any, tmp_path: Path) -> None:
    def killed(task: Task) -> Ending:
        leave(task, status="running", epochs=4)
        return Ending(task.number, -signal.SIGKILL)

    _, _, store = sweep("seed=0", how=killed)
    row = store.ledger.rows[0]
    assert (row.status, row.epochs) == ("failed", 4)
    assert row.error is not None
    assert row.error["message"] == "its process was ended by SIGKILL"
    assert "too little memory" in row.error["hint"]
    result = RunFolder(tmp_path / "sweep" / row.folder).read_result()
    assert (result["status"], result["error"]) == ("failed", row.error)


@pytest.mark.parametrize(
    ("ending", "error", "hint"),
    [
        (3, None, "its process left with exit code 3, and did not say why"),
        (None, None, "its process left with an unknown exit code, and did not say why"),
        (1, {"type": "OutOfMemoryError", "message": "CUDA", "hint": "x"}, "smaller batch"),
        (1, {"type": "RuntimeError", "message": "a", "hint": "run.log has it."}, "0000/run"),
    ],
)
def test_failure_says_what_is_known_of_it(
    sweep: Any, ending: int | None, error: dict[str, str] | None, hint: str
) -> None:
    def ended(task: Task) -> Ending:
        return said(task, 1, error) if error else Ending(task.number, ending)

    tally, _, _ = sweep("seed=0", how=ended)
    assert hint in f"{tally.rows[0].error}"


def test_numbers_are_never_used_twice_even_without_their_rows(sweep: Any, tmp_path: Path) -> None:
    (tmp_path / "sweep" / "0041_seed=3").mkdir(parents=True)
    _, launcher, _ = sweep("seed=0")
    assert numbers(launcher) == [42]
