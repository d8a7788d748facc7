"""Which figures a search gets, drawn from its study into its sweep's folder."""

import math
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.figures import searches as draw
from seqlab.figures.scale import Scale, scale_of
from seqlab.sweeps.report.conclusions import allows
from seqlab.sweeps.report.settings import shown
from seqlab.sweeps.report.sweep_figures import Drawing, Drawn, write_figures
from seqlab.sweeps.search.search_file import read_search
from seqlab.system.errors import UserError

if TYPE_CHECKING:
    import optuna

_MOST_PARAMETERS = 9


def write_plots(folder: Path, notes: list[str], advice: list[str]) -> list[Drawn]:
    """Draw what a search has found so far, into `figures/`.

    Nothing is drawn for a sweep that is no search, before two trials are complete, where the
    study is gone, or where optuna is not installed.

    Args:
        folder: the sweep's folder.
        notes: what a reader has to know is added to these.
        advice: how to search on, where the best trial lies at the edge of the space, is added.
    """
    record = read_search(folder)
    if record is None or find_spec("optuna") is None:
        return []
    from seqlab.sweeps.search.storage import load_study  # optuna is imported only for a search

    if not Path(record.storage.removeprefix("sqlite:///")).is_file():
        return []
    try:
        study = load_study(record.storage, record.study)
    except UserError:
        return []
    advice += edges_of(study)
    return write_figures(folder / "figures", _figures(study), notes)


def edges_of(study: "optuna.Study") -> list[str]:
    """Return a sentence for each range in whose outer twentieth the best value lies."""
    from optuna.distributions import FloatDistribution, IntDistribution

    try:
        best = study.best_trial
    except ValueError:  # none is complete
        return []
    found = []
    for name, kind in best.distributions.items():
        if not isinstance(kind, IntDistribution | FloatDistribution) or kind.low == kind.high:
            continue
        share = Scale([kind.low, kind.high], True, kind.log).share(best.params[name])
        if 0.05 <= share <= 0.95:
            continue
        edge, end, to, sign = (kind.low, "lower", "from", -1)
        if share > 0.5:
            edge, end, to, sign = (kind.high, "upper", "up to", 1)
        further = edge * 10.0**sign if kind.log else edge + sign * (kind.high - kind.low) / 2
        further = round(further) if isinstance(edge, int) else float(f"{further:.3g}")
        if further != edge and (further >= 0 or kind.low < 0) and allows(name, further):
            found.append(
                f"{name}={shown(best.params[name])} lies at the {end} end of what was searched, "
                f"{shown(kind.low)} to {shown(kind.high)}: the best value may lie beyond. Search "
                f"{to} {shown(further)}."
            )
    return found


def _figures(study: "optuna.Study") -> Iterator[Drawing]:
    """Yield the figures that there is enough for."""
    metric = study.user_attrs.get("metric", "metric")
    trials = _trials(study)
    if sum(trial.value is not None for trial in trials) < 2:
        return
    shares, scales = _importances(study), _scales(study, trials)
    names = [*shares, *(name for name in scales if name not in shares)][:_MOST_PARAMETERS]
    scales = {name: scales[name] for name in names if name in scales}
    search = draw.Search(metric, trials, scales, study.direction.name == "MINIMIZE")
    yield "search_history", "Search: trials in order", partial(draw.history, search)
    if len(shares) > 1:
        title = "Search: importance of the parameters"
        yield "search_importances", title, partial(draw.importances, shares, metric)
    yield "search_slices", "Search: each parameter alone", partial(draw.slices, search)
    ranges = [name for name in scales if scales[name].is_numeric and len(scales[name].values) > 3]
    if len(ranges) > 1:
        title = f"Search: {ranges[0]} and {ranges[1]}"
        yield "search_contour", title, partial(draw.contour, search, *ranges[:2])
    if len(scales) > 1:
        yield "search_parallel", "Search: parameters together", partial(draw.parallel, search)
    if any(trial.steps for trial in trials):
        yield "search_epochs", "Search: every trial by epoch", partial(draw.learning, search)


def _trials(study: "optuna.Study") -> list[draw.Trial]:
    from optuna.trial import TrialState

    return [
        draw.Trial(
            number=each.user_attrs.get("again", each.number),
            parameters=each.params,
            value=each.value if each.state == TrialState.COMPLETE else None,
            steps={
                step: value
                for step, value in sorted(each.intermediate_values.items())
                if math.isfinite(value)
            },
            pruned=each.state == TrialState.PRUNED,
        )
        for each in study.get_trials(deepcopy=False)
    ]


def _scales(study: "optuna.Study", trials: list[draw.Trial]) -> dict[str, Scale]:
    """Return the scale of each parameter that a complete trial has."""
    from optuna.distributions import CategoricalDistribution

    complete = [trial.parameters for trial in trials if trial.value is not None]
    kinds = {
        name: kind
        for each in study.get_trials(deepcopy=False)
        for name, kind in each.distributions.items()
    }
    scales: dict[str, Scale] = {}
    for name, kind in kinds.items():
        values = [parameters[name] for parameters in complete if name in parameters]
        if values and isinstance(kind, CategoricalDistribution):
            scales[name] = Scale(list(kind.choices))
        elif values:
            scales[name] = scale_of(values, is_log=getattr(kind, "log", False))
    return scales


def _importances(study: "optuna.Study") -> dict[str, float]:
    """Return parameter -> share, the largest first; nothing where the trials do not tell."""
    import optuna

    try:
        shares = optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError, ZeroDivisionError):
        return {}
    return {name: share for name, share in shares.items() if math.isfinite(share)}
