"""The figures of a search, drawn from its study and written into its sweep's folder."""

import math
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.sweeps.search.search_file import read_search
from seqlab.system.errors import UserError
from seqlab.system.files import replacing

if TYPE_CHECKING:
    import optuna

_MOST_DIMENSIONS = 9


def write_plots(folder: Path) -> list[tuple[str, Path]]:
    """Draw what a search has found so far, into `figures/`; return title and file of each figure.

    Nothing is drawn for a sweep that is no search, before two trials are complete, where the
    study is gone, or where optuna is not installed.

    Args:
        folder: the sweep's folder.
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
    written = []
    for name, title, draw in _figures(study):
        figure = draw()
        file = folder / "figures" / f"search_{name}.png"
        with replacing(file) as partial:
            figure.savefig(partial, format="png")
        written.append((title, file))
    return written


def _figures(study: "optuna.Study") -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Yield file name, title and drawing of each figure that there is enough for."""
    from seqlab.figures import searches as figures

    trials, axes = _trials(study), _axes(study)
    metric = study.user_attrs.get("metric", "metric")
    minimize = study.direction.name == "MINIMIZE"
    if sum(each.value is not None for each in trials) < 2:
        return
    yield (
        "history",
        "Search: trials in order",
        lambda: figures.history(trials, metric, minimize=minimize),
    )
    shares = _importances(study)
    if len(shares) > 1:
        yield (
            "importances",
            "Search: importance of the parameters",
            lambda: figures.importances(shares, metric),
        )
    names = [*shares, *(name for name in axes if name not in shares)][:_MOST_DIMENSIONS]
    shown = [axes[name] for name in names]
    yield (
        "slices",
        "Search: each parameter alone",
        lambda: figures.slices(trials, shown, metric, minimize=minimize),
    )
    ranges = [axis for axis in shown if not axis.values and _differ(trials, axis.name) > 3]
    if len(ranges) > 1:
        yield (
            "contour",
            f"Search: {ranges[0].name} and {ranges[1].name}",
            lambda: figures.contour(trials, ranges[0], ranges[1], metric, minimize=minimize),
        )
    if len(shown) > 1:
        yield (
            "parallel",
            "Search: parameters together",
            lambda: figures.parallel(trials, shown, metric, minimize=minimize),
        )
    if any(each.steps for each in trials):
        yield (
            "epochs",
            "Search: every trial by epoch",
            lambda: figures.learning(trials, metric, minimize=minimize),
        )


def _differ(trials: list[Any], name: str) -> int:
    complete = [each.parameters for each in trials if each.value is not None]
    return len({parameters[name] for parameters in complete if name in parameters})


def _trials(study: "optuna.Study") -> list[Any]:
    from optuna.trial import TrialState

    from seqlab.figures.trials import Trial

    return [
        Trial(
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


def _axes(study: "optuna.Study") -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    from seqlab.figures.trials import Axis

    axes: dict[str, Axis] = {}
    for trial in study.get_trials(deepcopy=False):
        for name, found in trial.distributions.items():
            choices = found.choices if isinstance(found, CategoricalDistribution) else ()
            log, whole = getattr(found, "log", False), isinstance(found, IntDistribution)
            axes.setdefault(name, Axis(name, tuple(map(str, choices)), log, whole))
    return axes


def _importances(study: "optuna.Study") -> dict[str, float]:
    """Return parameter -> share, the largest first; nothing where the trials do not tell."""
    import optuna

    try:
        shares = optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError, ZeroDivisionError):
        return {}
    return {name: share for name, share in shares.items() if math.isfinite(share)}
