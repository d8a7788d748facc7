"""The table of phases: its numbers, its remarks, and what is refused when it is read again."""

from pathlib import Path

import pytest

from expect import refusal, refusals
from seqlab.profiling.clock import Row
from seqlab.profiling.table import as_csv, as_page, as_text, read_csv
from seqlab.system.terminal import plain

ROWS = [
    Row("start-up", 1, 1234.5, 0.75),
    Row("forward", 1000, 411.0, 0.249),
    Row("logger.csv", 200, 0.5, 0.001),
    Row("batches", 1000, 0.02, 0.0),
]
ADVICE = {"start-up": "run a sweep."}
TEXT = """where the time went:
  phase          calls   seconds   share  per call
  start-up           1  1234.500   75.0%    1234 s
  forward        1,000   411.000   24.9%    411 ms
  logger.csv       200     0.500    0.1%    2.5 ms
  batches        1,000     0.020    0.0%     20 µs
  the whole run         1646.020  100.0%
  start-up, 75%: run a sweep."""


NARROW = """where the time went:
  phase           seconds   share
  start-up       1234.500   75.0%
  forward         411.000   24.9%
  logger.csv        0.500    0.1%
  batches           0.020    0.0%
  the whole run  1646.020  100.0%
  start-up, 75%: run a
    sweep."""


def test_text_has_every_phase_and_the_whole() -> None:
    assert plain(as_text(ROWS, ADVICE)) == TEXT
    assert plain(as_text(ROWS, {})) == TEXT.rpartition("\n")[0]


def test_narrow_text_leaves_columns_out_and_breaks_no_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "calls" in as_text(ROWS, ADVICE)
    assert "per call" not in as_text(ROWS, ADVICE)
    monkeypatch.setenv("COLUMNS", "33")
    assert plain(as_text(ROWS, ADVICE)).splitlines()[:6] == NARROW.splitlines()[:6]
    monkeypatch.setenv("COLUMNS", "24")
    assert plain(as_text(ROWS, ADVICE)).endswith("\n".join(NARROW.splitlines()[-2:]))


def test_page_is_a_markdown_table_and_a_list() -> None:
    lines = as_page(ROWS, ADVICE, "Where").splitlines()
    assert lines[:5] == [
        "# Where",
        "",
        "| phase | calls | seconds | share | per call |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| start-up | 1 | 1234.500 | 75.0% | 1234 s |",
    ]
    assert lines[-3:] == [
        "| the whole run |  | 1646.020 | 100.0% |  |",
        "",
        "- start-up, 75%: run a sweep.",
    ]


def test_csv_is_read_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "profile.csv"
    file.write_text(as_csv(ROWS, ADVICE))
    assert file.read_text().splitlines()[:3] == [
        "phase,calls,seconds,share,seconds_per_call,advice",
        "start-up,1,1234.500000,0.750000,1234.500000000,run a sweep.",
        "forward,1000,411.000000,0.249000,0.411000000,",
    ]
    assert read_csv(file) == (ROWS, ADVICE)


@refusals(
    (b"", "it has no rows"),
    (b"phase,calls\na,1\n", "'advice'"),
    (b"phase,calls,seconds,share,advice\na,x,1,1,\n", "invalid literal for int()"),
    (b"phase,calls,seconds,share,advice\na,1,nan,1,\n", "not finite"),
    (b"phase,calls,seconds,share,advice\na,1,1\n", ""),
    (b"phase,calls,seconds,share,advice\n\x1b[2J,1,1,1,\n", "a phase is no text"),
    (b"\xff\xfe", "can't decode"),
)
def test_damaged_file_is_refused(tmp_path: Path, asked: bytes, message: str) -> None:
    file = tmp_path / "profile.csv"
    file.write_bytes(asked)
    with refusal("profile.csv is damaged: ") as caught:
        read_csv(file)
    assert message in str(caught.value)
    assert caught.value.hint == "A new run with trainer.profiler=phases makes one."
