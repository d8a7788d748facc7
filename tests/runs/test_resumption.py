"""Going on after damage: from the last good checkpoint, to the end of an undisturbed run.

A run of six epochs is cut back to what it was after four, and damaged.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from conftest import SMALL_LM, Outcome, copied, trained
from expect import Command, refused, succeeded
from same_runs import ends_like
from seqlab.runs.folder.checkpoint import checksum_file
from seqlab.runs.folder.run_folder import RunFolder

DROPOUT = ["model=lstm", "model.num_layers=2", "model.dropout=0.4"]
WORDS = [*SMALL_LM, *DROPOUT, "trainer.max_epochs=4"]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of four epochs; more are to follow."""
    return trained(tmp_path_factory.mktemp("stopped"), *WORDS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The same run, undisturbed, of six epochs."""
    return trained(tmp_path_factory.mktemp("whole"), *WORDS[:-1], "trainer.max_epochs=6")


@pytest.fixture
def copy(stopped: RunFolder, tmp_path: Path) -> RunFolder:
    return copied(stopped, tmp_path)


def content(file: Path) -> dict[str, Any]:
    return torch.load(file, weights_only=True)


def goes_on(train: Command, run: RunFolder) -> Outcome:
    return succeeded(train(f"resume={run.path}", "trainer.max_epochs=6"))


def flip(file: Path) -> None:
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)


def test_dropout_goes_on_with_the_numbers_it_would_have_drawn(
    train: Command, copy: RunFolder, whole: RunFolder
) -> None:
    outcome = goes_on(train, copy)
    assert "going on after epoch 4" in outcome.err
    assert "warning" not in outcome.err
    ends_like(copy, whole)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "checksum", "gone", "other"])
def test_damaged_last_checkpoint_is_passed_over_for_the_one_before(
    train: Command, copy: RunFolder, whole: RunFolder, damage: str
) -> None:
    if damage == "flip":
        flip(copy.last)
    elif damage in ("cut", "empty"):
        os.truncate(copy.last, 2000 if damage == "cut" else 0)
    elif damage == "checksum":
        checksum_file(copy.last).write_text("0" * 64)
    elif damage == "gone":
        copy.last.unlink()
    else:
        torch.save({"state_dict": {}}, copy.last)
    # Nor may the best one, a copy of it here, be what helps.
    assert content(copy.best)["callbacks"]["Checkpoints"]["best_epoch"] == 4
    shutil.copy(copy.previous, copy.best)
    shutil.copy(checksum_file(copy.previous), checksum_file(copy.best))
    outcome = goes_on(train, copy)
    assert "previous.ckpt, after step" in outcome.err
    assert "going on after epoch 3" in outcome.err
    ends_like(copy, whole)
    warnings = copy.read_result()["warnings"]
    assert any("previous.ckpt" in text for text in warnings)
    if damage != "gone":
        assert any("last.ckpt cannot be loaded" in text for text in warnings)
        assert copy.last.with_name("last.ckpt.damaged").exists()


def test_best_checkpoint_helps_where_it_is_the_latest_whole_one(
    train: Command, copy: RunFolder, whole: RunFolder
) -> None:
    flip(copy.last)
    outcome = goes_on(train, copy)
    assert "best.ckpt, after step" in outcome.err
    assert "going on after epoch 4" in outcome.err
    ends_like(copy, whole)


def test_best_checkpoint_that_was_not_copied_yet_is_made_again(
    train: Command, copy: RunFolder, whole: RunFolder
) -> None:
    shutil.copy(copy.previous, copy.best)
    shutil.copy(checksum_file(copy.previous), checksum_file(copy.best))
    assert train(f"resume={copy.path}", "trainer.max_epochs=5", "trainer.max_steps=1").code == 0
    assert content(copy.best)["callbacks"]["Checkpoints"]["best_epoch"] == 4


def test_damaged_best_checkpoint_is_told_and_kept_apart(
    train: Command, copy: RunFolder, tmp_path: Path
) -> None:
    saved = content(copy.last)
    saved["callbacks"]["Checkpoints"] |= {"best": -1.0, "best_epoch": 2, "is_best": False}
    torch.save(saved, copy.last)
    checksum_file(copy.last).unlink()
    flip(copy.best)
    outcome = goes_on(train, copy)
    assert "the best weights so far, of epoch 2, are lost with best.ckpt" in outcome.err
    assert not copy.best.exists()
    assert copy.best.with_name("best.ckpt.damaged").exists()
    assert copy.read_result()["best_epoch"] == 2


def test_run_without_any_whole_checkpoint_begins_again(
    train: Command, copy: RunFolder, whole: RunFolder
) -> None:
    for file in (copy.last, copy.previous, copy.best):
        flip(file)
    copy.write_result(copy.read_result() | {"status": "running"})
    outcome = goes_on(train, copy)
    assert "the run has no whole checkpoint: it begins again" in outcome.err
    ends_like(copy, whole)
    kept = {file.name for file in copy.last.parent.glob("*.damaged")}
    assert kept == {"last.ckpt.damaged", "previous.ckpt.damaged", "best.ckpt.damaged"}


def test_run_killed_before_its_first_checkpoint_begins_again(
    train: Command, copy: RunFolder, whole: RunFolder
) -> None:
    shutil.rmtree(copy.last.parent)
    copy.result.unlink()
    outcome = goes_on(train, copy)
    assert "the run has no checkpoint yet: it begins again" in outcome.err
    ends_like(copy, whole)


def test_complete_run_without_a_whole_checkpoint_is_left_as_it_is(
    train: Command, copy: RunFolder
) -> None:
    shutil.rmtree(copy.last.parent)
    before = copy.result.read_bytes(), copy.metrics.read_bytes()
    outcome = train(f"resume={copy.path}", "trainer.max_epochs=6")
    refused(outcome, "the run is complete, and has no whole checkpoint", "Start a new run")
    assert (copy.result.read_bytes(), copy.metrics.read_bytes()) == before


@pytest.mark.parametrize(
    "text",
    [None, "", "{}", "[1]", '{"a": 1', '{"status": "running", "warnings": 3, "overrides": {}}'],
)
def test_lost_result_is_made_again(
    train: Command, copy: RunFolder, whole: RunFolder, text: str | None
) -> None:
    copy.result.unlink()
    if text is not None:
        copy.result.write_text(text)
    goes_on(train, copy)
    ends_like(copy, whole)


@pytest.mark.parametrize("name", ["metrics.csv", "samples.txt"])
@pytest.mark.parametrize("size", [0, 40])
def test_table_and_samples_that_were_cut_off_are_whole_again(
    train: Command, copy: RunFolder, whole: RunFolder, name: str, size: int
) -> None:
    os.truncate(copy.path / name, size)
    goes_on(train, copy)
    ends_like(copy, whole)


def test_configuration_that_was_edited_is_refused(train: Command, copy: RunFolder) -> None:
    config = yaml.safe_load(copy.config.read_text())
    config["optimizer"]["lr"] = 0.25
    copy.config.write_text(yaml.safe_dump(config))
    before = copy.result.read_bytes()
    outcome = train(f"resume={copy.path}", "trainer.max_epochs=6")
    refused(
        outcome,
        "config.yaml does not fit the checkpoint last.ckpt: optimizer.lr was 1 when it was made, "
        "and is 0.25",
        "change it back, or start a new run with it.",
    )
    assert copy.result.read_bytes() == before


def test_run_that_goes_on_elsewhere_says_that_digits_may_differ(
    train: Command, copy: RunFolder
) -> None:
    result = copy.read_result()
    result["versions"]["torch"] = "2.0.0"
    copy.write_result(result | {"device": "cuda:0 (Some GPU)"})
    outcome = goes_on(train, copy)
    assert "this run began elsewhere (cuda:0 (Some GPU) before, cpu" in outcome.err
    assert "torch 2.0.0 before, " in outcome.err
    assert "may differ in the last digits" in copy.read_result()["warnings"][0]


def test_verb_uses_the_checkpoint_before_a_damaged_one_and_says_so(
    seqlab: Command, copy: RunFolder
) -> None:
    flip(copy.last)
    outcome = succeeded(seqlab("evaluate", str(copy.path), "--checkpoint", "last", "--json"))
    assert json.loads(outcome.out)["epoch"] == 3
    flip(copy.best)
    outcome = seqlab("evaluate", str(copy.path))
    refused(outcome, "best.ckpt cannot be loaded", "last.ckpt, previous.ckpt")
