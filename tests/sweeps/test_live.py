"""How a sweep is getting on, on a terminal of any width."""

import io
import re
from pathlib import Path

import pytest

from made import job
from seqlab.config.compose.jobs import Assignment
from seqlab.sweeps.live import LiveView
from seqlab.sweeps.scheduler import Job

LINES = {
    100: [
        "rates: 0/4 jobs |                    | 00:00<?",
        "  0003 hidden_size=256 lr=0.003 seed=3 |#####               | epoch 5/20",
        "rates: 1/4 jobs |#####               | 00:00<00:00, best val/loss 0.1235 (0001)",
        "rates: 2/4 jobs |##########          | 00:00<00:00, best val/loss 0.1235 (0001), 1 failed",
    ],
    60: [
        "rates: 0/4 jobs |                    | 00:00<?",
        "  0003 hidden_size=256 lr=0.… |##      | epoch 5/20",
        "rates: 1/4 jobs, 00:00 left, best 0.1235",
        "rates: 2/4 jobs, 00:00 left, best 0.1235, 1 failed",
    ],
    40: [
        "rates: 0/4 jobs, ? left",
        "  0003 hidden_size… epoch 5/20",
        "rates: 1/4, best 0.1235",
        "rates: 2/4, best 0.1235, 1 failed",
    ],
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_work(number: int, value: float | None, status: str) -> Job:
    keys = {"model.hidden_size": 256, "optimizer.lr": 0.003, "seed": number}
    made_by = Assignment((), keys, tuple(keys))
    return Job(made_by, job(number, value, status, epochs=5), epochs=20)


@pytest.mark.parametrize("columns", LINES)
def test_lines_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    view = LiveView("rates", 4, Path("nowhere"), stream=stream)
    jobs = [
        at_work(*values)
        for values in ((3, None, "running"), (1, 0.12345, "completed"), (2, None, "failed"))
    ]
    try:
        for each in jobs:
            view.started(each)
        view.ended(jobs[1].row, jobs[1])
        view.ended(jobs[2].row, jobs[2])
    finally:
        view.close()
    drawn = re.split(r"[\r\n]|\x1b\[A", stream.getvalue())
    lines = [re.sub(r"00:\d\d", "00:00", line.rstrip()) for line in drawn]
    for line in LINES[columns]:
        assert line in lines, lines
        assert len(line) <= columns - 3
    assert stream.getvalue().endswith(f"\r{' ' * (columns - 1)}\r")


def test_nothing_is_drawn_elsewhere() -> None:
    stream = io.StringIO()
    view = LiveView("rates", 4, Path("nowhere"), stream=stream)
    one = at_work(1, 0.5, "completed")
    view.started(one)
    view.ended(one.row, one)
    view.refresh()
    view.close()
    assert stream.getvalue() == ""
