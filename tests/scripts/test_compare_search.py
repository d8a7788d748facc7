"""scripts/compare_search.py: what it compares, and the page it writes."""

import shutil
import sys
from pathlib import Path

import pytest

from conftest import ROOT, spawn

sys.path.insert(0, str(ROOT / "scripts"))

from compare_search import synthetic
from compare_search.comparison import METHODS, best_setting


def test_committed_page_is_the_report_of_the_stored_figures(tmp_path: Path) -> None:
    for name in ("search.md", "search_comparison.json"):
        shutil.copy(ROOT / "docs" / name, tmp_path)
    script = str(ROOT / "scripts" / "compare_search.py")
    done = spawn(script, "--report-only", "--output", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("search.md", "search_comparison.json"):
        assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text()
    assert (tmp_path / "figures" / "search.png").stat().st_size > 10_000


@pytest.mark.parametrize("words", [["synthetik"], ["--repeats", "1"]])
def test_wrong_words_are_refused(tmp_path: Path, words: list[str]) -> None:
    done = spawn(str(ROOT / "scripts" / "compare_search.py"), *words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_grid_is_square_with_its_ends() -> None:
    seen: list[tuple[float, int]] = []

    def objective(lr: float, hidden_size: int) -> float:
        seen.append((lr, hidden_size))
        return -lr * hidden_size

    best = best_setting("grid", 5, 0, ((0.1, 10.0), (4, 64)), objective)
    assert seen == [(pytest.approx(lr), hidden) for lr in (0.1, 10.0) for hidden in (4, 64)]
    assert best == seen[-1]


def test_every_method_is_compared_at_equal_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "BUDGETS", (4,))
    monkeypatch.setattr("torch.set_num_threads", lambda _: None)
    (comparison,) = synthetic.compare_synthetic(2)
    assert (comparison["budget"], comparison["case"]) == (4, "synthetic")
    assert list(comparison["found"]) == list(METHODS)
    assert all(value >= 0 for found in comparison["found"].values() for value in found)
    assert {len(found) for found in comparison["found"].values()} == {2}
    assert synthetic.compare_synthetic(2) == [comparison]
