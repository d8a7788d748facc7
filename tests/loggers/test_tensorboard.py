"""The dashboard as a person sees it: event files, and the pages in headless Chromium."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.metadata import (
    EXPERIMENT_TAG,
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from conftest import own_class
from dashboard import events, page, served
from expect import Command, Refuses, succeeded
from seqlab.loggers.charts import layout
from seqlab.loggers.event_files import link_event_files
from seqlab.loggers.tensorboard import TensorBoard
from seqlab.runs.folder.run_folder import RunFolder

IMAGES_DRAWN = """
const sizes = [];
const walk = (node) => {
  if (node.nodeName === 'IMG' && node.src.includes('images')) sizes.push(node.naturalWidth);
  if (node.shadowRoot) walk(node.shadowRoot);
  node.childNodes.forEach(walk);
};
walk(document.body);
return sizes;
"""


VARIOUS = ("gradient_norm", "gradient_norm_clipped", "clipped_share", "tokens_per_second")


def points(run: RunFolder, tag: str) -> list[tuple[int, float]]:
    return [(scalar.step, scalar.value) for scalar in events(run).Scalars(tag)]


def test_every_metric_is_a_curve_over_epochs(language_run: RunFolder) -> None:
    table = language_run.read_metrics()
    assert {"step", "train/loss", "val/loss"} <= set(table)
    for name in ("step", "train/loss", "val/loss"):  # a text's loss is the logarithm of perplexity
        del table[name]
    tags = {
        name: f"various_text/{name[6:]}" if name.removeprefix("train/") in VARIOUS else name
        for name in table
    }
    assert set(events(language_run).Tags()["scalars"]) == set(tags.values())
    for name, tag in tags.items():
        found = points(language_run, tag)
        assert [epoch for epoch, _ in found] == [epoch for epoch, _ in table[name]] == [1, 2]
        assert [value for _, value in found] == pytest.approx([value for _, value in table[name]])


def test_series_keeps_its_loss(sine_run: RunFolder) -> None:
    losses = sine_run.read_metrics()["val/loss"]
    assert points(sine_run, "val/loss") == [(epoch, pytest.approx(v)) for epoch, v in losses]


def test_curves_come_before_figures_and_the_best_metrics_first(
    sine_run: RunFolder, language_run: RunFolder
) -> None:
    tags = sorted(events(sine_run).Tags()["scalars"])
    assert tags[:3] == ["train/loss", "val/loss", "val/rmse@1"]
    assert max(tags) < min(events(sine_run).Tags()["images"])
    tags = sorted(events(language_run).Tags()["scalars"])
    assert tags[:3] == ["train/perplexity", "val/bits_per_token", "val/perplexity"]


def test_figures_are_the_very_files_of_the_run_folder(
    sine_run: RunFolder, language_run: RunFolder
) -> None:
    for run, expected in (
        (sine_run, {"data", "one_step", "multi_step", "k_step", "loss"}),
        (language_run, {"tokens", "perplexity"}),
    ):
        found = events(run)
        names = {path.stem for path in run.figures.iterdir()}
        assert names == expected
        assert {tag.removeprefix("visuals/") for tag in found.Tags()["images"]} == names
        for name in names:
            (image,) = found.Images(f"visuals/{name}")
            assert image.encoded_image_string == (run.figures / f"{name}.png").read_bytes()
            assert image.width > image.height > 300
            assert image.step == (0 if name in ("data", "tokens") else run.read_result()["epochs"])


def test_texts_are_at_the_epochs_of_the_file(language_run: RunFolder) -> None:
    lines = language_run.samples.read_text(encoding="utf-8").splitlines()
    prefix = lines[0].split("|")[1].strip()
    epochs = [int(line.split("|")[0]) for line in lines if line.split("|")[1].strip() == prefix]
    found = events(language_run).Tensors(f"samples/{prefix}/text_summary")
    assert [tensor.step for tensor in found] == epochs


SHORT = ["trainer.max_epochs=2", "data.length=200", "data.num_train=96", "hydra.run.dir=run"]
PLAIN = ["callbacks=none", *SHORT]


def test_axis_is_the_step_where_a_run_validates_within_epochs(train: Command) -> None:
    succeeded(train(*PLAIN, "trainer.val_check_interval=0.5"))
    assert [step for step, _ in points(RunFolder("run"), "val/loss")] == [2, 5, 8, 11]
    assert [step for step, _ in points(RunFolder("run"), "train/loss")] == [5, 11]


@pytest.mark.parametrize(("axis", "steps"), [("step", [5, 11]), ("epoch", [1, 2])])
def test_axis_is_what_was_asked_for(train: Command, axis: str, steps: list[int]) -> None:
    succeeded(train(*PLAIN, f"logger.tensorboard.axis={axis}"))
    assert [step for step, _ in points(RunFolder("run"), "val/loss")] == steps


def test_axis_and_figures_are_checked(refuses: Refuses) -> None:
    refuses("logger.tensorboard.axis=steps", "must be one of auto, epoch, step")
    refuses("logger.tensorboard.figures=maybe", "must be one of true, false, auto")


def test_metrics_of_one_s_own_are_over_epochs_or_steps(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = """
from lightning.pytorch import Callback


