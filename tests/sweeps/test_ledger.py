"""The ledger: what is written is read back; a kill or damage loses one line at most."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expect import refusal
from seqlab.sweeps.ledger import LEDGER, Row, Started, read_ledger, row_line, start_line
from seqlab.sweeps.ledger_file import LedgerFile

ROW = Row(
    number=0,
    fingerprint="f0",
    overrides=["optimizer.lr=0.1", "seed=0"],
    parameters={"optimizer.lr": 0.1, "seed": 0},
    folder="0000_lr=0.1_seed=0",
    status="running",
    snapshot="a",
    label="lr=0.1 seed=0",
)
START = Started(words=["-m", "seed=0"], time="2026-11-25T00:00:00", name="grid", snapshot="a")


def test_rows_and_starts_are_read_back(tmp_path: Path) -> None:
    store = LedgerFile(tmp_path / "sweep")
    store.add_start(START)
    store.add_row(ROW)
    done = replace(ROW, status="completed", metrics={"val/loss": 0.5}, epochs=3, duration_s=1.25)
    store.add_row(done)
    store.add_row(replace(ROW, number=1, status="failed", error={"type": "E", "message": "m"}))
    store.close()
    ledger = read_ledger(tmp_path / "sweep")
    assert ledger.starts == [START]
    assert ledger.rows[0] == done
    assert ledger.rows[1].error == {"type": "E", "message": "m"}
    assert ledger.damaged == 0
    assert [row.is_finished for row in ledger.current] == [True, False]


def test_number_that_is_not_finite_is_nan_again(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_text(row_line(replace(ROW, metrics={"val/loss": math.inf, "x": 1.0})))
    metrics = read_ledger(tmp_path).rows[0].metrics
    assert math.isnan(metrics["val/loss"])
    assert metrics["x"] == 1


def test_line_of_the_ledger_is_one_line_of_json_whatever_is_in_it(tmp_path: Path) -> None:
    odd = replace(ROW, label="a\nb\u2028\x85", overrides=["name=\udcff"])
    assert len(row_line(odd).splitlines()) == 1
    (tmp_path / LEDGER).write_text(row_line(odd), encoding="utf-8")
    assert read_ledger(tmp_path).rows[0] == odd


def test_line_that_a_kill_cut_off_is_dropped(tmp_path: Path) -> None:
    whole, half = row_line(ROW), row_line(replace(ROW, number=1))[:-20]
    (tmp_path / LEDGER).write_text(whole + half)
    assert list(read_ledger(tmp_path).rows) == [0]
    store = LedgerFile(tmp_path)
    store.add_row(replace(ROW, number=2))
    store.close()
    ledger = read_ledger(tmp_path)
    assert list(ledger.rows) == [0, 2]
    assert ledger.damaged == 0


@pytest.mark.parametrize(
    "line",
    [
        "no json\n",
        "[1]\n",
        "{}\n",
        '{"row": {"number": 0}}\n',
        '{"row": {"number": "x", "fingerprint": "", "overrides": [], "parameters": {}, '
        '"folder": "f", "status": "completed"}}\n',
        row_line(ROW).replace('"running"', '"sleeping"'),
        '{"command": {"words": []}}\n',
    ],
)
def test_damaged_line_is_counted_and_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / LEDGER).write_text(start_line(START) + line + row_line(replace(ROW, number=7)))
    ledger = read_ledger(tmp_path)
    assert list(ledger.rows) == [7]
    assert ledger.damaged == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"number": -1},
        {"number": True},
        {"parameters": "x"},
        {"overrides": "x=1"},
        {"overrides": [1]},
        {"metrics": "low"},
        {"metrics": {"val/loss": "low"}},
        {"metrics": {"val/loss": 10**400}},
        {"duration_s": None},
        {"epochs": "3"},
        {"error": "broken"},
        {"checkpoint": 3},
        {"fingerprint": None},
        {"folder": ["f"]},
    ],
    ids=str,
)
def test_value_of_another_kind_is_damage(tmp_path: Path, odd: dict[str, Any]) -> None:
    row = json.dumps({"row": json.loads(row_line(ROW))["row"] | odd}) + "\n"
    (tmp_path / LEDGER).write_text(start_line(START) + row + row_line(replace(ROW, number=7)))
    ledger = read_ledger(tmp_path)
    assert list(ledger.rows) == [7]
    assert ledger.damaged == 1


@pytest.mark.parametrize("odd", [{"words": "-m"}, {"name": None}, {"metric": 3}], ids=str)
def test_start_of_another_kind_is_damage(tmp_path: Path, odd: dict[str, Any]) -> None:
    start = json.dumps({"command": json.loads(start_line(START))["command"] | odd}) + "\n"
    (tmp_path / LEDGER).write_text(start_line(START) + start)
    ledger = read_ledger(tmp_path)
    assert ledger.starts == [START]
    assert ledger.damaged == 1


def test_rows_of_other_files_are_told_apart(tmp_path: Path) -> None:
    later = replace(ROW, number=1, snapshot="b")
    again = replace(START, snapshot="b")
    lines = [start_line(START), row_line(ROW), start_line(again), row_line(later)]
    (tmp_path / LEDGER).write_text("".join(lines))
    ledger = read_ledger(tmp_path)
    assert ledger.current == [later]
    assert ledger.earlier == [ROW]


def test_folder_without_a_ledger_is_no_sweep(tmp_path: Path) -> None:
    with refusal("is not a sweep: it has no ledger", "Name the folder of a sweep"):
        read_ledger(tmp_path)


def test_sweep_is_at_work_in_one_process_at_a_time(tmp_path: Path) -> None:
    store = LedgerFile(tmp_path)
    with refusal("is at work in another process", "python -m seqlab report"):
        LedgerFile(tmp_path)
    store.close()
    LedgerFile(tmp_path).close()


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refusal("cannot be written", "hydra.sweep.dir=FOLDER"):
        LedgerFile(tmp_path / "file")


def test_ledger_that_was_moved_away_is_not_written_behind_the_sweep_s_back(tmp_path: Path) -> None:
    store = LedgerFile(tmp_path / "sweep")
    store.add_row(ROW)
    (tmp_path / "sweep").rename(tmp_path / "moved")
    with refusal("was deleted, or moved away, while it was at work", "hydra.sweep.dir=FOLDER"):
        store.add_row(ROW)
    store.close()
    assert len((tmp_path / "moved" / LEDGER).read_text().splitlines()) == 1
