"""Signals to a process that is not the first of its run."""

import os
import signal

import pytest

from seqlab.callbacks import stop_on_signal
from seqlab.callbacks.stop_on_signal import Interrupted, StopOnSignal


def test_process_that_does_not_answer_keeps_a_signal_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(stop_on_signal, "agreed", lambda value: asked.append(value) or value)
    with StopOnSignal(answers=False) as stop:
        assert not stop._agreed()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # neither raises nor ends the process
        assert stop._agreed()
    assert asked == [0, signal.SIGTERM]


def test_signal_to_another_process_stops_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_on_signal, "agreed", lambda value: max(value, signal.SIGTERM))
    with StopOnSignal() as stop:
        assert stop._agreed()
        with pytest.raises(Interrupted, match="stopped by SIGTERM") as interrupted:
            stop._stop()
    assert interrupted.value.exit_code == 143


def test_signal_that_another_process_was_sent_as_well_is_no_second_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stop_on_signal, "agreed", lambda value: max(value, signal.SIGTERM))
    ends: list[int] = []
    monkeypatch.setattr(os, "_exit", ends.append)
    with StopOnSignal() as stop:
        stop._training = True
        assert stop._agreed()
        os.kill(os.getpid(), signal.SIGTERM)
        assert ends == []
        stop._first.since -= 10
        os.kill(os.getpid(), signal.SIGTERM)
        assert ends == [143]
