"""The dashboard as a person sees it: event files, and the pages in headless Chromium."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqlab.run_folder import RunFolder

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")

# TensorBoard's pages are made of web components; their text lies in shadow roots.
VISIBLE_TEXT = """
const found = [];
const walk = (node) => {
  if (node.nodeType === 3) found.push(node.textContent.trim());
  if (node.shadowRoot) walk(node.shadowRoot);
  for (const child of node.childNodes)
    if (!['STYLE', 'SCRIPT', 'NOSCRIPT'].includes(child.nodeName)) walk(child);
};
walk(document.body);
return found.filter(Boolean).join('\\n');
"""
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


def events(run: RunFolder) -> EventAccumulator:
    accumulator = EventAccumulator(str(run.tensorboard), size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    return accumulator


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


@contextmanager
def served(run: RunFolder) -> Iterator[str]:
    """Yield the address of a TensorBoard server over a run folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(run.path)]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--host", "127.0.0.1", "--load_fast=false"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).read()
                break
            except OSError:
                assert time.monotonic() < deadline, "TensorBoard did not start"
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def dashboard(language_run: RunFolder) -> Iterator[str]:
    """Address of the dashboard of the language model's run."""
    with served(language_run) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    profile: Path = tmp_path_factory.mktemp("profile")
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--disable-dev-shm-usage", "--window-size=1600,1600",
                 f"--user-data-dir={profile}"):  # fmt: skip
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def page(browser: Any, address: str, tab: str, *expected: str) -> str:
    """Open a tab and return its text once everything expected is there, or what there is."""
    browser.get("about:blank")
    browser.get(f"{address}#{tab}")
    deadline = time.monotonic() + 60
    while True:
        text: str = browser.execute_script(VISIBLE_TEXT)
        if all(word in text for word in expected) or time.monotonic() > deadline:
            return text
        time.sleep(0.3)


@pytest.mark.browser
def test_dashboard_shows_scalars(browser: Any, dashboard: str) -> None:
    expected = ("train/perplexity", "train/loss", "train/tokens_per_second")
    text = page(browser, dashboard, "scalars", *expected)
    for word in expected:
        assert word in text


@pytest.mark.browser
def test_dashboard_shows_figures(browser: Any, sine_run: RunFolder) -> None:
    with served(sine_run) as address:
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
