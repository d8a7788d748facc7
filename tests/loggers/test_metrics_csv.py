"""metrics.csv while it is written: complete after every epoch, and taken up on resume."""

import csv
from pathlib import Path

from seqlab.loggers.metrics_csv import MetricsCSV
from seqlab.run_folder import RunFolder


def rows(folder: Path) -> list[dict[str, str]]:
    with RunFolder(folder).metrics.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
    logger = MetricsCSV(tmp_path)
    for epoch in range(3):
        logger.log_metrics({"epoch": epoch, "train/loss": float(epoch)}, step=epoch)
    logger.log_metrics({"epoch": 2, "val/loss": 0.5}, step=2)
    assert [row["val/loss"] for row in rows(tmp_path)] == ["", "", "0.5"]
    assert [row["train/loss"] for row in rows(tmp_path)] == ["0.0", "1.0", "2.0"]


def test_numbers_keep_all_their_digits(tmp_path: Path) -> None:
    MetricsCSV(tmp_path).log_metrics({"epoch": 0, "train/loss": 1 / 3}, step=0)
    assert RunFolder(tmp_path).read_metrics()["train/loss"] == [(1, 1 / 3)]


def test_metrics_without_an_epoch_make_no_row(tmp_path: Path) -> None:
    logger = MetricsCSV(tmp_path)
    logger.log_metrics({"lr": 0.1}, step=0)
    logger.log_metrics({"epoch": 0}, step=0)
    assert not RunFolder(tmp_path).metrics.exists()


def test_table_goes_on_after_an_interruption_without_the_later_rows(tmp_path: Path) -> None:
    before = MetricsCSV(tmp_path)
    for epoch in range(4):
        before.log_metrics({"epoch": epoch, "train/loss": float(epoch)}, step=epoch)
    after = MetricsCSV(tmp_path)
    after.continue_from(2, 2)
    assert [row["epoch"] for row in rows(tmp_path)] == ["1", "2"]
    after.log_metrics({"epoch": 2, "train/loss": 7.0}, step=2)
    assert [row["train/loss"] for row in rows(tmp_path)] == ["0.0", "1.0", "7.0"]


def test_table_goes_on_where_nothing_was_written_yet(tmp_path: Path) -> None:
    logger = MetricsCSV(tmp_path)
    logger.continue_from(0, 0)
    logger.log_metrics({"epoch": 0, "train/loss": 1.0}, step=0)
    assert len(rows(tmp_path)) == 1
