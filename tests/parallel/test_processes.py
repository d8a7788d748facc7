"""The other ranks as the first one sees them: started, watched, ended; without any training."""

import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from seqlab.parallel import processes
from seqlab.parallel.group import agreed, gathered, summed
from seqlab.parallel.order import Order, Place
from seqlab.parallel.processes import RankError, Ranks

CPU = torch.device("cpu")


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ranks]:
    """Ranks whose processes are fake, and connect to nobody."""
    monkeypatch.setattr(processes, "connect", lambda *_: None)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with Ranks("fake_rank") as made:
        yield made


def joined(ranks: Ranks, *does: str, world: int = 2, digest: str = "same") -> None:
    ranks.start(world)
    ranks.join(Order({"does": list(does)}, Path("nowhere")), CPU, digest)


def wait_for_ends(ranks: Ranks) -> None:
    for each in ranks._processes:
        assert each.ended.wait(30)


def test_alone_there_is_nobody_to_start_or_to_ask() -> None:
    with Ranks("fake_rank") as ranks:
        ranks.start(1)
        assert ranks.world == 1
        error = RuntimeError("gloo")
        assert ranks.cause(error) is error
    assert (agreed(3), gathered("x")) == (3, ["x"])
    assert summed(torch.tensor(2.0)) == 2


def test_each_gets_its_place_and_a_session_of_its_own(ranks: Ranks) -> None:
    joined(ranks, "ready", "wait", world=3)
    assert ranks.world == 3
    logs = [each.log.read_text() for each in ranks._processes]
    assert logs == ["a word from 1\n", "a word from 2\n"]
    for each in ranks._processes:
        assert os.getsid(each.process.pid) != os.getsid(0), "Ctrl-C would strike it"


def test_closing_ends_all_and_leaves_nothing_behind(
    ranks: Ranks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    joined(ranks, "ready", "wait")
    assert os.environ["OMP_NUM_THREADS"] == str(max(before // 2, 1))
    scratch, process = ranks._scratch, ranks._processes[0].process
    assert scratch.is_dir()
    ranks.close()
    assert process.returncode is not None
    assert not scratch.exists()
    assert "OMP_NUM_THREADS" not in os.environ
    assert torch.get_num_threads() == before


def test_refusal_does_not_wait_for_processes_without_an_order(ranks: Ranks) -> None:
    ranks.start(2)
    process = ranks._processes[0].process
    ranks.close()
    assert process.returncode == -9


def test_failure_before_the_start_is_told_with_what_it_printed(ranks: Ranks) -> None:
    with pytest.raises(RankError, match=r"^rank 1 of 2: ValueError: no luck\n") as error:
        joined(ranks, "fail")
    assert error.value.hint == "Try again."
    assert "a word from 1" in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    ("deed", "message", "hint"),
    [
        ("die", "rank 1 of 2 was ended by SIGKILL", "runs out of memory"),
        ("exit", "rank 1 of 2 ended with exit code 7", "run.log"),
    ],
)
def test_end_without_a_word_is_told(ranks: Ranks, deed: str, message: str, hint: str) -> None:
    with pytest.raises(RankError, match=f"^{message}\n") as error:
        joined(ranks, deed)
    assert hint in error.value.hint


def test_data_that_differ_are_refused(ranks: Ranks) -> None:
    with pytest.raises(RankError, match="rank 1 of 2 has made other data than the first"):
        joined(ranks, "ready", "wait", digest="another")


def test_lost_connection_is_explained_by_the_rank_that_failed(ranks: Ranks) -> None:
    joined(ranks, "ready", "0.3", "fail")
    lost = RuntimeError("[gloo/transport/tcp/pair.cc:537] Connection closed by peer")
    found = ranks.cause(lost)
    assert str(found) == "rank 1 of 2: ValueError: no luck"
    assert found.__cause__ is lost


def test_error_of_ones_own_stays_the_cause(ranks: Ranks) -> None:
    joined(ranks, "ready", "lose")
    wait_for_ends(ranks)
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert ranks.cause(error) is error


def test_rank_that_only_lost_another_is_not_the_cause(
    ranks: Ranks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_PATIENCE_S", 0.1)
    joined(ranks, "ready", "lose")
    wait_for_ends(ranks)
    lost = RuntimeError("gloo: Connection closed by peer")
    assert ranks.cause(lost) is lost


@pytest.mark.parametrize(("deed", "stuck"), [("die", True), ("done", False)])
def test_first_rank_that_waits_in_vain_is_ended(
    ranks: Ranks, monkeypatch: pytest.MonkeyPatch, deed: str, stuck: bool
) -> None:
    monkeypatch.setattr(processes, "_GRACE_S", 0.1)
    told: list[RankError] = []
    ranks.when_stuck = told.append
    joined(ranks, "ready", deed)
    wait_for_ends(ranks)
    end = time.monotonic() + (30 if stuck else 0.5)
    while not told and time.monotonic() < end:
        time.sleep(0.01)
    assert [str(each) for each in told] == ["rank 1 of 2 was ended by SIGKILL"] * stuck


def test_place_of_a_process_alone() -> None:
    assert Place() == (0, 1)