class Noted(Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        pl_module.log("mine/step", float(batch_idx))
        pl_module.log("mine/mean", float(batch_idx), on_step=False, on_epoch=True)
"""
    own_class(tmp_path, "noted", code, "callbacks/noted", "noted:\n  _target_: noted.Noted\n")
    words = ["--config-dir", "mine", "callbacks=[default,noted]", "trainer.log_every_n_steps=3"]
    succeeded(train(*words, *SHORT))
    assert [step for step, _ in points(RunFolder("run"), "mine/step")] == [2, 5, 8, 11]
    assert points(RunFolder("run"), "mine/mean") == [(1, 2.5), (2, 2.5)]


def test_figures_of_a_job_are_files_alone_unless_asked_for(train: Command, tmp_path: Path) -> None:
    succeeded(train("-m", "name=grid", "trainer.max_epochs=1", "seed=1", "hydra/launcher=basic"))
    words = ["-m", "name=seen", "trainer.max_epochs=1", "logger.tensorboard.figures=true"]
    succeeded(train(*words, "seed=1", "hydra/launcher=basic"))
    for name, shown in (("grid", 0), ("seen", 5)):
        (folder,) = (tmp_path / "outputs" / name).glob("0000*")
        assert len([*RunFolder(folder).figures.iterdir()]) == 5
        assert len(events(RunFolder(folder)).Tags()["images"]) == shown


def hyperparameters(run: RunFolder) -> tuple[dict[str, Any], str]:
    """Return the hyperparameters that TensorBoard knows of a run, and its status."""
    accumulator = EventAccumulator(str(run.tensorboard))
    accumulator.Reload()
    content = accumulator._plugin_to_tag_to_content["hparams"]
    start = HParamsPluginData.FromString(content[SESSION_START_INFO_TAG]).session_start_info
    values = {key: getattr(v, v.WhichOneof("kind")) for key, v in start.hparams.items()}
    end = HParamsPluginData.FromString(content[SESSION_END_INFO_TAG]).session_end_info
    assert EXPERIMENT_TAG not in content, "HParams would show this run's columns for all runs"
    return values, Status.Name(end.status)


def test_hyperparameters_keep_their_types(sine_run: RunFolder) -> None:
    values, status = hyperparameters(sine_run)
    assert (values["data.tau"], values["trainer.accelerator"]) == (4.0, "auto")
    assert (values["trainer.barebones"], values["optimizer.betas"]) == (False, "[0.9, 0.999]")
    assert status == "STATUS_SUCCESS"


def test_linked_event_files_show_some_keys_before_the_others(
    sine_run: RunFolder, tmp_path: Path
) -> None:
    link_event_files(sine_run.tensorboard, tmp_path, {"optimizer.lr", "no.such.key"})
    accumulator = EventAccumulator(str(tmp_path))
    accumulator.Reload()
    content = accumulator._plugin_to_tag_to_content["hparams"][SESSION_START_INFO_TAG]
    shown = HParamsPluginData.FromString(content).session_start_info.hparams
    expected = dict(hyperparameters(sine_run)[0])
    assert shown[" optimizer.lr"].number_value == expected.pop("optimizer.lr")
    assert min(shown) == " optimizer.lr"
    assert {*shown} == {" optimizer.lr", *expected}
    linked = [file for file in tmp_path.iterdir() if file.is_symlink()]
    assert [file.resolve() for file in linked] == [
        file
        for file in sorted(sine_run.tensorboard.iterdir())
        if "hyperparameters" not in file.name
    ]


def test_hyperparameters_and_curves_of_a_resumed_run_are_the_latest(train: Command) -> None:
    run = RunFolder("run")
    succeeded(train(*SHORT))
    succeeded(train("resume=run", "trainer.max_epochs=4"))
    assert hyperparameters(run)[0]["trainer.max_epochs"] == 4.0
    table = run.read_metrics()
    assert [step for step, _ in points(run, "val/loss")] == [1, 2, 3, 4]
    assert [value for _, value in points(run, "val/loss")] == pytest.approx(
        [value for _, value in table["val/loss"]]
    )
    # The figure of the shorter run came after the last checkpoint.
    assert [image.step for image in events(run).Images("visuals/loss")] == [4]


def test_records_after_a_checkpoint_are_cut_off(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    board = TensorBoard(tmp_path)
    board.log_epoch({"train/loss": 1.0, "epoch": 0}, 5)
    state = board.state()
    board.log_epoch({"train/loss": 2.0, "epoch": 1}, 11)
    board.log_metrics({"mine": 2.0}, 11)
    board.finalize("failed")
    later = run.tensorboard / "events.out.tfevents.9999999999.later"
    later.write_bytes(b"of an attempt after it")

    again = TensorBoard(tmp_path)
    again.continue_from(state, 6)
    assert not later.exists()
    again.log_epoch({"train/loss": 3.0, "epoch": 1}, 11)
    again.finalize("success")
    assert points(run, "train/loss") == [(1, 1.0), (2, 3.0)]
    assert "mine" not in events(run).Tags()["scalars"]

    TensorBoard(tmp_path).continue_from({}, 0)
    assert not [*run.tensorboard.iterdir()], "without a checkpoint the run begins again"


def test_links_and_other_files_are_left_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "tensorboard"
    folder.mkdir()
    (tmp_path / "precious").write_text("precious")
    (folder / "events.out.tfevents.1.link").symlink_to(tmp_path / "precious")
    (folder / "notes").write_text("notes")
    state = {"axis": "epoch", "sizes": {"events.out.tfevents.1.link": 1, "../precious": 1}}
    TensorBoard(tmp_path).continue_from(state, 6)
    assert (tmp_path / "precious").read_text() == "precious"
    assert (folder / "notes").read_text() == "notes"


def test_run_of_an_earlier_version_goes_on_with_its_own_curves(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    board.continue_from({"metrics": ["train/loss"]}, 6)
    metrics = {"train/loss": 3.0, "train/perplexity": 20.0, "train/gradient_norm": 1.0}
    board.log_epoch({**metrics, "epoch": 1}, 11)
    board.finalize("success")
    for name, value in metrics.items():
        assert points(RunFolder(tmp_path), name) == [(11, value)]


def charts(names: set[str]) -> dict[str, dict[str, list[str]]]:
    content = layout(names).value[0].tensor.string_val[0]
    return {
        category.title: {chart.title: list(chart.multiline.tag) for chart in category.chart}
        for category in Layout.FromString(content).category
    }


def test_what_is_compared_shares_a_chart() -> None:
    found = charts({"train/loss", "val/loss", "val/rmse@4", "various_series/gradient_norm"})
    norms = "gradient norm, and after clipping where there is any"
    assert set(found) == {"Series"}
    assert set(found["Series"]) == {"loss", "error by horizon", norms}
    (pattern,) = found["Series"]["loss"]
    assert [bool(re.match(pattern, tag)) for tag in ("train/loss", "val/loss", "val/rmse@4")] == [
        *(True, True, False),
    ]
    (pattern,) = found["Series"][norms]
    assert re.match(pattern, "various_series/gradient_norm")
    assert re.match(pattern, "various_series/gradient_norm_clipped")
    assert not re.match(pattern, "various_text/gradient_norm")
    text = charts({"train/perplexity", "val/perplexity", "val/bits_per_token"})
    assert text == {
        "Texts": {
            "perplexity": ["^(train|val|test)/perplexity$"],
            "bits per token": ["^(val|test)/bits_per_token$"],
        }
    }


@pytest.fixture(scope="module")
def dashboard(language_run: RunFolder) -> Iterator[str]:
    """Address of the dashboard of the language model's run."""
    with served(language_run.path) as address:
        yield address


@pytest.mark.browser
def test_dashboard_shows_scalars(browser: Any, dashboard: str) -> None:
    expected = ("train/perplexity", "val/perplexity", "various_text")
    text = page(browser, dashboard, "scalars", *expected)
    for word in expected:
        assert word in text


@pytest.mark.browser
def test_dashboard_shows_figures(browser: Any, sine_run: RunFolder) -> None:
    with served(sine_run.path) as address:
        expected = ("visuals/k_step", "visuals/multi_step", "visuals/one_step", "visuals/data")
        text = page(browser, address, "images", *expected)
        for word in expected:
            assert word in text
        deadline = time.monotonic() + 60
        while not any(sizes := browser.execute_script(IMAGES_DRAWN)):
            assert time.monotonic() < deadline, f"no image was drawn: {sizes}"
            time.sleep(0.3)


@pytest.mark.browser
def test_dashboard_shows_sample_text(browser: Any, dashboard: str, language_run: RunFolder) -> None:
    last = language_run.samples.read_text(encoding="utf-8").splitlines()[-1]
    _, prefix, continuation = (part.strip() for part in last.split("|"))
    text = page(browser, dashboard, "text", prefix, continuation)
    assert f"samples/{prefix}" in text
    assert continuation in text


@pytest.mark.browser
def test_dashboard_shows_hyperparameters_with_final_metrics(
    browser: Any, dashboard: str, language_run: RunFolder
) -> None:
    perplexity = language_run.read_result()["metrics"]["val/perplexity"]
    expected = ("data.batch_size", "val/perplexity", f"{perplexity:.3f}", "Success")
    text = page(browser, dashboard, "hparams", *expected)
    for word in expected:
        assert word in text


@pytest.fixture(scope="module")
def together(
    sine_run: RunFolder, language_run: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of the dashboard of a series' run and a text's run."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "sine").symlink_to(sine_run.tensorboard)
    (folder / "text").symlink_to(language_run.tensorboard)
    with served(folder) as address:
        yield address


@pytest.mark.browser
def test_hyperparameters_and_metrics_of_all_runs_are_columns(browser: Any, together: str) -> None:
    expected = ("data.tau", "data.num_steps", "val/loss", "val/perplexity", "val/rmse@64")
    text = page(browser, together, "hparams", *expected)
    for word in expected:
        assert word in text
    # What differs comes before what only one of them has, and before what is the same.
    places = [text.index(f"\n{key}\n") for key in ("model.hidden_size", "data.tau", "seed")]
    assert places == sorted(places)


@pytest.mark.browser
def test_custom_scalars_have_the_charts_of_all_runs(browser: Any, together: str) -> None:
    expected = ("Series", "Texts", "error by horizon", "perplexity", "gradient norm, and after")
    text = page(browser, together, "custom_scalars", *expected)
    for word in expected:
        assert word in text
