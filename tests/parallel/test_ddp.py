"""Runs on two devices, as two processes on a CPU: they equal runs on one, and end as they do."""

import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import QUICK, SMALL_LM, own_class
from expect import Command, refused, succeeded, tree
from processes import is_over, started, until
from same_runs import assert_same, table, weights
from seqlab.callbacks.progress import Progress
from seqlab.parallel.processes import RankError, Ranks
from seqlab.runs.folder.run_folder import RunFolder

TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
ONE = ["trainer.accelerator=cpu"]
# A network of the person's own, which misbehaves in one process.
SHAKY = """
import torch
from lightning.pytorch.utilities import rank_zero_only
from seqlab.models.recurrent import RecurrentNetwork

class Shaky(RecurrentNetwork):
    def __init__(self, vocabulary_size, rank, deed, **options):
        super().__init__(vocabulary_size, **options)
        self.rank, self.deed, self.calls = rank, deed, 0

    def forward(self, tokens, state=None):
        logits, state = super().forward(tokens, state)
        self.calls += self.training
        if self.training and self.calls == 5 and rank_zero_only.rank == self.rank:
            if self.deed == "raise":
                raise ValueError("out of luck")
            logits = logits * float("nan")
        return logits, state
"""


@pytest.fixture
def shaky(tmp_path: Path) -> Path:
    """Make `model=shaky` known in the folder of the test."""
    keys = "rank: 0\ndeed: nan\nhidden_size: 16\n"
    content = f"task: language_model\n_target_: shaky.Shaky\n{keys}"
    own_class(tmp_path, "shaky", SHAKY, "model/shaky", content)
    return tmp_path


def shaky_words(*words: str) -> list[str]:
    kept = [word for word in SMALL_LM if not word.startswith("model")]
    return ["--config-dir", "mine", *kept, "model=shaky", "callbacks=default", *words]


def numbers(run: RunFolder) -> list[dict[str, float]]:
    return [{name: float(text or "nan") for name, text in row.items()} for row in table(run)]


def assert_same_to_rounding(run: RunFolder, other: RunFolder) -> None:
    rows, wanted = numbers(run), numbers(other)
    assert len(rows) == len(wanted) > 0
    for row, expected in zip(rows, wanted, strict=True):
        assert row == pytest.approx(expected, rel=1e-5, nan_ok=True)
    found = weights(run.last)
    for name, value in weights(other.last).items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)


def names(folder: Path) -> set[str]:
    return {name for name in tree(folder) if "tfevents" not in name}


