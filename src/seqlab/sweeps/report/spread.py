"""A metric over the seeds of one setting: mean, standard deviation, 95 % interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """What the seeds of a setting have come to.

    Attributes:
        values: of each seed, in order of the jobs' numbers.
        num_nonfinite: how many of them are NaN or infinite; mean, deviation and interval are
            `None` where there is one.
        mean: arithmetic mean.
        std: standard deviation of a sample, with n - 1 in the denominator; `None` for one value.
        low: lower end of the interval that holds the mean of all seeds with 95 % confidence, by
            Student's t with n - 1 degrees of freedom; `None` for one value.
        high: upper end.
    """

    values: tuple[float, ...]
    num_nonfinite: int = 0
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None

    def overlaps(self, other: "Spread") -> bool | None:
        """Return whether two intervals have a point in common; `None` where one is missing."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return None
        return self.low <= other.high and other.low <= self.high


def spread(values: Sequence[float]) -> Spread:
    """Return mean, standard deviation and interval of one value a seed."""
    numbers = tuple(float(value) for value in values)
    num_nonfinite = sum(not math.isfinite(value) for value in numbers)
    if num_nonfinite or not numbers:
        return Spread(numbers, num_nonfinite)
    n = len(numbers)
    mean = math.fsum(value / n for value in numbers)
    if n == 1:
        return Spread(numbers, mean=mean)
    std = math.hypot(*(value - mean for value in numbers)) / math.sqrt(n - 1)
    half = t_quantile(n - 1) * std / math.sqrt(n)
    return Spread(numbers, mean=mean, std=std, low=mean - half, high=mean + half)


@cache
def t_quantile(degrees: int) -> float:
    """Return the factor of a two-sided 95 % interval by Student's t."""
    from scipy.special import stdtrit  # only where several seeds are there

    return float(stdtrit(degrees, (1 + CONFIDENCE) / 2))
