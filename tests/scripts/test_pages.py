"""What scripts have in common: wrong words are refused, and committed pages are their reports."""

import shutil
from pathlib import Path

import pytest

from conftest import ROOT, script


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("benchmark", "strat"),
        ("benchmark", "--repeats 0"),
        ("benchmark", "--repeats few"),
        ("compare_search", "synthetik"),
        ("compare_search", "--repeats 1"),
        ("reproduce", "--rows rmm"),
    ],
)
def test_wrong_words_are_refused(tmp_path: Path, name: str, words: str) -> None:
    done = script(name, *words.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "read", "written", "figures"),
    [
        ("benchmark", [], ["benchmarks.md", "benchmarks.json"], {"sizes", "cost_per_token"}),
        ("compare_search", ["search.md"], ["search.md", "search_comparison.json"], {"search"}),
    ],
)
def test_committed_page_is_the_report_of_the_stored_figures(
    tmp_path: Path, name: str, read: list[str], written: list[str], figures: set[str]
) -> None:
    for each in (*read, written[1]):
        shutil.copy(ROOT / "docs" / each, tmp_path)
    done = script(name, "--report-only", "--output", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for each in written:
        assert (tmp_path / each).read_text() == (ROOT / "docs" / each).read_text()
    sizes = {file.name: file.stat().st_size for file in (tmp_path / "figures").iterdir()}
    assert sizes.keys() == {f"{figure}.png" for figure in figures}
    assert min(sizes.values()) > 10_000
