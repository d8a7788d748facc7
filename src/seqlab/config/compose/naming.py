"""What a run or a sweep is called, and its folder; config.yaml as text."""

import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqlab.config.earlier import EARLIER
from seqlab.config.environment import watch_environment

OUTPUTS = "outputs"


@cache
def run_id() -> str:
    """Return this process's `date_time_suffix`; the random suffix keeps same-second runs apart."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(3)}"


def experiment_name(name: str | None, choices: Any) -> str:
    """Return what a run is called: its `name`, its experiment, or `<data>_<model>`.

    With `again=RUN` it is that run's name, and what was chosen beside it.
    """
    if name:
        return str(name)
    if (earlier := EARLIER.get(choices.get("experiment"))) is not None:
        chosen = [choices[key] for key in ("data", "model")]
        new = [option for option in chosen if option != choices["experiment"]]
        return "_".join([earlier.name, *new])
    if choices.get("experiment") in (None, "none"):
        return f"{choices['data']}_{choices['model']}"
    return str(choices["experiment"])


def typed(overrides: Any) -> list[str]:
    """Return overrides as they were typed: a reference to a variable stays a reference."""
    plain = OmegaConf.to_container(overrides, resolve=False)
    assert isinstance(plain, list)
    return [str(override) for override in plain]


def value_word(value: Any) -> str:
    """Return a plain value the way it is typed behind `key=`."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _run_folder(name: str | None, choices: Any) -> str:
    return f"{OUTPUTS}/{experiment_name(name, choices)}/{run_id()}"


def _sweep_folder(name: str | None, choices: Any, overrides: Any, params: Any) -> str:
    """Return the same folder for the same sweep, also with more values: what is there is kept.

    A sweep without a name of its own is told by what it varies and by what it holds fixed.
    """
    described = {key: value for key, value in (params or {}).items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in (params or {}).items() if key not in described}
    words = [*(f"{key}={value}" for key, value in plain.items()), *typed(overrides)]
    folder = f"{OUTPUTS}/{experiment_name(name, choices)}"
    if name:
        return folder
    several = [word for word in words if is_several(word.partition("=")[2])]
    keys = [*described, *(word.partition("=")[0].lstrip("+") for word in several)]
    varied = {key.rpartition(".")[2] for key in keys}
    fixed = sorted(w for w in words if w not in several and not w.startswith("experiment="))
    mark = hashlib.sha256("\n".join(fixed).encode()).hexdigest()[:6] if fixed else ""
    kind = "search" if choices.get("hydra/sweeper") == "optuna_search" else "sweep"
    return "_".join([f"{folder}/{kind}", *sorted(varied), *filter(None, [mark])])


def is_several(value: str) -> bool:
    """Return whether a typed value stands for several, as Hydra reads it."""
    cast = r"((int|float|str|bool)\()?"
    if re.match(rf"{cast}(choice|range|interval|glob|shuffle|sort|tag)\(", value):
        return True
    quotes = r"""("(\\.|[^"\\])*"|'(\\.|[^'\\])*')"""
    bare = re.sub(r"\[[^\]]*\]|\{[^}]*\}|\([^)]*\)", "", re.sub(quotes, "", value))
    return "," in bare


def register_resolvers() -> None:
    """Make `${run_folder:...}` known to OmegaConf; calling it again changes nothing."""
    watch_environment()
    OmegaConf.register_new_resolver("run_folder", _run_folder, replace=True)
    OmegaConf.register_new_resolver("sweep_folder", _sweep_folder, replace=True)


def text_of(config: DictConfig) -> str:
    """Return config.yaml: the configuration as composed, its references not looked up."""
    return OmegaConf.to_yaml(config)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return the last part of each dotted name, where no other name ends alike."""
    counts = Counter(name.rpartition(".")[2] for name in names)
    return {name: last if counts[last := name.rpartition(".")[2]] == 1 else name for name in names}
