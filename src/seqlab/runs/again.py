"""`again=RUN`: the configuration of an earlier run as options that Hydra composes like any other.

What is typed beside it then overrides it as it overrides an experiment: keys, groups, `~key`, and
several values in a sweep. Nothing of the run but its config.yaml is used.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override

from seqlab.config.compose.overrides import values_of
from seqlab.config.earlier import AGAIN, EARLIER, Earlier
from seqlab.config.folders import CHOOSING, CONFIG, is_folder, refuse_url
from seqlab.config.validate.check import GROUPS
from seqlab.config.validate.rules import RULES
from seqlab.config.words import quoted
from seqlab.runs.folder.saved_config import read_saved
from seqlab.system.errors import UserError
from seqlab.system.replaced import replaced
from seqlab.system.terminal import as_word

# They say where a run lies and what it began with: those of the new run are its own.
_NOT_TAKEN = ("name", "resume", AGAIN)

# What Hydra would obey instead of composing it.
_HYDRAS = ("defaults", "hydra")


def with_whole_path(word: str) -> str:
    """Return a word whose `again=RUN` is one run, also where a comma is in its path."""
    key, _, value = word.partition("=")
    is_one = key == AGAIN and "," in value and is_folder(value)
    return f"{key}={quoted(value)}" if is_one else word


@contextmanager
def composing_earlier_runs() -> Iterator[None]:
    """Let Hydra compose `again=RUN` from that run's config.yaml, wherever it composes meanwhile.

    Composing raises `UserError` where there is no such run, or its configuration is damaged.
    """
    load, defaults = ConfigLoaderImpl.load_configuration, ConfigLoaderImpl.compute_defaults_list

    def loaded(
        self: Any,
        config_name: Any,
        overrides: list[str],
        run_mode: RunMode,
        *rest: Any,
        **more: Any,
    ) -> DictConfig:
        run = _run_of(overrides)
        if run is None:
            return load(self, config_name, overrides, run_mode, *rest, **more)
        added = _option_word(run, overrides)
        config = load(self, config_name, [added, *overrides], run_mode, *rest, **more)
        with flag_override(config, ["struct", "readonly"], False):
            config.hydra.overrides.task.remove(added)
            if config.get(AGAIN) is not None:
                config[AGAIN] = os.path.abspath(run)  # noqa: PTH100 - the same file later, as named
        return config

    def listed(self: Any, config_name: Any, overrides: list[str], run_mode: RunMode) -> Any:
        run = _run_of(overrides)
        added = [] if run is None else [_option_word(run, overrides)]
        return defaults(self, config_name, [*added, *overrides], run_mode)

    with (
        replaced(ConfigLoaderImpl, "load_configuration", loaded),
        replaced(ConfigLoaderImpl, "compute_defaults_list", listed),
    ):
        try:
            yield
        finally:
            for option in EARLIER:
                for group in GROUPS:
                    ConfigStore.instance().repo.get(group, {}).pop(f"{option}.yaml", None)
            EARLIER.clear()


def _run_of(overrides: Sequence[str]) -> str | None:
    """Return the run that the words name; the first of several in a sweep."""
    for word in reversed(overrides):
        if word.lstrip("+").partition("=")[0] == AGAIN:
            return next(iter(values_of(word)), None) or None
    return None


def _option_word(run: str, overrides: Sequence[str]) -> str:
    """Return the word that chooses a run's configuration, which from then on Hydra knows.

    Raises:
        UserError: there is no such run, or something typed beside it cannot be.
    """
    for word in overrides:
        if word.partition("=")[0] in ("experiment", "sweep") and word != "sweep=none":
            raise UserError(
                f"{word} and {AGAIN}={run}: each of them brings a whole configuration",
                f"Leave one out; keys and groups go with {AGAIN}, and -m with key=value,value.",
            )
    # Relative paths lead from the working folder, which stays the same.
    option = f"{AGAIN}_{hashlib.sha256(run.encode()).hexdigest()[:8]}"
    if option not in EARLIER:
        EARLIER[option] = _as_options(run, option)
    return f"experiment={option}"


def _as_options(run: str, option: str) -> Earlier:
    refuse_url(run, f"{AGAIN}=")
    saved = read_saved(Path(run))
    file = Path(run) / CONFIG
    store, groups = ConfigStore.instance(), [group for group in GROUPS if group not in CHOOSING]
    nodes = {group: {} if (node := saved.get(group)) is None else node for group in groups}
    for path, node in {"": saved, **{f"{group}.": node for group, node in nodes.items()}}.items():
        for key in _HYDRAS:
            if key in node:
                raise UserError(f"{file} has {path}{key}, which no run's has", "Name another run.")
    for group, node in nodes.items():
        store.store(group=group, name=option, node=node)
    root = {key: saved._get_node(key) for key in saved if key not in (*GROUPS, *_NOT_TAKEN)}
    defaults = [{"override /recipe": "none"}, *({f"override /{group}": option} for group in groups)]
    content = OmegaConf.create({"defaults": defaults, **root})
    store.store(group="experiment", name=option, package="_global_", node=content)
    return Earlier(_name_of(saved, file), str(file))


def _name_of(saved: DictConfig, file: Path) -> str:
    """Return what a run is called; the folder of the new one is named after it.

    Raises:
        UserError: it is no name; a folder could lie anywhere then.
    """
    node: Any = saved._get_node("name")
    name, rule = node._value(), RULES["name"]
    if not name or node._is_interpolation():
        return file.resolve().parents[1].name
    if not rule.allows(name):
        raise UserError(f"name={name} in {file}: must be {rule.describe()}", "Name another run.")
    return str(name)


def check_alone(again: str | None, resume: str | None) -> None:
    """Raise `UserError` where a run is to be gone on with and to be started anew."""
    if again is not None and resume is not None:
        raise UserError(
            f"resume={resume} and {AGAIN}={again}: resume continues a run in its own folder, "
            f"{AGAIN} starts a new one",
            f"Leave one out: python -m train resume={as_word(resume)}, or python -m train "
            f"{AGAIN}={as_word(again)}.",
        )
