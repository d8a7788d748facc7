"""Mean, standard deviation and interval, against values worked out by hand."""

import math

import pytest

from seqlab.sweeps.report.spread import Spread, spread, t_quantile


def test_three_values_by_hand() -> None:
    found = spread([1.0, 2.0, 3.0])
    # s = 1, t(2) = 4.302653, half = 4.302653 / sqrt(3) = 2.484138
    assert (found.mean, found.std) == (pytest.approx(2.0), pytest.approx(1.0))
    assert found.low == pytest.approx(2 - 2.4841377, abs=1e-6)
    assert found.high == pytest.approx(2 + 2.4841377, abs=1e-6)


def test_five_values_by_hand() -> None:
    found = spread([10.0, 12.0, 9.0, 11.0, 13.0])
    # mean 11, squared differences 1 + 1 + 4 + 0 + 4 = 10, s = sqrt(10 / 4), t(4) = 2.776445
    assert found.mean == pytest.approx(11)
    assert found.std == pytest.approx(math.sqrt(2.5))
    half = 2.776445 * math.sqrt(2.5) / math.sqrt(5)
    assert (found.low, found.high) == pytest.approx((11 - half, 11 + half), abs=1e-5)


@pytest.mark.parametrize(
    ("degrees", "table"), [(1, 12.706), (2, 4.303), (9, 2.262), (30, 2.042), (1000, 1.962)]
)
def test_quantiles_are_those_of_the_table(degrees: int, table: float) -> None:
    assert t_quantile(degrees) == pytest.approx(table, abs=5e-4)


def test_one_value_has_no_interval() -> None:
    assert spread([4.0]) == Spread((4.0,), mean=4.0)


def test_no_value_has_nothing() -> None:
    assert spread([]) == Spread(())


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_value_that_is_not_finite_leaves_no_mean(odd: float) -> None:
    found = spread([1.0, odd, 2.0])
    assert found.num_nonfinite == 1
    assert len(found.values) == 3
    assert (found.mean, found.std, found.low, found.high) == (None, None, None, None)


def test_large_values_do_not_overflow() -> None:
    found = spread([1e300, 3e300])
    assert found.mean == pytest.approx(2e300)
    assert found.std == pytest.approx(math.sqrt(2) * 1e300)


def test_intervals_overlap_where_they_share_a_point() -> None:
    one = Spread((), mean=1, low=0, high=2)
    assert one.overlaps(Spread((), mean=2.5, low=2, high=3)) is True
    assert one.overlaps(Spread((), mean=2.6, low=2.1, high=3)) is False
    assert one.overlaps(Spread((), mean=1)) is None
