"""results.csv, settings.csv, earlier.csv, results.md, and what is printed: exact content."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from made import job, ledger
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.findings import Findings, find
from seqlab.sweeps.report.results_text import summary_text as text_in_colour
from seqlab.sweeps.report.tables import (
    earlier_csv,
    number_text,
    results_csv,
    results_md,
    settings_csv,
)
from seqlab.system.terminal import plain, styled

FAILURE = {"type": "NonFiniteError", "message": "the loss is nan\nat step 17", "hint": "Lower lr."}


def summary_text(findings: Findings, files: Sequence[str]) -> str:
    """Return what is printed, without its styles."""
    return plain(text_in_colour(findings, files))


def small(*more: Row) -> Findings:
    """Return a sweep of two settings: x = 1 with 0.1 and 0.3, x = 2 with 1.0 and a failure."""
    rows = [
        job(0, 0.1, parameters={"x": 1, "seed": 0}, epochs=3, duration_s=1.23456),
        job(1, 0.3, parameters={"x": 1, "seed": 1}, checkpoint="1/checkpoints/best.ckpt"),
        job(2, 1.0, parameters={"x": 2, "seed": 0}),
        job(3, None, "failed", parameters={"x": 2, "seed": 1}, error=FAILURE),
    ]
    return find(ledger(*rows, *more))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_results_csv_has_one_line_a_job() -> None:
    lines = results_csv(small()).splitlines()
    assert lines[0] == (
        "number,status,x,seed,val/loss,epochs,duration_s,folder,checkpoint,error,setting_rank,"
        "setting_seeds,setting_mean,setting_std,setting_low_95,setting_high_95"
    )
    assert lines[4] == (
        "3,failed,2,1,,0,0.0,3,,NonFiniteError: the loss is nan at step 17,2,1,1.0,,,"
    )
    assert len(lines) == 5


def test_results_csv_has_mean_deviation_and_interval_of_the_setting() -> None:
    first, second, *_ = read(results_csv(small()))
    for line in (first, second):
        # s = 0.2 / sqrt(2), half = 12.706205 * s / sqrt(2) = 1.2706205
        assert float(line["setting_mean"]) == pytest.approx(0.2)
        assert float(line["setting_std"]) == pytest.approx(0.2 / math.sqrt(2))
        assert float(line["setting_low_95"]) == pytest.approx(0.2 - 1.2706205, abs=1e-6)
        assert float(line["setting_high_95"]) == pytest.approx(0.2 + 1.2706205, abs=1e-6)
    assert (first["epochs"], first["duration_s"]) == ("3", "1.235")
    assert second["checkpoint"] == "1/checkpoints/best.ckpt"


def test_results_csv_keeps_odd_values_whole() -> None:
    odd = 'a,"b"\nc'
    rows = [job(0, math.nan, parameters={"x": odd, "y": 0.1 + 0.2, "z": None, "w": [True]})]
    (line,) = read(results_csv(find(ledger(*rows))))
    assert (line["x"], line["y"], line["z"], line["w"]) == (odd, repr(0.1 + 0.2), "null", "[true]")
    assert line["val/loss"] == "nan"


def test_trials_of_a_search_are_numbered() -> None:
    rows = [job(0, 1.0, trial=4), job(1, 2.0, "pruned", trial=5)]
    lines = read(results_csv(find(ledger(*rows))))
    assert [(line["trial"], line["status"]) for line in lines] == [
        ("4", "completed"),
        ("5", "pruned"),
    ]


def test_settings_csv_has_every_metric_and_the_command() -> None:
    first, second = read(settings_csv(small()))
    assert (first["rank"], first["x"], first["completed"], first["failed"]) == ("1", "1", "2", "0")
    assert (second["rank"], second["x"], second["completed"], second["failed"]) == (
        *("2", "2", "1", "1"),
    )
    assert float(first["val/loss mean"]) == pytest.approx(0.2)
    assert (second["val/loss mean"], second["val/loss std"]) == ("1.0", "")
    assert second["command"] == "python -m train -m x=2 seed=0,1 name=sweep_again"


def test_earlier_csv_lists_the_jobs_that_are_in_no_table() -> None:
    (line,) = read(earlier_csv([job(7, 0.5, snapshot="old")]))
    assert (line["number"], line["snapshot"], line["val/loss"]) == ("7", "old", "0.5")


def test_results_md_whole() -> None:
    assert results_md(small(), ["results.csv"]) == (
        "# made\\_up\n\n"
        "4 jobs: 3 completed, 1 failed. Compared by val/loss, lower is better.\n\n"
        "## Best setting\n\n"
        "x=1: val/loss 0.2 over 2 seeds, 95 % interval -1.0706 to 1.4706. 1 other setting with "
        "one seed each: there is no interval to compare with.\n\n"
        "Run it again, in a new folder:\n\n"
        "```bash\npython -m train -m x=1 seed=0,1 name=sweep_again\n```\n\n"
        "## Settings\n\n"
        "| x | seeds | mean | std | 95 % interval | not completed |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| 1 | 2 | 0.2 | 0.14142 | -1.0706 to 1.4706 |  |\n"
        "| 2 | 1 | 1 | – | – | 1 failed |\n\n"
        "## Jobs that did not complete\n\n"
        "| job | status | parameters | folder | error |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| 3 | failed | x=2, seed=1 | 3 | NonFiniteError: the loss is nan at step 17 |\n\n"
        "## Files\n\n"
        "- [results.csv](results.csv)\n"
    )


def test_results_md_shows_signs_as_they_are() -> None:
    rows = [job(i, 1.0, parameters={"x": x}) for i, x in enumerate(["a|b", "<b>`*_", "c"])]
    text = results_md(find(ledger(*rows)), [])
    assert "| a\\|b |" in text
    assert "| \\<b\\>\\`\\*\\_ |" in text


def test_tables_have_one_line_a_record_whatever_a_parameter_is() -> None:
    odd = "a\x1b[2J\nb\r"
    findings = find(ledger(*(job(i, 1.0, parameters={"x": x}) for i, x in enumerate([odd, "c"]))))
    (line, _) = read(results_csv(findings))
    assert line["x"] == odd
    text = results_md(findings, [])
    assert r"| a\\x1b\[2J\\nb\\r | 1 |" in text
    assert not {"\x1b", "\r"} & {*text}
    assert r"  a\x1b[2J\nb\r      1" in summary_text(findings, [])


def test_results_md_names_some_of_many_failures() -> None:
    rows = [job(i, None, "failed", error=FAILURE) for i in range(60)]
    text = results_md(find(ledger(*rows)), [])
    assert text.count("NonFiniteError") == 50
    assert "and 10 more: results.csv has every job." in text


def test_printed_text_whole() -> None:
    assert summary_text(small(), ["sweep/results.csv"]) == (
        "made_up: 4 jobs: 3 completed, 1 failed. Compared by val/loss, lower is better.\n"
        "\n"
        "  x  seeds  mean      std      95 % interval  not completed\n"
        "  1      2   0.2  0.14142  -1.0706 to 1.4706\n"
        "  2      1     1        –                  –  1 failed\n"
        "\n"
        "best: x=1: val/loss 0.2 over 2 seeds, 95 % interval -1.0706 to 1.4706. 1 other setting "
        "with one seed\n"
        "  each: there is no interval to compare with.\n"
        "  python -m train -m x=1 seed=0,1 name=sweep_again\n"
        "\n"
        "  failed: job 3 (x=2, seed=1): NonFiniteError: the loss is nan at step 17\n"
        "\n"
        "  sweep/results.csv"
    )


def test_printed_text_has_colours_where_they_help() -> None:
    text = text_in_colour(small(), [])
    assert f"  1      2   {styled('0.2', 'good')}  0.14142" in text
    assert f"\n{styled('best:', 'heading')} x=1: val/loss 0.2 " in text
    assert f"\n  {styled('failed', 'bad')}: job 3 " in text


@pytest.mark.parametrize(
    ("columns", "table"),
    [
        (
            56,
            [
                "  x  seeds  mean      95 % interval  not completed",
                "  1      2   0.2  -1.0706 to 1.4706",
                "  2      1     1                  –  1 failed",
                "  no room for std",
            ],
        ),
        (
            40,
            [
                "  x  seeds  mean  not completed",
                "  1      2   0.2",
                "  2      1     1  1 failed",
                "  no room for std and 95 % interval",
            ],
        ),
        (
            20,
            [
                "  x  seeds  mean  not com…",
                "  1      2   0.2",
                "  2      1     1  1 failed",
            ],
        ),
    ],
)
def test_printed_table_fits_the_terminal_and_breaks_no_number(
    monkeypatch: pytest.MonkeyPatch, columns: int, table: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = summary_text(small(), []).splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("  x"))
    assert lines[place : place + len(table)] == table


def test_printed_table_shows_the_best_twenty_within_a_hundred_columns() -> None:
    names = [f"model.a_rather_long_name_{i}" for i in range(6)]
    rows = [
        job(i, float(i), parameters=dict.fromkeys(names, f"{i} and a long value {'x' * 40}"))
        for i in range(25)
    ]
    lines = summary_text(find(ledger(*rows)), []).splitlines()
    table = [line for line in lines if line.startswith("  ") and "–" in line]
    assert len(table) == 20
    assert max(map(len, table)) <= 100
    assert all("…" in line for line in table)
    assert "  and 5 more settings: results.md has all" in lines


def test_printed_command_is_never_broken() -> None:
    words = [f"model.name_{i}={i}" for i in range(30)]
    row = replace(job(0, 1.0), overrides=words, parameters={})
    lines = summary_text(find(ledger(row)), []).splitlines()
    assert f"  python -m train {' '.join(words)} name=sweep_again" in lines


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.123456789, "0.12346"), (123456.7, "123,457"), (1e30, "1e+30"), (2, "2")],
)
def test_numbers_to_read(value: float | None, text: str) -> None:
    assert number_text(value) == text
