"""What scripts have in common: wrong words are refused, and committed pages are their reports."""

import shutil
from pathlib import Path

import pytest

from conftest import ROOT, SCRIPTS, script, spawn

WRONG = {
    "benchmark": ["strat", "--repeats 0", "--repeats few"],
    "compare_search": ["synthetik", "--repeats 1"],
    "reproduce": ["--rows rmm"],
}
EACH = """
import runpy, sys
file, *lines = sys.argv[1:]
for line in lines:
    sys.argv = [file, *line.split()]
    try:
        runpy.run_path(file, run_name="__main__")
    except SystemExit as ended:
        print(ended.code)
"""


@pytest.mark.parametrize("name", WRONG)
def test_wrong_words_are_refused(tmp_path: Path, name: str) -> None:
    # In one process: importing what a script needs takes seconds.
    words = [str(SCRIPTS / f"{name}.py"), *WRONG[name]]
    done = spawn("-c", EACH, *words, cwd=tmp_path, PYTHONPATH=str(SCRIPTS))
    assert done.stdout.split() == ["2"] * len(WRONG[name]), done.stderr
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
