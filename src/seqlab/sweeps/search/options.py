"""What a search can be told, checked before optuna is imported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqlab.errors import UserError

JOURNAL = "study.journal"
"""Name of a study's file in the sweep's folder, unless it is to be kept elsewhere."""

SAMPLERS: dict[str, dict[str, type]] = {
    "tpe": {
        "n_startup_trials": int,
        "n_ei_candidates": int,
        "multivariate": bool,
        "group": bool,
        "constant_liar": bool,
    },
    "random": {},
    "qmc": {"qmc_type": str, "scramble": bool},
    "gp": {"n_startup_trials": int, "deterministic_objective": bool},
    "nsgaii": {
        "population_size": int,
        "mutation_prob": float,
        "crossover_prob": float,
        "swapping_prob": float,
    },
    "cmaes": {"n_startup_trials": int, "sigma0": float, "popsize": int},
}
"""The samplers, each with its options."""

_PERCENTILE: dict[str, type] = {
    "n_startup_trials": int,
    "n_warmup_steps": int,
    "interval_steps": int,
    "n_min_trials": int,
}
PRUNERS: dict[str, dict[str, type]] = {
    "none": {},
    "median": _PERCENTILE,
    "percentile": {"percentile": float, **_PERCENTILE},
    "asha": {
        "min_resource": int,
        "reduction_factor": int,
        "min_early_stopping_rate": int,
        "bootstrap_count": int,
    },
    "hyperband": {
        "min_resource": int,
        "max_resource": int,
        "reduction_factor": int,
        "bootstrap_count": int,
    },
    "threshold": {"lower": float, "upper": float, "n_warmup_steps": int, "interval_steps": int},
}
"""The pruners, each with its options."""

_ALSO_CALLED = {"successive_halving": "asha"}
_PACKAGES = {"gp": "scipy", "qmc": "scipy", "cmaes": "cmaes"}


@dataclass(frozen=True)
class SearchOptions:
    """What a search is told beside its space.

    Attributes:
        n_trials: number of trials, those of earlier starts included.
        sampler: proposes them.
        sampler_seed: seeds the proposals.
        sampler_options: the sampler's own.
        pruner: ends bad trials during their training.
        pruner_options: the pruner's own.
        storage: `sqlite:///FILE`, or the path of a journal; `None`: a journal in the sweep's
            folder.
        study_name: what the study is called in there; `None`: as the sweep.
        metric: what decides; `None`: whichever suits the runs.
        direction: `minimize` or `maximize`.

    Raises:
        UserError: an option has a value that it cannot have, or needs a package that is not there.
    """

    n_trials: int = 20
    sampler: str = "tpe"
    sampler_seed: int = 0
    sampler_options: Mapping[str, Any] = field(default_factory=dict)
    pruner: str = "none"
    pruner_options: Mapping[str, Any] = field(default_factory=dict)
    storage: str | None = None
    study_name: str | None = None
    metric: str | None = None
    direction: str = "minimize"

    def __post_init__(self) -> None:
        if self.n_trials < 1:
            raise UserError(
                f"hydra.sweeper.n_trials={self.n_trials}: must be 1 or more",
                "For example hydra.sweeper.n_trials=20.",
            )
        if self.sampler_seed < 0:
            raise UserError(
                f"hydra.sweeper.sampler_seed={self.sampler_seed}: must be 0 or more",
                "For example hydra.sweeper.sampler_seed=1.",
            )
        object.__setattr__(self, "pruner", _ALSO_CALLED.get(self.pruner, self.pruner))
        _check_name("sampler", self.sampler, SAMPLERS)
        _check_name("pruner", self.pruner, PRUNERS)
        _check_options("sampler", self.sampler, self.sampler_options, SAMPLERS)
        _check_options("pruner", self.pruner, self.pruner_options, PRUNERS)
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
    remedy = 'python -m pip install "seqlab[sweep]", or -e ".[sweep]" in a checkout.'
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


def _check_name(what: str, name: str, known: dict[str, dict[str, type]]) -> None:
    if name in known:
        return
    if name == "grid":
        raise UserError(
            "hydra.sweeper.sampler=grid: a grid is not searched",
            "Leave hydra/sweeper out, and list the values: key=1,2,3.",
        )
    close = get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise UserError(
        f"hydra.sweeper.{what}={name}: there is no such {what}",
        f"{hint}There are {', '.join(known)}.",
    )


def _check_options(
    what: str, name: str, options: Mapping[str, Any], known: dict[str, dict[str, type]]
) -> None:
    for key, value in options.items():
        where = f"hydra.sweeper.{what}_options.{key}"
        wanted = known[name].get(key)
        if wanted is None:
            names = ", ".join(known[name])
            raise UserError(
                f"{where}: {name} has no such option",
                f"It has {names}." if names else "It has none; leave it out.",
            )
        accepted: Any = (int, float) if wanted is float else wanted
        if not isinstance(value, accepted) or (isinstance(value, bool) and wanted is not bool):
            raise UserError(
                f"{where}={value}: must be of type {wanted.__name__}", "Change it, or leave it out."
            )
