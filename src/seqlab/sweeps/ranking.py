"""Which metric says how good a job is."""

import math
from collections.abc import Iterable, Sequence

from seqlab.sweeps.ledger import Row

PREFERRED = ("val/perplexity", "val/loss", "train/perplexity", "train/loss")
"""Taken where none was asked for: the first that every completed job has."""

PER_TEXT = ("bits_per_character", "bits_per_byte")
"""Metrics that do not depend on how a text is cut into tokens."""
_SAME_DATA = tuple(
    f"data.{key}"
    for key in ("tau", "num_steps", "batch_size", "sampling", "carry_state", "seed", "task")
)
"""Keys that only say how the same data are read."""
_SAME_PART = {
    "data.max_tokens": ("val", "test"),
    "data.num_train": ("val", "test"),
    "data.num_val": ("train",),
    "data.val_fraction": ("test",),
}
"""Keys that leave some parts of the data as they are."""


def chosen_metric(rows: Iterable[Row], wanted: str | None = None) -> str | None:
    """Return the metric that jobs are compared by; `None` where they have none in common.

    Args:
        rows: the completed jobs.
        wanted: the one that was asked for.
    """
    listed = list(rows)
    names = [wanted] if wanted else PREFERRED
    return next((name for name in names if listed and all(name in r.metrics for r in listed)), None)


def differing(metric: str, names: Iterable[str], rows: Sequence[Row] = ()) -> list[str]:
    """Return those of some parameters between whose values a metric cannot be compared.

    A loss or perplexity tells settings apart that predict the same data. Other texts, tokens or
    series are easier or harder by themselves.

    Args:
        metric: its name.
        names: the parameters that differ.
        rows: the jobs, which tell a language model by its perplexity.
    """
    stage, _, quantity = metric.partition("/")
    found = []
    for name in names:
        if name == "data" or (name.startswith("data.") and name not in _SAME_DATA):
            is_comparable = stage in _SAME_PART.get(name, ())
            # Per character, it does not matter how a text is cut into tokens.
            is_comparable |= quantity in PER_TEXT and name == "data.level"
        else:
            # Which reads what it predicts: no measure of a language model, and fine for a series.
            measured = quantity in ("loss", "perplexity", "bits_per_token", *PER_TEXT)
            is_comparable = name != "model.bidirectional" or not (measured and _has_language(rows))
        if not is_comparable:
            found.append(name)
    return found


def best_row(rows: Iterable[Row], metric: str, direction: str = "minimize") -> Row | None:
    """Return the job with the best value; `None` where none has a finite one.

    There is none either where the jobs cannot be compared.
    """
    sign = 1 if direction == "minimize" else -1
    finite = [row for row in rows if math.isfinite(row.metrics.get(metric, math.nan))]
    names = {name for row in finite for name in row.parameters}
    for name in differing(metric, names, finite):
        if len({str(row.parameters.get(name)) for row in finite}) > 1:
            return None
    return min(finite, key=lambda row: sign * row.metrics[metric], default=None)


def _has_language(rows: Sequence[Row]) -> bool:
    return any(name.endswith("/perplexity") for row in rows for name in row.metrics)
