"""What a report advises: which settings cannot be compared, and what to try next."""

import itertools
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqlab.config.folders import CONFIG
from seqlab.config.validate.rules import RULES
from seqlab.config.validate.untrusted import read_config
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.ranking import PER_TEXT, PREFERRED, differing
from seqlab.sweeps.report.settings import Setting, same, shown
from seqlab.system.terminal import as_word

_STEPS = (1, 2, 3, 5, 10)
_MOST_GROUPS = 6
_MOST_TYPED = 6


def apart(metric: str, rows: Sequence[Row], swept: Sequence[str], folder: Path) -> list[str]:
    """Return the swept parameters between whose values a metric cannot be compared.

    Args:
        metric: its name.
        rows: the jobs.
        swept: what differs from job to job.
        folder: the sweep's, with a run of each experiment.
    """
    found = differing(metric, swept, rows)
    if "experiment" in swept:
        runs = {same(row.parameters.get("experiment")): row for row in rows if row.folder}
        known = [*filter(None, (_keys_of(folder / row.folder) for row in runs.values()))]
        names = sorted({name for each in known for name in each})
        unequal = [name for name in names if len({each.get(name) for each in known}) > 1]
        if differing(metric, unequal, rows):
            found.append("experiment")
    return found


def comparable_note(metric: str, swept: Sequence[str]) -> list[str]:
    """Return a sentence for each parameter of the data that leaves those of the metric alone."""
    return [
        f"{name} changes the training data alone: {metric} is of the same held-out data, and can "
        "be compared; metrics of the training cannot."
        for name in swept
        if name in ("data.max_tokens", "data.num_train") and not differing(metric, [name])
    ]


def why_not_ranked(
    metric: str,
    names: Sequence[str],
    swept: Sequence[str],
    groups: Sequence[Sequence[Setting]],
    rows: Sequence[Row],
    folder: Path,
) -> list[str]:
    """Return why settings are not ranked, a metric that compares them, the best of each group.

    Args:
        metric: what would decide.
        names: the parameters between whose values it cannot be compared.
        swept: what differs from job to job.
        groups: the settings that can be compared with each other, best first.
        rows: the jobs.
        folder: the sweep's.
    """
    completed = [row for row in rows if row.status == "completed"]
    if not completed:
        return []
    reason = f"{metric} of other data or other tokens cannot be compared"
    if list(names) == ["model.bidirectional"]:
        reason = f"a network that reads the future too has no {metric} of a language model"
    found = [f"Not ranked: the settings differ in {_listed(names)}, and {reason}."]
    stage = metric.partition("/")[0]
    for other in (*(f"{stage}/{each}" for each in PER_TEXT), *PREFERRED):
        if all(other in row.metrics for row in completed) and not apart(other, rows, swept, folder):
            command = f"python -m seqlab report {as_word(folder)} --metric {other}"
            found.append(f"{other} can be compared: {command}")
            break
    else:
        found.append("No metric that every job has can be compared between them.")
    rest = [name for name in swept if name not in names]
    for group in groups[:_MOST_GROUPS]:
        mean = group[0].spread(metric).mean
        if len(group) > 1 and mean is not None:
            which = f"{group[0].label(rest)}, {metric} {mean:.5g}"
            found.append(f"Best of those with {group[0].label(names)}: {which}.")
    return found


_NO_RANGE = ("seed", "epochs", "max_steps", "max_time")
"""Ends of parameters in which nothing is searched: more training is mostly better."""


def edges(best: Setting, settings: Sequence[Setting], swept: Sequence[str]) -> list[str]:
    """Return a sentence for each parameter whose best value is the largest or smallest tried.

    Nothing is said where no further value is allowed.

    Args:
        best: the best setting.
        settings: all of them, also those that have failed or diverged.
        swept: what differs from job to job.
    """
    found = []
    for name in swept:
        numbers: Any = filter(_is_number, (each.parameters.get(name) for each in settings))
        tried: list[float] = sorted(set(numbers))
        value = best.parameters.get(name)
        if len(tried) < 2 or value not in (tried[0], tried[-1]) or name.endswith(_NO_RANGE):
            continue
        which = "largest" if value == tried[-1] else "smallest"
        further = _beyond(name, tried if which == "largest" else tried[::-1])
        if further is not None:
            more = sorted([*tried, further]) if len(tried) <= _MOST_TYPED else [further]
            found.append(
                f"{name}={shown(value)} is the {which} value tried: the best one may lie beyond. "
                f"Repeat the sweep with {name}={','.join(map(shown, more))}; only new jobs run."
            )
    return found


def allows(name: str, value: float) -> bool:
    """Return whether a parameter may have this value, as far as is known."""
    return name not in RULES or RULES[name].allows(value)


def _beyond(name: str, tried: Sequence[Any]) -> float | None:
    """Return the value after the last one tried; `None` where none is allowed."""
    last, before = tried[-1], tried[-2]
    steps = {round(b - a, 12) for a, b in itertools.pairwise(tried)}
    candidates = [float(f"{2 * last - before:.6g}")]
    # Neither evenly spaced nor two neighbours: the same factor again.
    is_even = len(steps) == 1 and (len(tried) > 2 or abs(last - before) == 1)
    if not is_even and min(last, before) > 0:
        candidates.insert(0, _times(last, min(max(last / before, 0.1), 10)))
    if len(tried) > 2 and math.isclose(max(last, tried[-3]), 10 * min(last, tried[-3])):
        candidates.insert(0, float(f"{before * last / tried[-3]:.6g}"))  # 0.003, 0.01, 0.03, 0.1
    whole = all(isinstance(value, int) for value in tried)
    least = -math.inf if min(tried) < 0 else 1 if whole and min(tried) > 0 else 0
    for candidate in candidates:
        further = round(candidate) if whole else candidate
        goes_on = further > last if last > before else least <= further < last
        if goes_on and allows(name, further):
            return further
    return None


def _times(value: float, factor: float) -> float:
    """Return a product, as a round number where the factor is not whole either way."""
    exact = value * factor
    ratio = max(factor, 1 / factor)
    if abs(ratio - round(ratio)) < 0.01:
        return float(f"{exact:.6g}")
    power = math.floor(math.log10(exact))
    mantissa = exact / 10.0**power
    step = min(_STEPS, key=lambda step: abs(math.log(mantissa / step)))
    return float(f"{step}e{power}")


def _listed(names: Sequence[str]) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _keys_of(folder: Path) -> dict[str, str]:
    """Return the keys of a run's data and model with their values; none where it is not there."""
    with suppress(Exception):  # a run folder that was moved or damaged
        saved = read_config(folder / CONFIG)
        groups = {group: saved.get(group) or {} for group in ("data", "model")}
        return {f"{group}.{key}": str(node[key]) for group, node in groups.items() for key in node}
    return {}
