"""`python -m seqlab forecast`: a table and a figure in the run folder."""

import csv
import errno
import math
import os
from pathlib import Path

import pytest

from conftest import copied
from expect import Command, refusals, refused, succeeded, tree, words_of
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.trained import load_trained
from seqlab.system.terminal import relative


@pytest.fixture
def sine(sine_run: RunFolder, tmp_path: Path) -> RunFolder:
    return copied(sine_run, tmp_path)


def forecasts(run: RunFolder) -> list[list[str]]:
    (file,) = run.path.glob("forecast*.csv")
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines))


def test_forecast_writes_a_table_and_a_figure_and_says_where(
    seqlab: Command, sine: RunFolder
) -> None:
    before = tree(sine.path)
    outcome = succeeded(seqlab("forecast", str(sine.path), "--steps", "3"))
    head, *rows = forecasts(sine)
    assert head == ["t", "forecast", "observed"]
    assert [row[0] for row in rows] == ["605", "606", "607"]
    assert all(math.isfinite(float(row[1])) and row[2] for row in rows)
    after = tree(sine.path)
    new = after.keys() - before.keys()
    assert {name: after[name] for name in before} == before
    assert {Path(name).suffix for name in new} == {".csv", ".png"}
    for name in new:
        assert relative(str(sine.path / name)) in outcome.out
        assert after[name][0].startswith((b"t,forecast,observed\n", b"\x89PNG"))


def test_forecast_goes_to_the_end_of_the_series_by_default(
    seqlab: Command, sine: RunFolder
) -> None:
    assert seqlab("forecast", str(sine.path)).code == 0
    assert [int(row[0]) for row in forecasts(sine)[1:]] == list(range(605, 1001))


def test_forecast_beyond_the_series_has_nothing_to_compare_with(
    seqlab: Command, sine: RunFolder
) -> None:
    assert seqlab("forecast", str(sine.path), "--start", "999", "--steps", "3").code == 0
    rows = forecasts(sine)[1:]
    assert [row[0] for row in rows] == ["1000", "1001", "1002"]
    assert [bool(row[2]) for row in rows] == [True, False, False]


def test_forecast_of_one_step_is_the_network_on_the_last_window(
    seqlab: Command, sine: RunFolder
) -> None:
    assert seqlab("forecast", str(sine.path), "--start", "4", "--steps", "1").code == 0
    trained = load_trained(sine.path)
    trained.data.setup()
    expected = trained.module.network(trained.data.series[None, :4]).item()
    ((time, forecast, observed),) = forecasts(sine)[1:]
    assert time == "5"
    assert float(forecast) == pytest.approx(expected, rel=1e-6)
    assert float(observed) == trained.data.series[4].item()


@refusals(
    ("--start 3", "--start 3: the series has the time steps 1 to 1000", "from 4 to 1000"),
    ("--start 1001", "--start 1001: the series has", "from 4 to 1000"),
    ("--start -5", "--start -5: the series has", "from 4 to 1000"),
    ("--steps 0", "--steps 0: must be at least 1", "--steps 100"),
    ("--steps -1", "--steps -1: must be at least 1", "--steps 100"),
)
def test_forecast_from_nowhere_is_refused_and_writes_nothing(
    seqlab: Command, sine: RunFolder, asked: str, message: str, remedy: str
) -> None:
    before = tree(sine.path)
    refused(seqlab("forecast", str(sine.path), *words_of(asked)), message, remedy)
    assert tree(sine.path) == before


def test_forecast_is_written_where_it_was_asked_for(
    seqlab: Command, sine: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(sine.path)
    monkeypatch.chdir(tmp_path)
    outcome = seqlab("forecast", "run", "--steps", "3", "--output", "new/my table.csv")
    assert outcome.code == 0, outcome.err
    assert outcome.out.endswith("\n  table   new/my table.csv\n  figure  new/my table.png\n")
    assert len((tmp_path / "new/my table.csv").read_text().splitlines()) == 4
    assert (tmp_path / "new/my table.png").read_bytes().startswith(b"\x89PNG")
    assert tree(sine.path) == before


@pytest.mark.parametrize(
    ("name", "message", "remedy"),
    [
        ("run", "--output run: the table is CSV", "--output FILE.csv"),
        ("mine.csv", "mine.csv exists already; nothing in it was changed", "Name a new file"),
        ("drawn.csv", "drawn.png exists already; nothing in it was changed", "Name a new file"),
        ("mine.csv/a.csv", "the forecast cannot be written to mine.csv: ", "--output FILE.csv"),
    ],
)
def test_output_that_is_no_new_file_is_refused(
    seqlab: Command, sine: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, message: str, remedy: str,
) -> None:  # fmt: skip
    for kept in ("mine.csv", "drawn.png"):
        (tmp_path / kept).write_text("mine")
    before = tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    refused(seqlab("forecast", "run", "--steps", "3", "--output", name), message, remedy)
    assert tree(tmp_path) == before


def test_run_folder_that_cannot_be_written_is_told_with_the_way_out(
    seqlab: Command, sine: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(file: Path, text: str) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("seqlab.commands.forecast.write_text", read_only)
    refused(
        seqlab("forecast", str(sine.path), "--steps", "3"),
        f"the forecast cannot be written to {sine.path}: Read-only file system",
        "--output FILE.csv",
    )
