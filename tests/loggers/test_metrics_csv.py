"""metrics.csv while it is written: complete after every epoch, and taken up on resume."""

import os
from pathlib import Path

import pytest

from expect import rows_of
from seqlab.loggers.metrics_csv import MetricsCSV
from seqlab.runs.folder.run_folder import RunFolder


def column(folder: Path, name: str) -> list[str]:
    return [row[name] for row in rows_of(RunFolder(folder).metrics)]


def logged(folder: Path, epochs: int) -> MetricsCSV:
    logger = MetricsCSV(folder)
    for epoch in range(epochs):
        logger.log_metrics({"epoch": epoch, "train/loss": float(epoch)}, step=epoch)
    return logger


def test_table_is_complete_after_every_epoch(tmp_path: Path) -> None:
    logger = MetricsCSV(tmp_path)
    logger.log_metrics({"epoch": 0, "val/loss": 2.0}, step=9)
    assert RunFolder(tmp_path).read_metrics() == {"step": [(1, 10.0)], "val/loss": [(1, 2.0)]}
    logger.log_metrics({"epoch": 0, "train/loss": 1.0}, step=9)
    logger.log_metrics({"epoch": 1, "val/loss": 3.0}, step=19)
    assert RunFolder(tmp_path).metrics.read_text() == (
        "epoch,step,val/loss,train/loss\n1,10,2.0,1.0\n2,20,3.0,\n"
    )


def test_column_that_appears_later_is_empty_before(tmp_path: Path) -> None:
    logger = logged(tmp_path, 3)
    logger.log_metrics({"epoch": 2, "val/loss": 0.5}, step=2)
    assert column(tmp_path, "val/loss") == ["", "", "0.5"]
    assert column(tmp_path, "train/loss") == [
        "0.0",
        "1.0",
        "2.0",
    ]


def test_numbers_keep_all_their_digits(tmp_path: Path) -> None:
    MetricsCSV(tmp_path).log_metrics({"epoch": 0, "train/loss": 1 / 3}, step=0)
    assert RunFolder(tmp_path).read_metrics()["train/loss"] == [(1, 1 / 3)]


def test_metrics_without_an_epoch_make_no_row(tmp_path: Path) -> None:
    logger = MetricsCSV(tmp_path)
    logger.log_metrics({"lr": 0.1}, step=0)
    logger.log_metrics({"epoch": 0}, step=0)
    assert not RunFolder(tmp_path).metrics.exists()


def test_table_goes_on_from_a_checkpoint_without_the_later_rows(tmp_path: Path) -> None:
    state = logged(tmp_path, 2).state()
    logged(tmp_path, 4)
    after = MetricsCSV(tmp_path)
    after.continue_from(state, 2)
    assert column(tmp_path, "epoch") == ["1", "2"]
    after.log_metrics({"epoch": 2, "train/loss": 7.0}, step=2)
    assert column(tmp_path, "train/loss") == [
        "0.0",
        "1.0",
        "7.0",
    ]


@pytest.mark.parametrize("size", [0, 10, 30])
def test_table_that_lost_its_end_is_whole_again(tmp_path: Path, size: int) -> None:
    state = logged(tmp_path, 5).state()
    whole = RunFolder(tmp_path).metrics.read_bytes()
    os.truncate(RunFolder(tmp_path).metrics, size)
    MetricsCSV(tmp_path).continue_from(state, 5)
    assert RunFolder(tmp_path).metrics.read_bytes() == whole


def test_checkpoint_of_a_long_run_keeps_only_the_last_rows(tmp_path: Path) -> None:
    state = logged(tmp_path, 250).state()
    assert (state["num_rows"], len(state["rows"])) == (250, 100)
    whole = RunFolder(tmp_path).metrics.read_bytes()
    os.truncate(RunFolder(tmp_path).metrics, len(whole) - 500)
    MetricsCSV(tmp_path).continue_from(state, 250)
    assert RunFolder(tmp_path).metrics.read_bytes() == whole


def test_rows_that_are_nowhere_any_more_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = logged(tmp_path, 150).state()
    os.truncate(RunFolder(tmp_path).metrics, 100)
    MetricsCSV(tmp_path).continue_from(state, 150)
    assert "had lost rows" in caplog.text
    assert column(tmp_path, "epoch")[-100:] == [str(n) for n in range(51, 151)]


def test_column_of_a_later_epoch_is_gone_after_going_back(tmp_path: Path) -> None:
    logger = logged(tmp_path, 2)
    state = logger.state()
    whole = RunFolder(tmp_path).metrics.read_bytes()
    logger.log_metrics({"epoch": 2, "val/loss": 1.0}, step=2)
    MetricsCSV(tmp_path).continue_from(state, 2)
    assert RunFolder(tmp_path).metrics.read_bytes() == whole


def test_run_that_begins_again_has_an_empty_table(tmp_path: Path) -> None:
    logged(tmp_path, 2)
    logger = MetricsCSV(tmp_path)
    logger.continue_from({}, 0)
    assert not RunFolder(tmp_path).metrics.exists()
    logger.log_metrics({"epoch": 0, "train/loss": 1.0}, step=0)
    assert len(column(tmp_path, "epoch")) == 1


def test_epoch_completed_early_is_written_once(tmp_path: Path) -> None:
    logger = logged(tmp_path, 1)
    logger.complete_epoch({"train/loss": 3.0, "val/loss": 2.0}, 1, 1)
    early = RunFolder(tmp_path).metrics.read_bytes()
    logger.log_metrics({"epoch": 1, "train/loss": 3.0, "val/loss": 2.0}, step=1)
    assert RunFolder(tmp_path).metrics.read_bytes() == early
    assert len(column(tmp_path, "epoch")) == 2


ODD = 'mine,\n"x"\r'


def test_metric_of_any_name_is_a_column_before_and_after_a_resume(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = MetricsCSV(tmp_path)
    for epoch in range(150):
        logger.log_metrics({"epoch": epoch, ODD: float(epoch), "grün": 1.0}, step=epoch)
    state, whole = logger.state(), RunFolder(tmp_path).metrics.read_bytes()
    logger.log_metrics({"epoch": 150, ODD: 0.0}, step=150)
    MetricsCSV(tmp_path).continue_from(state, 150)
    assert RunFolder(tmp_path).metrics.read_bytes() == whole
    assert caplog.text == ""
    assert RunFolder(tmp_path).read_metrics()[ODD] == [(n + 1, float(n)) for n in range(150)]


@pytest.mark.parametrize("begin", ["\ufeff", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_table_that_an_editor_has_saved_is_read(tmp_path: Path, begin: str, end: str) -> None:
    table = end.join([f"{begin}epoch,val/loss", "1,0.5", "2,0.25", ""])
    RunFolder(tmp_path).metrics.write_text(table, encoding="utf-8", newline="")
    assert RunFolder(tmp_path).read_metrics() == {"val/loss": [(1, 0.5), (2, 0.25)]}


def test_rows_before_the_damage_are_read(tmp_path: Path) -> None:
    RunFolder(tmp_path).metrics.write_bytes(b"epoch,x\n1,2\n2,a\rb\n3,4\n")
    assert RunFolder(tmp_path).read_metrics() == {"x": [(1, 2.0)]}
