"""The bar of a run and its log lines: one line each, at any width."""

import io
import logging
import math
import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seqlab.callbacks.progress import Progress
from seqlab.system.messages import recording

TEXT = {"train/perplexity": 12.345, "val/perplexity": 9.8, "train/tokens_per_second": 123456.0}
SINE = {"train/loss": 0.0586, "val/loss": 0.05, "train/windows_per_second": 987.6}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def trainer(metrics: dict[str, float], epochs: int, at: int) -> Any:
    return SimpleNamespace(
        callback_metrics={name: torch.tensor(value) for name, value in metrics.items()},
        callbacks=[],
        estimated_stepping_batches=epochs * 10,
        max_epochs=epochs,
        current_epoch=at,
        global_step=at * 10,
    )


def logged(metrics: dict[str, float], epochs: int, at: int) -> logging.LogRecord:
    """Return what is logged at the end of a training."""
    records: list[logging.LogRecord] = []
    log = logging.getLogger("seqlab.callbacks.progress")
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    progress = Progress(bar=False)
    try:
        progress.on_validation_end(trainer(metrics, epochs, at - 1), None)
        progress.on_train_end(trainer(metrics, epochs, at), None)
    finally:
        log.removeHandler(handler)
    (record,) = records
    return record


def test_line_of_a_text_run_has_a_form_for_each_width() -> None:
    record = logged(TEXT, 500, 50)
    forms = [
        "epoch  50/500: train/perplexity 12.35, val/perplexity 9.800, 123,456 tokens/s",
        "epoch  50/500: perplexity 12.35, val 9.800, 123k tokens/s",
        " 50/500: perplexity 12.35, val 9.800",
    ]
    assert record.forms == forms  # type: ignore[attr-defined]
    assert record.getMessage() == forms[0].replace("epoch  50", "epoch 50")
    for form, columns in zip(forms, (80, 60, 40), strict=True):
        assert len(form) <= columns


def test_line_of_a_sine_run() -> None:
    assert logged(SINE, 5, 5).forms == [  # type: ignore[attr-defined]
        "epoch 5/5: train/loss 0.05860, val/loss 0.05000, 988 windows/s",
        "epoch 5/5: loss 0.05860, val 0.05000, 988 windows/s",
        "5/5: loss 0.05860, val 0.05000",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (1e7, "1.000e+07"), (1e-6, "1.000e-06"), (math.nan, "nan")],
)
def test_odd_losses(value: float, text: str) -> None:
    (*_, last) = logged({"train/loss": value}, 1, 1).forms  # type: ignore[attr-defined]
    assert last == f"1/1: loss {text}"


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (80, r"epoch 4/5 \|\S* *\|  60% 00:00<\?  loss 0.1235  [\d,]+ windows/s"),
        (60, r"epoch 4/5 \|\S* *\|  60% \? left  loss 0.1235  [\d.]+k?/s"),
        (50, r"epoch 4/5 \|\S* *\|  60% \? left  loss 0.1235"),
        (40, r"epoch 4/5 \|\S* *\|  loss 0.1235"),
        (30, r"epoch 4/5  loss 0.1235"),
    ],
)
def test_bar_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, line: str) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    progress = Progress()
    state = trainer({}, 5, 3)
    progress.on_train_start(state, None)
    monkeypatch.setattr("seqlab.callbacks.progress._REFRESH_S", 0.0)
    module = SimpleNamespace(progress=lambda: ("loss", 0.12345), sample_unit="windows")
    progress.on_train_batch_end(state, module, None, SimpleNamespace(size=1), 0)
    drawn = stream.getvalue().split("\r")[-1].rstrip()
    progress.on_exception(state, module, KeyboardInterrupt())
    assert re.fullmatch(line, drawn), drawn
    assert len(drawn) <= columns - 3
    assert stream.getvalue().endswith(f"\r{' ' * (columns - 1)}\r")


@pytest.mark.parametrize(("columns", "form"), [(80, 0), (60, 1), (40, 2)])
def test_terminal_gets_the_form_that_fits_and_everyone_else_the_same_line(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, columns: int, form: int
) -> None:
    record = logged(TEXT, 500, 50)
    forms: list[str] = record.forms  # type: ignore[attr-defined]
    monkeypatch.setenv("COLUMNS", str(columns))
    for stream, line in ((Terminal(), forms[form]), (io.StringIO(), "whole")):
        monkeypatch.setattr("sys.stderr", stream)
        with recording(tmp_path / "run.log"):
            logging.getLogger("seqlab.tests").info("whole", extra={"forms": forms})
        assert stream.getvalue() == f"{line}\n"
    assert (tmp_path / "run.log").read_text().count(" INFO seqlab.tests: whole\n") == 2
