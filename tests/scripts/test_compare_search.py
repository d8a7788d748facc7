"""scripts/compare_search.py: what it compares, and the page it writes."""

import pytest

from compare_search import synthetic
from compare_search.comparison import METHODS, best_setting


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
