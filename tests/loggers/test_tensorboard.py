"""The dashboard as a person sees it: event files, and the pages in headless Chromium."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard import events, page, served
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


def test_every_metric_is_a_curve_with_a_point_an_epoch(language_run: RunFolder) -> None:
    found = events(language_run)
    table = language_run.read_metrics()
    table.pop("step")
    assert set(found.Tags()["scalars"]) == set(table)
    for name, pairs in table.items():
        assert [scalar.value for scalar in found.Scalars(name)] == pytest.approx(
            [value for _, value in pairs]
        )


def test_figures_are_the_very_files_of_the_run_folder(sine_run: RunFolder) -> None:
    found = events(sine_run)
    names = {path.stem for path in sine_run.figures.iterdir()}
    assert {tag.removeprefix("figures/") for tag in found.Tags()["images"]} == names
    for name in names:
        (image,) = found.Images(f"figures/{name}")
        assert image.encoded_image_string == (sine_run.figures / f"{name}.png").read_bytes()
        assert image.width > image.height > 300


@pytest.fixture(scope="module")
def dashboard(language_run: RunFolder) -> Iterator[str]:
    """Address of the dashboard of the language model's run."""
    with served(language_run.path) as address:
        yield address


@pytest.mark.browser
def test_dashboard_shows_scalars(browser: Any, dashboard: str) -> None:
    expected = ("train/perplexity", "train/loss", "train/tokens_per_second")
    text = page(browser, dashboard, "scalars", *expected)
    for word in expected:
        assert word in text


@pytest.mark.browser
def test_dashboard_shows_figures(browser: Any, sine_run: RunFolder) -> None:
    with served(sine_run.path) as address:
        expected = ("figures/k_step", "figures/multi_step", "figures/one_step", "figures/data")
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
    expected = ("data.batch_size", "val/perplexity", f"{perplexity:.3f}")
    text = page(browser, dashboard, "hparams", *expected)
    for word in expected:
        assert word in text
