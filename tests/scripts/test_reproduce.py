"""scripts/reproduce.py: its pages, from results that nobody trained."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from docs_pages import with_foot
from reproduce import reproduction_page
from reproduce.published import ROWS

PAGE = ROOT / "docs" / "reproduction.md"
TEMPLATE = ROOT / "scripts" / "reproduce" / "template.md"


def results_in_the_bands() -> dict[str, list[dict[str, Any]]]:
    return {
        name: [
            {
                "metrics": {row.metric: sum(row.band) / 2 + difference},
                "throughput": 1000.0,
                "throughput_unit": "tokens/s",
                "duration_s": 3.0,
                "device": "cpu",
                "versions": {"torch": "2", "lightning": "2.6", "python": "3.11"},
            }
            for difference in (-0.001, 0.001)
        ]
        for name, row in ROWS.items()
    }


def test_committed_page_has_the_text_of_the_template_and_the_published_figures() -> None:
    parts = re.split(r"\{\w+\}", TEMPLATE.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    text = ".*?".join(map(re.escape, parts)).rstrip("\\\n")
    assert with_foot(PAGE, page) == page
    assert re.fullmatch(f"{text}\n\n---\n\n.*\n", page, re.DOTALL)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in ROWS.values():
        assert f"| {row.label} | `{row.experiment}` | " in page
        assert f" | {row.published()} | " in page
        assert f"| `{row.experiment}` | {row.published(whole=False)} | " in readme


def test_report_names_rows_outside_their_bands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "README.md", tmp_path)
    monkeypatch.setattr(reproduction_page, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(reproduction_page, "README", tmp_path / "README.md")
    results = results_in_the_bands()
    assert reproduction_page.write_report(results) == []
    page = (tmp_path / "docs" / "reproduction.md").read_text(encoding="utf-8")
    assert page.count(": yes |") == len(ROWS)
    assert (tmp_path / "docs" / "figures" / "reproduction.png").stat().st_size > 10_000
    before, after = ((path / "README.md").read_text().splitlines() for path in (ROOT, tmp_path))
    assert len(before) == len(after)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == len(ROWS)
    assert (
        "| RNN 256, perplexity | `time_machine_rnn` | 1.306 ± 0.029 | 1.310 ± 0.001 | 2 |"
        in changed
    )
    for result in results["gru"]:
        result["metrics"]["train/perplexity"] = 2.0
    assert reproduction_page.write_report(results) == ["gru: 2.0000, band (1.0, 1.1)"]
