"""The clock by phases: exact seconds of nested phases, and of what an exception leaves open."""

from collections.abc import Callable

import pytest

from seqlab.profiling.clock import PhaseClock, Row


class Time:
    """Tells the time that it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def after(time: Time, seconds: float, *calls: Callable[..., object]) -> None:
    time.now += seconds
    for call in calls:
        call()


def test_a_phase_inside_another_takes_its_time_off_the_outer_one_s(time: Time) -> None:
    clock = PhaseClock("start", since=98.0, now=time)
    after(time, 2, lambda: clock.rebase("rest"))  # start: 2 before its first call, 2 after
    after(time, 1, lambda: clock.enter("outer"))
    after(time, 4, lambda: clock.enter("inner"))
    after(time, 8, lambda: clock.enter("outer"))  # a phase may stand in itself
    after(time, 16, lambda: clock.leave("outer"))
    after(time, 32, lambda: clock.leave("inner"))
    after(time, 64, lambda: clock.leave("outer"))
    after(time, 1)
    assert clock.rows() == [
        Row("outer", 2, 84.0, 84 / 130),
        Row("inner", 1, 40.0, 40 / 130),
        Row("start", 1, 4.0, 4 / 130),
        Row("rest", 1, 2.0, 2 / 130),
    ]
    assert sum(row.seconds for row in clock.rows()) == time.now - 98


def test_rows_while_phases_are_open_count_up_to_now(time: Time) -> None:
    clock = PhaseClock("rest", now=time)
    clock.enter("a")
    after(time, 3)
    assert clock.rows()[0] == Row("a", 1, 3.0, 1.0)
    after(time, 1, lambda: clock.leave("a"))
    assert clock.rows()[0] == Row("a", 1, 4.0, 1.0)


def test_no_time_at_all_is_no_division_by_zero(time: Time) -> None:
    assert PhaseClock("rest", now=time).rows() == [Row("rest", 1, 0.0, 0.0)]


def test_an_exception_ends_the_phases_that_it_leaves(time: Time) -> None:
    clock = PhaseClock("rest", now=time)

    def fail() -> None:
        time.now += 2
        raise KeyError

    with pytest.raises(KeyError):
        clock.timed("a", fail)()
    clock.enter("b")
    clock.enter("lost")  # nothing says that it ends
    after(time, 1, lambda: clock.leave("b"), lambda: clock.leave("never begun"))
    after(time, 5)
    seconds = {row.phase: row.seconds for row in clock.rows()}
    assert seconds == {"rest": 5.0, "a": 2.0, "lost": 1.0, "b": 0.0}


def test_timed_function_takes_and_returns_what_it_did(time: Time) -> None:
    clock = PhaseClock("rest", now=time)
    assert clock.timed("a", lambda x, *, y: x - y)(5, y=2) == 3
    assert clock.timed("a", max)(1, 4) == 4
    assert {row.phase: row.calls for row in clock.rows()} == {"rest": 1, "a": 2}


def test_work_behind_the_program_is_waited_for_before_the_clock_is_read(time: Time) -> None:
    clock = PhaseClock("rest", now=time)

    def finish_kernels() -> None:
        time.now += 7

    clock.enter("a")
    clock.wait = finish_kernels
    clock.leave("a")
    assert {row.phase: row.seconds for row in clock.rows()} == {"a": 7.0, "rest": 7.0}
