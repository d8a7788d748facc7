"""What one run writes can be written without a Trainer: for a member of a training of many."""

from pathlib import Path

import pytest
import torch

from dashboard import events
from expect import Command, rows_of
from seqlab.callbacks.artifacts import Artifacts
from seqlab.callbacks.checkpoints import run_state
from seqlab.callbacks.curves import draw_curves
from seqlab.callbacks.forecasts import draw_forecasts
from seqlab.callbacks.samples import SampleLines
from seqlab.config.validate.check import resolved
from seqlab.loggers.metrics_csv import MetricsCSV
from seqlab.loggers.tensorboard import TensorBoard
from seqlab.runs.build import build
from seqlab.runs.folder.checkpoint import read_checkpoint, write_checkpoint
from seqlab.runs.folder.lock import claim, leave
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.folder.saved_config import load_config
from seqlab.runs.result import Progress, ResultFile, circumstances
from seqlab.runs.start import Start
from seqlab.system.errors import EXIT_DONE

EPOCHS, STEPS = 2, 6


def written(run: RunFolder, path: Path, device: str = "cpu") -> RunFolder:
    """Write what a run with another run's configuration leaves, training a network by hand."""
    config = resolved(load_config(run.path))
    folder = RunFolder(path)
    claim(path, run.config.read_text())
    data = build(config["data"], "data")
    data.setup("fit")
    torch.manual_seed(0)
    network = build(config["model"], "model", **data.describe())
    table, board = MetricsCSV(path), TensorBoard(path)
    progress = Progress(EPOCHS, STEPS, 5, "tokens", sees_future=False, best_epoch=EPOCHS)
    result = ResultFile(folder, circumstances(config, ["seed=0"], device), Start(), [])
    result.write("running", progress)
    samples, metrics = SampleLines(), {}
    board.log_hyperparams({"seed": 0})
    for epoch in range(1, EPOCHS + 1):
        artifacts = Artifacts(folder, (table, board), epoch * STEPS // EPOCHS - 1)
        metrics = {"train/loss": 1 / epoch, "val/loss": 2 / epoch}
        for logger in artifacts.loggers:
            logger.log_metrics({**metrics, "epoch": epoch - 1}, artifacts.step)
        if config["model"]["task"] == "language_model":
            samples.write(artifacts, network, data.vocabulary, data.prefixes()[:1], 5, epoch)
    draw_curves(artifacts)
    if config["model"]["task"] == "forecasting":
        draw_forecasts(artifacts, network, data)
    weights = {f"network.{name}": each for name, each in network.state_dict().items()}
    content = {"state_dict": weights, "epoch": EPOCHS - 1, "global_step": STEPS}
    content |= {type(data).__qualname__: data.state_dict()}
    write_checkpoint(content | run_state(metrics, (table, board)), folder.best)
    board.finalize("success")
    result.write("completed", progress, metrics)
    leave(path)
    return folder


@pytest.fixture(params=["sine_run", "language_run"])
def member(request: pytest.FixtureRequest, tmp_path: Path) -> RunFolder:
    return written(request.getfixturevalue(request.param), tmp_path / "member")


def test_tables_result_and_figures_are_a_run_s(member: RunFolder) -> None:
    rows = rows_of(member.metrics)
    assert [(row["epoch"], row["step"], row["val/loss"]) for row in rows] == [
        ("1", "3", "2.0"),
        ("2", "6", "1.0"),
    ]
    result = member.read_result()
    assert (result["status"], result["epochs"], result["steps"]) == ("completed", EPOCHS, STEPS)
    assert result["metrics"] == {"train/loss": 0.5, "val/loss": 1.0}
    assert member.figure("loss").is_file()
    found = events(member)
    assert [event.value for event in found.Scalars("train/loss")] == [1.0, 0.5]
    assert "visuals/loss" in found.Tags()["images"]
    state = read_checkpoint(member.best)["loggers"]
    assert state["MetricsCSV"]["num_rows"] == EPOCHS


def test_its_checkpoint_is_an_ordinary_run_s(member: RunFolder, seqlab: Command) -> None:
    outcome = seqlab("evaluate", str(member.path))
    assert outcome.code == EXIT_DONE, outcome.err
    verb = "generate" if member.samples.is_file() else "forecast"
    outcome = seqlab(verb, str(member.path))
    assert outcome.code == EXIT_DONE, outcome.err


def test_its_samples_are_continued_where_a_checkpoint_left_them(
    language_run: RunFolder, tmp_path: Path
) -> None:
    member = written(language_run, tmp_path / "member")
    lines = member.samples.read_text().splitlines(keepends=True)
    assert [line[:7] for line in lines] == ["    1 |"] * 2 + ["    2 |"] * 2
    member.samples.write_text("".join(lines) + "    3 | cut")
    again = SampleLines()
    again.continue_from({"num_lines": 4, "lines": lines[1:]}, member)
    assert member.samples.read_text() == "".join(lines)
    assert again.ends_with(2)
    assert not again.ends_with(3)
