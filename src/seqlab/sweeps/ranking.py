"""Which metric says how good a job is."""

import math
from collections.abc import Iterable

from seqlab.sweeps.ledger import Row

PREFERRED = ("val/perplexity", "val/loss", "train/perplexity", "train/loss")
"""Taken where none was asked for: the first that every completed job has."""


def chosen_metric(rows: Iterable[Row], wanted: str | None = None) -> str | None:
    """Return the metric that jobs are compared by; `None` where they have none in common.

    Args:
        rows: the completed jobs.
        wanted: the one that was asked for.
    """
    listed = list(rows)
    names = [wanted] if wanted else PREFERRED
    return next((name for name in names if listed and all(name in r.metrics for r in listed)), None)


def best_row(rows: Iterable[Row], metric: str, direction: str = "minimize") -> Row | None:
    """Return the job with the best value; `None` where none has a finite one."""
    sign = 1 if direction == "minimize" else -1
    finite = [row for row in rows if math.isfinite(row.metrics.get(metric, math.nan))]
    return min(finite, key=lambda row: sign * row.metrics[metric], default=None)
