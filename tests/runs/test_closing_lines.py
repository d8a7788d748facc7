"""The closing lines of a run: the last epoch beside the best one, where it lies, what to type."""

from pathlib import Path
from typing import Any

import pytest

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.summary import summary
from seqlab.system.terminal import plain, say, styled

TABLE = """epoch,step,train/loss,train/windows_per_second,val/loss,val/rmse@1,val/rmse@16,val/rmse@4
1,10,0.9,100.0,0.8,,,
2,20,0.5,100.0,0.5,0.7,0.9,0.8
3,30,0.4,100.0,0.6,0.75,0.95,0.85
"""
RESULT = {
    "experiment": "sine_mlp",
    "epochs": 3,
    "duration_s": 12.34,
    "metrics": {
        **{"train/loss": 0.4, "val/loss": 0.6, "val/rmse@16": 0.95, "val/rmse@4": 0.85},
        **{"val/rmse@1": 0.75, "train/windows_per_second": 1234.5, "test/loss": 0.00012},
    },
    "best_epoch": 2,
    "throughput": 1234.5,
    "throughput_unit": "windows/s",
    "device": "cpu (2 threads)",
    "sees_future": False,
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run whose second epoch was its best."""
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(tmp_path / "outputs" / "run")
    folder.last.parent.mkdir(parents=True)
    folder.last.touch()
    folder.metrics.write_text(TABLE)
    return folder


def printed(
    capsys: pytest.CaptureFixture[str], run: RunFolder, monitor: str = "val/loss", **changes: Any
) -> list[str]:
    """Return the lines as a person sees them."""
    say(summary(RESULT | changes, run, monitor))
    return capsys.readouterr().out.splitlines()


def test_last_and_best_epoch_stand_side_by_side(
    capsys: pytest.CaptureFixture[str], run: RunFolder
) -> None:
    assert printed(capsys, run) == [
        "sine_mlp: 3 epochs in 12.3 s",
        "               last, epoch 3  best, epoch 2",
        "  test/loss          0.00012",
        "  train/loss          0.4000         0.5000",
        "  val/loss            0.6000         0.5000",
        "  val/rmse@1          0.7500         0.7000",
        "  val/rmse@4          0.8500         0.8000",
        "  val/rmse@16         0.9500         0.9000",
        "  val/loss has risen by 20 % since epoch 2: best.ckpt keeps the weights of that epoch, "
        "and last.ckpt",
        "  the last ones.",
        "  speed       1,234 windows/s",
        "  device      cpu (2 threads)",
        "  run folder  outputs/run",
        "  next        python -m seqlab forecast outputs/run",
        "  dashboard   python -m seqlab dashboard outputs/run",
    ]


def test_best_value_is_green_and_the_head_bold(run: RunFolder) -> None:
    text = summary(RESULT, run, "val/loss")
    assert text.startswith(styled("sine_mlp: 3 epochs in 12.3 s", "heading"))
    assert text.count(styled("0.5000", "good")) == 1
    assert f"  val/loss            0.6000         {styled('0.5000', 'good')}\n" in text


@pytest.mark.parametrize("columns", [60, 40])
def test_narrow_lines_fit_but_for_commands(
    capsys: pytest.CaptureFixture[str],
    run: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    reason = "val/loss did not improve in 1 measurement, and was 0.5 at its best"
    lines = printed(capsys, run, stopped_early=reason)
    assert max(len(line) for line in lines if "python" not in line) <= columns
    assert reason in " ".join(" ".join(lines).split())
    if columns == 40:
        assert lines[1:3] == ["                  last    best", "  test/loss    0.00012"]
        assert lines[-4:] == [
            *("  next", "    python -m seqlab forecast outputs/run"),
            *("  dashboard", "    python -m seqlab dashboard outputs/run"),
        ]


def test_the_same_numbers_are_said_once(capsys: pytest.CaptureFixture[str], run: RunFolder) -> None:
    metrics = {"train/loss": 0.5, "val/loss": 0.5}
    lines = printed(capsys, run, epochs=2, metrics=metrics)
    assert lines[:5] == [
        "sine_mlp: 2 epochs in 12.3 s",
        "                last",
        "  train/loss  0.5000",
        "  val/loss    0.5000",
        "  best epoch  2",
    ]


@pytest.mark.parametrize(
    "table", ["", "epoch,val/loss\nx,1\n", "epoch\n2\n", "epoch,val/loss\n2,\n"]
)
def test_without_a_table_the_best_epoch_has_its_number_only(
    capsys: pytest.CaptureFixture[str], run: RunFolder, table: str
) -> None:
    run.metrics.write_text(table)
    lines = printed(capsys, run)
    assert "  best epoch  2" in lines
    assert not any("risen" in line for line in lines)


def test_without_checkpoints_there_is_no_best_and_nothing_to_load(
    capsys: pytest.CaptureFixture[str], run: RunFolder
) -> None:
    run.last.unlink()
    changes = {k: v for k, v in RESULT.items() if k != "best_epoch"}
    say(summary(changes, run, "val/loss"))
    out = capsys.readouterr().out
    assert "best" not in out
    assert "next" not in out


def test_of_several_validations_in_the_best_epoch_it_is_the_best(
    capsys: pytest.CaptureFixture[str], run: RunFolder
) -> None:
    run.metrics.write_text("epoch,step,val/loss\n1,5,0.9\n2,10,0.25\n2,20,0.5\n")
    (line,) = (line for line in printed(capsys, run) if line.startswith("  val/loss  "))
    assert line.split() == ["val/loss", "0.6000", "0.2500"]


@pytest.mark.parametrize(
    ("last", "best", "text"),
    [
        (0.5002, 0.5, "has risen by 0.04 % since epoch 2"),
        (2.0, 0.5, "has risen by 300 % since epoch 2"),
        (-0.5, -1.0, "has risen since epoch 2"),
    ],
)
def test_how_much_worse_it_got(run: RunFolder, last: float, best: float, text: str) -> None:
    run.metrics.write_text(f"epoch,val/loss\n1,3\n2,{best}\n3,{last}\n")
    assert text in summary(RESULT | {"metrics": {"val/loss": last}}, run, "val/loss")


def test_run_that_sees_the_future_is_evaluated_next(run: RunFolder) -> None:
    changes = {"throughput_unit": "tokens/s", "epochs": 1, "throughput": None}
    for sees_future, verb in ((True, "evaluate"), (False, "generate")):
        text = plain(summary(RESULT | changes | {"sees_future": sees_future}, run, "val/loss"))
        assert f"python -m seqlab {verb} " in text
        assert text.startswith("sine_mlp: 1 epoch in 12.3 s\n")
        assert "speed" not in text
