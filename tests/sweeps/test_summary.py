"""The last lines of a sweep: counts, every failure with its reason, the results, the way on."""

import io
from pathlib import Path
from typing import Any

import pytest

from made import job, write_ledger
from seqlab.sweeps import report
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.scheduler import Tally
from seqlab.sweeps.summary import closing as closing_in_colour
from seqlab.system.terminal import plain, styled


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def closing(*arguments: Any) -> str:
    """Return the closing lines without their styles."""
    return plain(closing_in_colour(*arguments))


def row(number: int, status: str = "completed", **changes: object) -> Row:
    loss = 1.0 + number if status == "completed" else None
    named = {"folder": f"{number:04d}_seed={number}", "label": f"seed={number}"}
    return job(number, loss, status, parameters={"seed": number}, **named | changes)


def error(message: str, hint: str = "Mend it.") -> dict[str, str]:
    return {"type": "ValueError", "message": message, "hint": hint}


def test_failures_are_listed_by_reason() -> None:
    rows = [row(0), *(row(n, "failed", error=error("bad")) for n in (3, 1)), row(2, "interrupted")]
    rows.append(row(4, "failed", error=error("worse", hint="")))
    text = closing("grid", Tally(rows, before=1), 9, Path("outputs/grid"), 12.34)
    assert text.splitlines() == [
        "grid: 9 jobs: 1 completed, 1 interrupted, 3 failed, 4 not started, 1 of them before; "
        "12.3 s",
        "  failed 0001 seed=1, 0003 seed=3",
        "    ValueError: bad",
        "    Mend it.",
        "  interrupted 0002 seed=2",
        "    it goes on when the sweep does",
        "  failed 0004 seed=4",
        "    ValueError: worse",
        "  sweep folder  outputs/grid",
        "  to try the failed ones again: the same command, with",
        "    hydra.launcher.retry_failed=true",
        "  to go on: the same command again",
        "  report        python -m seqlab report outputs/grid",
        "  dashboard     python -m seqlab dashboard outputs/grid",
    ]


def test_many_failures_are_cut_short() -> None:
    rows = [row(number, "failed", error=error("bad")) for number in range(9)]
    rows += [row(number, "failed", error=error(f"bad {number}")) for number in range(10, 40)]
    text = closing("grid", Tally(rows), 39, Path("grid"), 1)
    assert (
        "  failed 0000 seed=0, 0001 seed=1, 0002 seed=2, 0003 seed=3, 0004 seed=4 and 4 more\n"
        in (text)
    )
    assert "  and 11 other reasons; results.csv has them all\n" in text


def test_interrupted_jobs_of_an_interrupted_sweep_are_only_counted() -> None:
    text = closing("grid", Tally([row(0, "interrupted")], ended=1, signum=2), 2, Path("grid"), 1)
    assert text.splitlines() == [
        "grid: 2 jobs: 1 interrupted, 1 not started; 1.0 s",
        "  stopped by Ctrl-C; to go on: the same command again",
        "  sweep folder  grid",
        "  report        python -m seqlab report grid",
        "  dashboard     python -m seqlab dashboard grid",
    ]


def test_statuses_have_colours() -> None:
    rows = [row(0), row(1, "failed", error=error("bad"))]
    text = closing_in_colour("grid", Tally(rows), 2, Path("grid"), 1)
    assert styled("1 completed", "good") in text
    assert styled("1 failed", "bad") in text
    assert f"  {styled('failed', 'bad')} 0001 seed=1\n" in text


def test_reasons_fit_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(1, "failed", error=error("a reason that is long " * 3))]
    whole = closing("grid", Tally(rows), 1, Path("grid"), 1).splitlines()
    assert (
        whole[2]
        == "    ValueError: a reason that is long a reason that is long a reason that is long "
    )
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout", Terminal())
    lines = closing("grid", Tally(rows), 1, Path("grid"), 1).splitlines()
    assert lines[1:6] == [
        "  failed 0001 seed=1",
        "    ValueError: a reason that is long a",
        "    reason that is long a reason that is",
        "    long",
        "    Mend it.",
    ]


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    write_ledger(tmp_path, [row(0), row(1)])
    return tmp_path


def test_new_results_are_added_up(sweep: Path) -> None:
    text = closing("grid", Tally([row(0), row(1)], ended=2), 2, sweep, 1)
    assert (
        "best: all jobs: val/loss 1.5 over 2 seeds" in text or "val/loss 1.5 over 2 seeds" in text
    )
    assert f"  report        {sweep / 'report.html'}\n" in text
    assert (sweep / "results.csv").is_file()


def test_nothing_is_written_where_nothing_is_new(sweep: Path) -> None:
    text = closing("grid", Tally([row(0), row(1)], before=2), 2, sweep, 1)
    assert "python -m seqlab report" in text
    assert [file.name for file in sweep.iterdir()] == ["ledger.jsonl"]


def test_report_that_cannot_be_written_is_told_and_no_more(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path) -> None:
        raise OSError("no room")

    monkeypatch.setattr("seqlab.sweeps.summary.write_report", broken)
    text = closing("grid", Tally([row(0)], ended=1), 1, sweep, 1)
    assert "  the report could not be written: no room\n" in text


def test_search_figures_that_cannot_be_drawn_are_told_and_no_more(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path, notes: list[str], advice: list[str]) -> None:
        raise KeyError("odd study")

    monkeypatch.setattr("seqlab.sweeps.search.search_figures.write_plots", broken)
    made = report.write_report(sweep)
    assert "The figures of the search cannot be drawn: 'odd study'." in made.text
    assert (sweep / "report.html").is_file()