def test_series_on_two_devices_equals_that_on_one(
    train: Command, seqlab: Command, tmp_path: Path
) -> None:
    # Parts of 3 and 4 windows, and a last batch of 5 in parts of 2 and 3; some gradients clipped.
    # The second epoch improves by less than asked for, and is the last.
    words = ["trainer.max_epochs=4", "data.batch_size=7", "trainer.gradient_clip_val=0.3"]
    words += ["data.num_val=300"]  # the rest is for the test
    words += ["scheduler=one_cycle", "callbacks=[default,weight_averaging,early_stopping]"]
    words += ["callbacks.early_stopping.patience=1", "callbacks.early_stopping.min_delta=0.9"]
    assert train(*words, *ONE, "hydra.run.dir=one").code == 0
    outcome = train(*words, *TWO, "hydra.run.dir=two", "trainer.enable_progress_bar=true")
    assert outcome.code == 0, outcome.err
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    assert_same_to_rounding(two, one)
    assert 0 < numbers(two)[0]["train/clipped_share"] < 1
    result, expected = two.read_result(), one.read_result()
    assert result["metrics"]["test/loss"] == pytest.approx(expected["metrics"]["test/loss"])
    assert result["steps"] == expected["steps"] == 2 * 86
    assert result["stopped_early"] == expected["stopped_early"]
    assert numbers(two)[1]["train/lr"] == numbers(one)[1]["train/lr"] != 0.01
    assert re.fullmatch(r"(cpu \(\d+ threads?\)) \+ \1", result["device"])
    assert result["warnings"] == []
    # A second one would be the other process's.
    assert outcome.err.count("epoch 2/4: train/loss") == 1
    assert outcome.out.count("speed") == 1
    assert names(two.path) == names(one.path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one", "two"]
    scored = succeeded(seqlab("evaluate", "two", "--checkpoint", "last", "--json"))
    found = json.loads(scored.out)["metrics"]["val/loss"]
    assert found == pytest.approx(result["metrics"]["val/loss"], rel=1e-5)
    assert seqlab("forecast", "two").code == 0


def test_text_on_two_devices_equals_that_on_one_and_skips_the_same_step(
    train: Command, seqlab: Command, shaky: Path
) -> None:
    # The state is carried; only one process sees the step that is not finite.
    words = shaky_words("on_nonfinite=skip", "trainer.accumulate_grad_batches=2")
    assert train(*words, *ONE, "hydra.run.dir=one").code == 0
    succeeded(train(*words, *TWO, "model.rank=1", "hydra.run.dir=two"))
    one, two = RunFolder(shaky / "one"), RunFolder(shaky / "two")
    assert [row["train/skipped_steps"] for row in numbers(two)] == [1, 0]
    assert_same_to_rounding(two, one)
    assert two.samples.read_text() == one.samples.read_text()
    assert two.read_result()["warnings"] == one.read_result()["warnings"]
    assert seqlab("generate", "two", "--num-tokens", "5").code == 0


def test_number_that_is_not_finite_in_one_process_stops_all_at_its_step(
    train: Command, shaky: Path
) -> None:
    outcome = train(*shaky_words(*TWO, "model.rank=1", "hydra.run.dir=run"))
    assert outcome.code == 1
    assert outcome.err.count("error: ") == 1
    assert "error: the loss is nan at step 5 (epoch 1), learning rate 1" in outcome.err
    assert RunFolder(shaky / "run").read_result()["error"]["type"] == "NonFiniteError"


def test_error_in_another_process_ends_the_run_with_its_message(
    train: Command, shaky: Path
) -> None:
    outcome = train(*shaky_words(*TWO, "model.rank=1", "model.deed=raise", "hydra.run.dir=run"))
    assert outcome.code == 1
    assert "error: rank 1 of 2: ValueError: out of luck" in outcome.err
    assert "Traceback" not in outcome.err
    run = RunFolder(shaky / "run")
    result = run.read_result()
    assert result["status"] == "failed"
    assert result["error"]["message"] == "rank 1 of 2: ValueError: out of luck"
    assert "python -m train resume=" in result["error"]["hint"]
    assert 'raise ValueError("out of luck")' in run.log.read_text(), "its traceback"


def test_first_process_that_hangs_on_a_lost_one_still_says_so(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(self: Ranks, *_: Any) -> None:
        self.when_stuck(RankError("rank 1 of 2 was ended by SIGKILL"))

    monkeypatch.setattr(Ranks, "finish", stuck)
    monkeypatch.setattr(os, "_exit", sys.exit)
    outcome = train("hydra.run.dir=run")
    assert outcome.code == 1
    assert "error: rank 1 of 2 was ended by SIGKILL" in outcome.err
    result = RunFolder(tmp_path / "run").read_result()
    assert (result["status"], result["error"]["type"]) == ("failed", "RankError")


DROPOUT = [*SMALL_LM, "model=lstm", "model.num_layers=2", "model.dropout=0.5", "callbacks=default"]


def test_interrupted_run_goes_on_exactly_on_as_many_devices(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*DROPOUT, *TWO, "trainer.max_epochs=2"]
    assert train(*words, "hydra.run.dir=undisturbed").code == 0
    plain = Progress.on_train_batch_end

    def struck(self: Any, trainer: Any, *arguments: Any) -> None:
        plain(self, trainer, *arguments)
        if trainer.global_step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_train_batch_end", struck)
        outcome = train(*words, "hydra.run.dir=run")
    assert outcome.code == 143, outcome.err
    run = RunFolder(tmp_path / "run")
    assert run.read_result()["status"] == "interrupted"
    content = torch.load(run.last, weights_only=True)
    first, second = (each["torch"] for each in content["rank_random_states"])
    assert not torch.equal(first, second), "both would drop the same units"
    before = tree(run.path)

    message = "that of 2 devices, not of 1"
    refused(train("resume=run", "trainer.devices=1"), message, "Resume with 2")
    after = tree(run.path)
    assert {name for name in before if before[name] != after[name]} <= {"run.log"}

    outcome = succeeded(train("resume=run"))
    assert f"going on after epoch 0, step {content['global_step']}" in outcome.err
    assert_same(run, RunFolder(tmp_path / "undisturbed"))
    assert run.samples.read_text() == (tmp_path / "undisturbed" / "samples.txt").read_text()

    shutil.copytree(run.path, tmp_path / "alone")
    outcome = succeeded(train("resume=alone", "trainer.devices=1", "trainer.max_epochs=3"))
    assert "warning: this run began elsewhere (cpu" in outcome.err
    assert RunFolder("alone").read_result()["epochs"] == 3


def test_sweep_has_one_folder_a_job_and_nothing_else(train: Command, tmp_path: Path) -> None:
    outcome = succeeded(train("-m", *QUICK, *TWO, "seed=1,2", "name=sweep"))
    assert "2 jobs: 2 completed" in outcome.out
    sweep = tmp_path / "outputs" / "sweep"
    assert [each.name for each in tmp_path.iterdir()] == ["outputs"]
    assert [each.name for each in (tmp_path / "outputs").iterdir()] == ["sweep"]
    runs = sorted(each.parent.name for each in sweep.rglob("result.json"))
    assert runs == ["0000_seed=1", "0001_seed=2"]
    for name in runs:
        run = RunFolder(sweep / name)
        assert names(run.path) == {"config.yaml", "metrics.csv", "result.json", "run.log"}
        assert run.read_result()["device"].count("cpu") == 2


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_killed_first_process_leaves_no_other_behind(tmp_path: Path) -> None:
    process = started(tmp_path, *DROPOUT, *TWO, "trainer.max_epochs=9999", "hydra.run.dir=run")
    run = RunFolder(tmp_path / "run")
    try:
        until(lambda: len(run.read_metrics().get("step", [])) > 1, process)
        others = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(others) == 1
        process.kill()
        process.wait()
        until(lambda: is_over(int(others[0])))
    finally:
        process.kill()
        process.communicate()
