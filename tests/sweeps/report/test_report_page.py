"""report.html: what is in it, and how it behaves in headless Chromium, from the disk."""

import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expect import refusal
from made import job, write_ledger, write_sweep
from seqlab.sweeps.report import write_report

ATTACK = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep with a failure, a value that is not finite, and values that attack the page."""
    folder = tmp_path_factory.mktemp("sweep")
    grid = {"lr": [10, 9, 0.001], "cell": ["rnn", ATTACK]}
    rows = write_sweep(folder, grid, [0, 1], quality=lambda p: 1 + p["lr"] / 10)
    rows[1] = replace(
        rows[1],
        status="failed",
        metrics={},
        error={"type": "ValueError", "message": f"{ATTACK} & more", "hint": "Take another."},
    )
    rows[4] = replace(rows[4], metrics={"val/loss": math.nan, "val/perplexity": math.inf})
    rows[5] = replace(rows[5], folder="javascript:document.title='taken'//?x#y")
    write_ledger(folder, rows)
    write_report(folder, "val/loss")
    return folder


@pytest.fixture
def shown(browser: Any, sweep: Path) -> Iterator[Any]:
    """The browser with the page, after a look at everything that it asked for."""
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get((sweep / "report.html").as_uri())
    yield browser
    assert browser.get_log("browser") == []
    assert asked_for(browser) <= {(sweep / "report.html").as_uri(), "data:"}


def events(browser: Any) -> list[dict[str, Any]]:
    return [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]


def asked_for(browser: Any) -> set[str]:
    urls = {
        event["params"]["request"]["url"]
        for event in events(browser)
        if event["method"] == "Network.requestWillBeSent"
    }
    return {"data:" if url.startswith("data:") else url for url in urls}


def column(browser: Any, section: str, head: str) -> list[str]:
    table = f"#{section} table"
    heads = browser.find_elements("css selector", f"{table} th")
    place = [each.text.strip() for each in heads].index(head) + 1
    cells = browser.find_elements("css selector", f"{table} td:nth-child({place})")
    return [cell.text for cell in cells]


def press(browser: Any, section: str, head: str) -> str | None:
    (cell,) = [
        each
        for each in browser.find_elements("css selector", f"#{section} th")
        if each.text.strip() == head
    ]
    cell.find_element("css selector", "button").click()
    return cell.get_attribute("aria-sort")


@pytest.mark.browser
def test_numbers_sort_as_numbers_and_back(shown: Any) -> None:
    assert column(shown, "settings", "rank") == ["1", "2", "3", "4", "5", "–"]
    assert press(shown, "settings", "lr") == "ascending"
    assert column(shown, "settings", "lr") == ["0.001", "0.001", "9", "9", "10", "10"]
    assert press(shown, "settings", "lr") == "descending"
    assert column(shown, "settings", "lr") == ["10", "10", "9", "9", "0.001", "0.001"]


@pytest.mark.browser
def test_empty_cells_stay_last_either_way(shown: Any) -> None:
    for _ in range(2):
        press(shown, "settings", "mean")
        assert column(shown, "settings", "mean")[-1] == "–"
    for _ in range(2):
        press(shown, "jobs", "val/loss")
        losses = column(shown, "jobs", "val/loss")
        assert set(losses[-2:]) == {"–", "nan"}


@pytest.mark.browser
def test_texts_sort_as_texts_and_the_order_is_said(shown: Any) -> None:
    assert press(shown, "jobs", "status") == "ascending"
    assert column(shown, "jobs", "status") == ["completed"] * 11 + ["failed"]
    heads = shown.find_elements("css selector", "#jobs th[aria-sort]")
    assert [each.text.strip() for each in heads] == ["status"]


@pytest.mark.browser
def test_a_key_sorts_too(shown: Any) -> None:
    button = shown.find_element("css selector", "#settings th button")
    button.send_keys("\ue007")  # Enter
    assert column(shown, "settings", "rank") == ["5", "4", "3", "2", "1", "–"]


@pytest.mark.browser
def test_values_that_look_like_html_are_text(shown: Any) -> None:
    assert shown.title != "taken"
    assert shown.find_elements("css selector", "img[src='x']") == []
    assert ATTACK in column(shown, "settings", "cell")
    assert f"ValueError: {ATTACK} & more" in column(
        shown, "jobs-that-did-not-complete", "what happened"
    )


@pytest.mark.browser
def test_links_lead_to_run_folders(shown: Any, sweep: Path) -> None:
    links = shown.find_elements("css selector", "#jobs td a")
    targets = [link.get_attribute("href") for link in links]
    assert targets[0] == f"{sweep.as_uri()}/0/"
    assert all(target.startswith(f"{sweep.as_uri()}/") for target in targets)


@pytest.mark.browser
def test_figures_are_drawn_from_the_page_itself(shown: Any) -> None:
    images = shown.find_elements("css selector", "figure img")
    assert len(images) == 4
    for image in images:
        shown.execute_script("arguments[0].loading = 'eager'", image)
        assert shown.execute_async_script(
            "arguments[0].decode().then(() => arguments[1](arguments[0].naturalWidth))", image
        ) > 500  # fmt: skip


@pytest.mark.browser
def test_page_fits_a_phone(shown: Any) -> None:
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    shown.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert shown.execute_script("return document.documentElement.scrollWidth") == 390
    finally:
        shown.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.browser
def test_policy_stops_scripts_and_requests_of_others(browser: Any, sweep: Path) -> None:
    text = (sweep / "report.html").read_text(encoding="utf-8")
    broken = sweep / "broken.html"  # as if something had not been escaped
    others = "<img src='http://127.0.0.1:9/a.png'><script src='http://127.0.0.1:9/a.js'></script>"
    others += "<video src='http://127.0.0.1:9/a.mp4' preload='auto'></video>"
    broken.write_text(text.replace("<main>", f"<main>{ATTACK}{others}"), encoding="utf-8")
    browser.get("about:blank")
    browser.get_log("performance")
    browser.get(broken.as_uri())
    assert browser.title != "taken"
    refusals: list[str] = []
    deadline = time.monotonic() + 20
    while len(refusals) < 6 and time.monotonic() < deadline:
        refusals += [entry["message"] for entry in browser.get_log("browser")]
    assert all("Content Security Policy" in message for message in refusals), refusals
    # Two scripts within the page; two images, a script and a film from elsewhere.
    assert sum("Executing inline" in message for message in refusals) == 2
    assert sum("Loading " in message for message in refusals) == 4
    assert browser.title != "taken"
    broken.unlink()


def test_page_reads_without_a_script(sweep: Path) -> None:
    text = (sweep / "report.html").read_text(encoding="utf-8")
    body = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert body.count("<tr>") == 3 + 6 + 1 + 12
    assert "<code>python -m train -m lr=0.001 " in body
    assert "http://" not in text
    assert "https://" not in text


def test_large_sweep_shows_a_part_and_says_where_the_rest_is(tmp_path: Path) -> None:
    rows = [job(i, float(i), parameters={"x": i, "seed": 0}) for i in range(1100)] + [
        job(2000 + i, None, "failed", parameters={"x": 0, "seed": i}) for i in range(300)
    ]
    write_ledger(tmp_path, rows)
    write_report(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count("<tr>") == 3 + 1000 + 200 + 1000
    for note in (
        "100 settings are left out here: settings.csv has all of them.",
        "400 jobs are left out here: results.csv has all of them.",
        "100 jobs are left out here: results.csv has all of them.",
    ):
        assert note in text


def test_samples_and_figures_of_others_are_in_the_page(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"x": [1, 2]}, [0])
    extra = tmp_path / "importances.svg"
    extra.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    write_report(tmp_path, figures=[("Importance of parameters", extra)])
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'src="data:image/svg+xml;base64,' in text
    assert 'alt="Importance of parameters"' in text
    assert text.count("sea and sand") == 2  # after two prefixes, the same of both settings


def test_samples_are_those_of_the_best_run_of_some_settings(tmp_path: Path) -> None:
    rows = write_sweep(tmp_path, {"x": [*range(9)]}, [0, 1], quality=lambda p: 2 + p["x"], noise=0)
    for row in rows:
        file = tmp_path / row.folder / "samples.txt"
        x, seed = row.parameters["x"], row.parameters["seed"]
        file.write_text(f"    6 | the | text {x * (x < 8)}, seed {seed}\n", encoding="utf-8")
    rows = [
        replace(row, metrics={"val/loss": row.metrics["val/loss"] - i % 2 / 8})
        for i, row in enumerate(rows)
    ]
    write_ledger(tmp_path, rows)
    write_report(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    part = text[text.index('id="samples"') : text.index('id="jobs"')]
    found = re.findall(r'<a href="./(\d+)/">(.*?)</a>|</b> (.*?)</p>', part)
    assert [" ".join(filter(None, each)) for each in found] == [
        *("1 x=0: val/loss 1.875", "17 x=8: val/loss 9.875", "text 0, seed 1"),  # the same text
        *("3 x=1: val/loss 2.875", "text 1, seed 1"),
        *("5 x=2: val/loss 3.875", "text 2, seed 1"),
        *("9 x=4: val/loss 5.875", "text 4, seed 1"),
    ]
    assert part.count("<h3>") == 1
    levels = [
        replace(row, parameters=row.parameters | {"data.level": "ab"[i // 8 % 2]})
        for i, row in enumerate(rows)
    ]
    write_ledger(tmp_path, levels)
    write_report(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"text \d, seed \d", text) == ["text 0, seed 1", "text 4, seed 1"]


def test_figure_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"x": [1, 2]}, [0])
    (tmp_path / "a.pdf").write_bytes(b"")
    with refusal("a.pdf is neither PNG nor SVG"):
        write_report(tmp_path, figures=[("A", tmp_path / "a.pdf")])


def test_earlier_configurations_are_listed_apart(tmp_path: Path) -> None:
    write_ledger(tmp_path, [job(0, 1.0), job(1, 2.0, snapshot="old", overrides=["x=7"])])
    write_report(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1,completed,old" in (tmp_path / "earlier.csv").read_text(encoding="utf-8")
    section = text[text.index('id="earlier-configurations"') :]
    assert "The YAML files have changed since these jobs were made" in section
    assert "x=7" in section
    assert "x=7" not in text[: text.index('id="earlier-configurations"')]
