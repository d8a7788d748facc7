"""Signals: what they are called, and what the second one does."""

import os
import signal

import pytest

from seqlab.system.signals import FirstSignal, in_words


def test_signals_have_the_names_that_people_use() -> None:
    assert in_words(signal.SIGINT) == "Ctrl-C"
    assert in_words(signal.SIGTERM) == "SIGTERM"


@pytest.mark.parametrize(("terminal", "written"), [(True, [(2, b"\n")]), (False, [])])
def test_second_signal_ends_the_process_and_a_terminal_line(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, written: list[tuple[int, bytes]]
) -> None:
    calls: list[tuple[int, bytes]] = []
    codes: list[int] = []
    monkeypatch.setattr(os, "isatty", lambda descriptor: descriptor == 2 and terminal)
    monkeypatch.setattr(os, "write", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(os, "_exit", codes.append)
    first = FirstSignal()
    assert first.receive(signal.SIGINT)
    assert not first.receive(signal.SIGINT)  # an echo
    assert (calls, codes) == ([], [])
    first.since -= 10
    first.receive(signal.SIGTERM)
    assert (calls, codes) == (written, [143])
