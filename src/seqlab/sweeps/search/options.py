"""What a search can be told, checked before optuna is imported."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqlab.system.errors import UserError

JOURNAL = "study.journal"
"""Name of a study's file in the sweep's folder, unless it is to be kept elsewhere."""

SAMPLERS: dict[str, tuple[str, ...]] = {
    "auto": (),
    "tpe": ("n_startup_trials", "n_ei_candidates", "multivariate", "group", "constant_liar"),
    "random": (),
    "qmc": ("qmc_type", "scramble"),
    "gp": ("n_startup_trials", "deterministic_objective"),
    "nsgaii": ("population_size", "mutation_prob", "crossover_prob", "swapping_prob"),
    "cmaes": ("n_startup_trials", "sigma0", "popsize"),
}
"""The samplers, each with its options."""

_PERCENTILE = ("n_startup_trials", "n_warmup_steps", "interval_steps", "n_min_trials")
_HALVING = ("min_resource", "reduction_factor", "bootstrap_count")
PRUNERS: dict[str, tuple[str, ...]] = {
    "none": (),
    "median": _PERCENTILE,
    "percentile": ("percentile", *_PERCENTILE),
    "asha": (*_HALVING, "min_early_stopping_rate"),
    "hyperband": (*_HALVING, "max_resource"),
    "threshold": ("lower", "upper", "n_warmup_steps", "interval_steps"),
}
"""The pruners, each with its options."""

_ALSO_CALLED = {"successive_halving": "asha"}
_PACKAGES = {"gp": "scipy", "qmc": "scipy", "cmaes": "cmaes"}


@dataclass
class SearchOptions:
    """Trials that optuna proposes, each in the light of those before it.

    Attributes:
        n_trials: number of trials, those of earlier starts included.
        sampler: auto, tpe, random, qmc, gp, nsgaii or cmaes; `auto`: Gaussian processes (`gp`)
            where every key has a value in every trial, of at most 100 trials, else `tpe`.
        sampler_seed: seeds the proposals.
        sampler_options: the sampler's own, by name.
        pruner: none, median, percentile, asha, hyperband or threshold.
        pruner_options: the pruner's own, by name.
        storage: `sqlite:///FILE`, or the path of a journal; `None`: a journal in the sweep's
            folder.
        study_name: what the study is called in there; `None`: as the sweep.
        metric: what decides; `None`: whichever suits the runs.
        direction: `minimize` or `maximize`.

    Raises:
        UserError: an option has a value that it cannot have, or needs a package that is not there.
    """

    n_trials: int = 20
    sampler: str = "auto"
    sampler_seed: int = 0
    sampler_options: Any = field(default_factory=dict)
    pruner: str = "none"
    pruner_options: Any = field(default_factory=dict)
    storage: str | None = None
    study_name: str | None = None
    metric: str | None = None
    direction: str = "minimize"

    def __post_init__(self) -> None:
        for key, least, example in (("n_trials", 1, 20), ("sampler_seed", 0, 1)):
            if getattr(self, key) < least:
                raise UserError(
                    f"hydra.sweeper.{key}={getattr(self, key)}: must be {least} or more",
                    f"For example hydra.sweeper.{key}={example}.",
                )
        self.pruner = _ALSO_CALLED.get(self.pruner, self.pruner)
        _check_method("sampler", self.sampler, self.sampler_options, SAMPLERS)
        _check_method("pruner", self.pruner, self.pruner_options, PRUNERS)
        if self.direction not in ("minimize", "maximize"):
            raise UserError(
                f"hydra.sweeper.direction={self.direction}: there are minimize and maximize",
                "For example hydra.sweeper.direction=maximize.",
            )
        if (package := _PACKAGES.get(self.sampler)) and find_spec(package) is None:
            raise UserError(
                f"hydra.sweeper.sampler={self.sampler} needs the package {package}",
                f"python -m pip install {package}",
            )


def check_optuna() -> None:
    """Raise `UserError` where optuna is not installed, or is of another generation."""
    from importlib.metadata import PackageNotFoundError, version  # not at every start

    remedy = (
        'Install it: python -m pip install "seqlab[sweep]"\n'
        '  In a checkout: python -m pip install -e ".[sweep]"'
    )
    try:
        found = version("optuna")
    except PackageNotFoundError:
        raise UserError("hydra/sweeper=optuna_search needs optuna 5", remedy) from None
    if found.partition(".")[0] != "5":
        raise UserError(
            f"hydra/sweeper=optuna_search needs optuna 5, and {found} is installed", remedy
        )


def storage_place(storage: str | None, folder: Path) -> str:
    """Return where the study is kept: `sqlite:///FILE` or a journal's path, both absolute.

    Args:
        storage: as it was typed.
        folder: the sweep's folder.

    Raises:
        UserError: nothing can be kept there.
    """
    if storage is None:
        return str((folder / JOURNAL).absolute())
    scheme, colon, rest = storage.partition("://")
    if colon and (scheme != "sqlite" or not rest.startswith("/") or len(rest) < 2):
        raise UserError(
            f"hydra.sweeper.storage={storage}: a study is kept in a file",
            "Use sqlite:///FILE.db, or the path of a journal file.",
        )
    file = Path(rest[1:] if colon else storage).absolute()
    if file.is_dir() or not file.parent.is_dir():
        what = f"{file} is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        raise UserError(f"hydra.sweeper.storage={storage}: {what}", "Name a file in a folder.")
    return f"sqlite:///{file}" if colon else str(file)


def _check_method(
    what: str, name: str, given: Mapping[str, Any], known: Mapping[str, tuple[str, ...]]
) -> None:
    if name == "grid":
        raise UserError(
            "hydra.sweeper.sampler=grid: a grid is not searched",
            "Leave hydra/sweeper out, and list the values: key=1,2,3.",
        )
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UserError(
            f"hydra.sweeper.{what}={name}: there is no such {what}",
            f"{hint}There are {', '.join(known)}.",
        )
    for key in given:
        if key not in known[name]:
            names = ", ".join(known[name])
            raise UserError(
                f"hydra.sweeper.{what}_options.{key}: {name} has no such option",
                f"It has {names}." if names else "It has none; leave it out.",
            )
        if isinstance(given[key], float) and not math.isfinite(given[key]):
            raise UserError(
                f"hydra.sweeper.{what}_options.{key}={given[key]}: must be a finite number",
                "Leave it out where there is no limit.",
            )
