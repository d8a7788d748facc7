"""The run folder: written all at once, read with clear messages, and holding what it should."""

import json
import math
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from omegaconf import OmegaConf

from conftest import QUICK, SMALL_LM
from expect import Command, refusal, rows_of, succeeded
from seqlab.config.compose import naming
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.folder.saved_config import load_config
from seqlab.runs.provenance import fingerprint

SERIES_METRICS = {
    "train/loss",
    "train/gradient_norm",
    "val/loss",
    "val/rmse@1",
    "val/rmse@4",
    "val/rmse@16",
    "val/rmse@64",
    "val/rmse_multistep",
}
LANGUAGE_METRICS = {
    "train/loss",
    "val/loss",
    "train/perplexity",
    "val/perplexity",
    "val/bits_per_token",
    "train/tokens_per_second",
    "train/gradient_norm",
    "train/gradient_norm_clipped",
    "train/clipped_share",
}


@pytest.fixture(params=["sine", "language"])
def run(request: pytest.FixtureRequest) -> RunFolder:
    return request.getfixturevalue(f"{request.param}_run")


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


# Reading and writing


def test_result_is_valid_json_with_null_for_what_json_cannot_say(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_result(
        {
            "status": "failed",
            "metrics": {"a": math.nan, "b": math.inf, "c": 1},
            "list": (-math.inf,),
        }
    )

    def never(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    found = json.loads(folder.result.read_text(), parse_constant=never)
    expected = {"status": "failed", "metrics": {"a": None, "b": None, "c": 1}, "list": [None]}
    assert found == expected
    read = folder.read_result()
    assert math.isnan(read["metrics"].pop("a"))
    assert math.isnan(read["metrics"].pop("b"))
    assert read == {"status": "failed", "metrics": {"c": 1}, "list": [None]}


def test_result_keeps_letters_of_every_language(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_result({"error": "Zürich σ"})
    assert "Zürich σ" in folder.result.read_text(encoding="utf-8")


def test_missing_result_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with refusal("has no result.json"):
        folder.read_result()
    for content in ("", "{", "[1]", "3"):
        folder.result.write_text(content)
        with refusal("result.json is damaged"):
            folder.read_result()


def test_metrics_are_read_by_name_without_the_empty_cells(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.read_metrics() == {}
    folder.metrics.write_text("epoch,step,val/loss\n1,10,0.5\n2,20,\n3,30,0.25\n")
    table = folder.read_metrics()
    assert table["val/loss"] == [(1, 0.5), (3, 0.25)]
    assert table["step"] == [(1, 10.0), (2, 20.0), (3, 30.0)]


@pytest.mark.parametrize(
    "damage", ["4,40,0.1", "4", "x,40,0.1\n", "4,40\n", "4,40,0.1,7,8\n", "\n\n", "4,y,z\n"]
)
def test_row_that_is_cut_off_or_damaged_hides_no_other(tmp_path: Path, damage: str) -> None:
    folder = RunFolder(tmp_path)
    folder.metrics.write_text(f"epoch,step,val/loss\n1,10,0.5\n3,30,0.25\n{damage}")
    assert folder.read_metrics()["val/loss"][:2] == [(1, 0.5), (3, 0.25)]
    assert (4, 0.1) not in folder.read_metrics()["val/loss"] or damage.endswith("8\n")


def test_checkpoint_is_found_by_name_or_path(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with refusal("there is no checkpoint"):
        folder.checkpoint("best")
    folder.last.parent.mkdir()
    folder.last.touch()
    assert folder.checkpoint("last") == folder.last
    assert folder.checkpoint("best") == folder.last, "a run without validation has only the last"
    folder.best.touch()
    assert folder.checkpoint("best") == folder.best
    assert folder.checkpoint(str(folder.best)) == folder.best
    with refusal("there is no checkpoint nowhere.ckpt"):
        folder.checkpoint("nowhere.ckpt")


# What a finished run holds


def test_finished_run_holds_exactly_what_was_promised(
    sine_run: RunFolder, language_run: RunFolder
) -> None:
    common = {"config.yaml", "result.json", "metrics.csv", "run.log"}
    for name in ("best", "last", "previous"):
        common |= {f"checkpoints/{name}.ckpt", f"checkpoints/{name}.ckpt.sha256"}
    for folder, figures, more in (
        (sine_run, {"data", "one_step", "multi_step", "k_step", "loss"}, set()),
        (language_run, {"tokens", "perplexity"}, {"samples.txt"}),
    ):
        found = files(folder.path)
        events = {name for name in found if name.startswith("tensorboard/events.out.tfevents.")}
        assert len(events) == 2  # the hyperparameters have a file of their own
        assert found - events == common | more | {f"figures/{name}.png" for name in figures}


def test_each_part_of_a_run_has_a_profile_of_its_own(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.profiles() == []
    for part, name in enumerate(("profile", "profile_2", "profile_3")):
        table, page = folder.next_profile()
        assert (table, page) == (tmp_path / f"{name}.csv", tmp_path / f"{name}.md")
        table.touch()
        assert folder.profiles()[part:] == [table]


def test_result_has_every_field_of_the_contract(run: RunFolder) -> None:
    result = run.read_result()
    assert result["status"] == "completed"
    assert isinstance(result["experiment"], str)
    assert result["seed"] == 0
    assert all(isinstance(word, str) for word in result["overrides"])
    assert result["metrics"]
    for name, value in result["metrics"].items():
        assert "/" in name
        assert isinstance(value, float)
    assert type(result["epochs"]) is int
    assert result["duration_s"] > 0
    assert result["throughput"] > 0
    assert isinstance(result["device"], str)
    assert result["warnings"] == []
    assert result["error"] is None
    assert len(result["fingerprint"]) == 64
    assert {"python", "seqlab", "torch", "lightning", "hydra-core"} <= set(result["versions"])
    assert result["git"] is None or set(result["git"]) == {"commit", "dirty"}


def test_result_says_which_experiment_and_what_was_typed(
    sine_run: RunFolder, language_run: RunFolder
) -> None:
    assert sine_run.read_result()["experiment"] == "sine_mlp"
    assert sine_run.read_result()["overrides"] == []
    assert sine_run.read_result()["epochs"] == 5
    assert language_run.read_result()["experiment"] == "sample_story_rnn"
    assert language_run.read_result()["overrides"] == SMALL_LM
    assert language_run.read_result()["epochs"] == 2


def test_metrics_have_the_names_of_the_contract(
    sine_run: RunFolder, language_run: RunFolder
) -> None:
    assert set(sine_run.read_result()["metrics"]) >= SERIES_METRICS
    assert set(language_run.read_result()["metrics"]) >= LANGUAGE_METRICS


def test_perplexity_and_bits_follow_from_the_loss(language_run: RunFolder) -> None:
    metrics = language_run.read_result()["metrics"]
    for part in ("train", "val"):
        expected = math.exp(metrics[f"{part}/loss"])
        assert metrics[f"{part}/perplexity"] == pytest.approx(expected, rel=1e-5)
    assert metrics["val/bits_per_token"] == pytest.approx(
        metrics["val/loss"] / math.log(2), rel=1e-5
    )


def test_metrics_table_has_one_row_an_epoch_and_ends_as_the_result_says(run: RunFolder) -> None:
    result = run.read_result()
    table = rows_of(run.metrics)
    assert [int(row["epoch"]) for row in table] == list(range(1, result["epochs"] + 1))
    assert set(table[0]) == {"epoch", "step"} | set(result["metrics"])
    for name, value in result["metrics"].items():
        assert float(table[-1][name]) == pytest.approx(value, rel=1e-6)
    assert int(table[-1]["step"]) == result["steps"]


def test_configuration_can_be_loaded_again(run: RunFolder) -> None:
    config = load_config(run.path)
    assert OmegaConf.select(config, "data.seed") == 0
    plain = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    assert plain["data"]["seed"] == "${seed}"
    assert "hydra" not in plain


def test_environment_variables_stay_references(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s3cret.txt").write_text("ab cd " * 500)
    monkeypatch.setenv("MY_CORPUS", "s3cret.txt")
    words = ["data=text", "model=rnn", "data.path=${oc.env:MY_CORPUS}", "model.hidden_size=4"]
    succeeded(train(*words, *QUICK, "hydra.run.dir=run"))
    folder = RunFolder(tmp_path / "run")
    assert yaml.safe_load(folder.config.read_text())["data"]["path"] == "${oc.env:MY_CORPUS}"
    assert "data.path=${oc.env:MY_CORPUS}" in folder.read_result()["overrides"]
    for file in folder.path.rglob("*"):
        assert file.is_dir() or b"s3cret" not in file.read_bytes(), file


def test_figures_are_images_that_can_be_read(run: RunFolder) -> None:
    for file in run.figures.iterdir():
        content = file.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", content[16:24])
        assert 500 <= width <= 3000
        assert 250 <= height <= 3000
        assert 5_000 < len(content) < 1_000_000


def test_samples_show_the_untrained_network_every_so_many_epochs_and_the_end(
    language_run: RunFolder,
) -> None:
    lines = language_run.samples.read_text(encoding="utf-8").splitlines()
    parts = [line.split("|", 2) for line in lines]
    continued = [
        (0, "the tide clock"),
        (0, "the sea"),
        (1, "the tide clock"),
        (2, "the tide clock"),
        (2, "the sea"),
    ]
    assert [(int(epoch), prefix.strip()) for epoch, prefix, _ in parts] == [
        (epoch, f"{prefix}{how}")
        for epoch, prefix in continued
        for how in ("", " (temperature 0.8)")
    ]
    assert all(len(text) == 50 for _, _, text in parts)


def test_checkpoints_hold_plain_values_only(run: RunFolder) -> None:
    for file in (run.best, run.last):
        content = torch.load(file, weights_only=True)
        assert content["state_dict"]


def test_flags_that_came_later_leave_a_fingerprint_as_it_was() -> None:
    earlier = fingerprint({"trainer": {"max_epochs": 2}})
    flags = {"max_epochs": 2, "cuda_graph": "auto", "tf32": False}
    assert fingerprint({"trainer": flags}) == earlier
    assert fingerprint({"trainer": flags | {"tf32": True}}) != earlier


def test_fingerprint_is_that_of_what_is_computed(train: Command, tmp_path: Path) -> None:
    def found(name: str, *words: str) -> Any:
        assert train(*words, f"hydra.run.dir={name}").code == 0
        return RunFolder(tmp_path / name).read_result()["fingerprint"]

    first = found("a", *QUICK)
    assert found("b", *QUICK) == first
    assert found("c", *QUICK, "name=other") == first
    assert found("d", *QUICK, "experiment=none") == first
    assert found("g", *QUICK, "trainer.cuda_graph=off") == first
    assert found("e", *QUICK, "optimizer.lr=0.02") != first
    assert found("f", *QUICK, "seed=1") != first


def test_runs_started_in_the_same_second_get_folders_of_their_own(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        @staticmethod
        def now() -> Any:
            return datetime(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(naming, "datetime", Clock)
    for _ in range(2):
        naming.run_id.cache_clear()  # each run is a process of its own
        assert train(*QUICK).code == 0
    made = sorted((tmp_path / "outputs" / "sine_mlp").iterdir())
    assert len(made) == 2
    assert all(folder.name.startswith("2026-01-02_03-04-05_") for folder in made)
    assert all(RunFolder(folder).read_result()["status"] == "completed" for folder in made)
