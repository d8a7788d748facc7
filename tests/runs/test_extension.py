"""A run that goes on further than it was meant to: schedule, callbacks, result.json."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from conftest import Outcome
from expect import refused
from seqlab.runs.folder.checkpoint import read_checkpoint, write_checkpoint
from seqlab.runs.folder.run_folder import RunFolder

Train = Callable[..., Outcome]

SMALL = ["data.length=100", "data.num_train=50", "logger=csv", "callbacks.forecasts.horizons=[1]"]
EARLY = [
    "+callbacks.early._target_=lightning.pytorch.callbacks.EarlyStopping",
    *("+callbacks.early.monitor=val/loss", "+callbacks.early.patience=1"),
    "+callbacks.early.min_delta=9",
]


def ran(train: Train, *words: str) -> Outcome:
    outcome = train(*words)
    assert outcome.code == 0, outcome.err
    return outcome


def rates(run: RunFolder) -> list[float]:
    with run.metrics.open(newline="") as file:
        return [float(row["train/lr"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("choice", "text", "expected"),
    [
        (
            "stretch",
            "the schedule is stretched from 2 to 4 epochs: the learning rate goes on at 0.005, "
            "not 0",
            [0.01, 0.005, 0.005, 0.001464466],
        ),
        (
            "hold",
            "the schedule keeps its length of 2 epochs, and stays at its end after them",
            [0.01, 0.005, 0.0, 0.0],
        ),
    ],
)
def test_complete_run_under_a_schedule_is_extended(
    train: Train, choice: str, text: str, expected: list[float]
) -> None:
    ran(train, *SMALL, "scheduler=cosine", "trainer.max_epochs=2", "hydra.run.dir=run")
    words = ["trainer.max_epochs=4", f"scheduler.on_extension={choice}"]
    outcome = ran(train, "resume=run", *words)
    assert text in outcome.err
    assert "going on after epoch 2, step 8: the run was complete, and is extended" in outcome.err
    run = RunFolder("run")
    assert rates(run) == pytest.approx(expected)
    (extended,) = run.read_result()["extended"]
    assert extended["after_epoch"] == 2
    assert "complete after 4 epochs" in ran(train, "resume=run").out
    ran(train, "resume=run", "trainer.max_epochs=5")
    assert [each["after_epoch"] for each in run.read_result()["extended"]] == [2, 4]


def test_schedule_of_an_earlier_version_is_extended(train: Train) -> None:
    """Its length is written as a reference to the epochs, and as a number in the checkpoint."""
    ran(train, *SMALL, "scheduler=cosine", "trainer.max_epochs=2", "hydra.run.dir=run")
    run = RunFolder("run")
    config = yaml.safe_load(run.config.read_text())
    for key in ("interval", "on_extension"):
        del config["scheduler"][key]
    config["scheduler"]["T_max"] = "${trainer.max_epochs}"
    run.config.write_text(yaml.safe_dump(config))
    content = read_checkpoint(run.last)
    content["configuration"]["scheduler.T_max"] = 2
    for key in ("scheduler.interval", "callback_settings", "stopped"):
        content["configuration"].pop(key, None)
        content.pop(key, None)
    write_checkpoint(content, run.last)
    ran(train, "resume=run", "trainer.max_epochs=4")
    assert rates(run) == pytest.approx([0.01, 0.005, 0.005, 0.001464466])


def test_run_that_stopped_early_goes_on_when_told_to(train: Train) -> None:
    ran(train, *SMALL, *EARLY, "trainer.max_epochs=6", "hydra.run.dir=run")
    run = RunFolder("run")
    result = run.read_result()
    reason = "val/loss did not improve in 1 measurement, and was "
    assert result["stopped_early"].startswith(reason)
    assert result["epochs"] == 2
    outcome = ran(train, "resume=run")
    assert f"run is complete after 2 epochs: {reason}" in outcome.out
    assert outcome.out.endswith("python -m train resume=run trainer.max_epochs=12\n")
    # The patience was at its end: it counts anew, and ends the run after one more epoch.
    ran(train, "resume=run", "trainer.max_epochs=7")
    assert run.read_result()["epochs"] == 3
    ran(train, "resume=run", "callbacks.early.patience=3")
    assert (
        read_checkpoint(run.last)["callbacks"][
            "EarlyStopping{'monitor': 'val/loss', 'mode': 'min'}"
        ]["patience"]
        == 3
    )
    result = run.read_result()
    assert result["epochs"] == 5
    assert "in 3 measurements" in result["stopped_early"]
    assert [each["after_epoch"] for each in result["extended"]] == [2, 3]
    outcome = ran(train, "resume=run", "~callbacks.early")
    result = run.read_result()
    assert result["epochs"] == 7
    assert "stopped_early" not in result
    assert "warning" not in outcome.err


def test_limit_in_steps_is_what_has_to_be_raised(train: Train) -> None:
    ran(train, *SMALL, "trainer.max_steps=4", "hydra.run.dir=run")
    text = "trainer.max_steps=4 was reached. To train it further:\n  python -m train resume="
    for words in ([], ["trainer.max_epochs=40"]):
        outcome = ran(train, "resume=run", *words)
        assert text in outcome.out
        assert outcome.out.endswith("trainer.max_steps=N\n")
    assert RunFolder("run").read_result()["stopped_early"] == "trainer.max_steps=4 was reached"


def test_only_a_callback_can_be_switched_off(train: Train) -> None:
    ran(train, *SMALL, "trainer.max_epochs=1", "hydra.run.dir=run")
    before = Path("run/result.json").read_bytes()
    for word in ("~data.noise", "~callbacks", "~callbacks.samples.num_tokens", "~logger.csv"):
        refused(
            train("resume=run", word), f"'{word}' cannot change an earlier run", "~callbacks.NAME"
        )
    refused(train("resume=run", "~callbacks.early"), "unknown key 'callbacks.early' in the run run")
    refused(train("resume=run", "+callbacks.early=1"), "'+callbacks.early=1' cannot change")
    assert Path("run/result.json").read_bytes() == before
