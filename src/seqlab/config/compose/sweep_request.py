"""What a sweep's command line asks for, read off Hydra's configuration of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqlab.config.compose.naming import experiment_name, typed, value_word
from seqlab.config.validate.schema import option_content
from seqlab.system.errors import UserError, first_line

_SUBDIR = "${hydra.job.num}"


# What a sweep's file may hold: anything else would not reach its jobs.
_OF_A_SWEEP = ("name", "hydra", "defaults")


@dataclass(frozen=True)
class Request:
    """A sweep that is asked for.

    Attributes:
        folder: the sweep's folder.
        name: what it is called.
        words: the `key=value` words of its jobs, as typed.
        hydra_words: those for Hydra itself.
        launcher: Hydra's launcher node, as plain values.
        config_dir: the folder of the person's own options, if one was named.
        metric: the metric that decides which job is best; `None`: whichever suits the runs.
        direction: `minimize` or `maximize`.
    """

    folder: Path
    name: str
    words: list[str]
    hydra_words: list[str]
    launcher: dict[str, Any]
    config_dir: Path | None
    metric: str | None
    direction: str = "minimize"


def sweep_request(
    config: DictConfig, config_dir: Path | None, params: Any, words: list[str]
) -> Request:
    """Return what a sweep's configuration asks for.

    Args:
        config: as Hydra composed it for the sweep as a whole, with its own node.
        config_dir: the folder of the person's own options, if one was named.
        params: `key: values` from the sweeper's own configuration.
        words: those that were typed.

    Raises:
        UserError: it names no folder, or one for each job.
    """
    try:
        folder = Path(str(config.hydra.sweep.dir))
        launcher: Any = OmegaConf.to_container(config.hydra.launcher, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"the sweep: {first_line(error)}", "Give it a value.") from error
    subdir = config.hydra.sweep._get_node("subdir")._value()
    if subdir != _SUBDIR:
        raise UserError(
            f"hydra.sweep.subdir={subdir}: the run folders of a sweep are named by their number "
            "and their swept values",
            "Leave it out; hydra.sweep.dir=FOLDER chooses the folder that they lie in.",
        )
    said = _words_of_the_file(config, words)
    said += [f"{key}={value_word(value)}" for key, value in (params or {}).items()]
    words = [word for word in words if not _is_sweep(word)]
    return Request(
        folder=folder,
        name=experiment_name(config.name, config.hydra.runtime.choices),
        words=[*said, *words],
        hydra_words=typed(config.hydra.overrides.hydra),
        launcher=launcher,
        config_dir=config_dir,
        metric=_metric(config),
    )


def _words_of_the_file(config: DictConfig, words: list[str]) -> list[str]:
    """Return what a sweep's file says of its jobs: their experiment and their name.

    Raises:
        UserError: the file holds what cannot reach them.
    """
    choices = config.hydra.runtime.choices
    content = option_content(f"sweep/{choices.get('sweep')}")
    if not isinstance(content, dict):
        return []
    for key in content:
        if key not in _OF_A_SWEEP:
            raise UserError(
                f"sweep/{choices.sweep}.yaml sets {key}: a sweep's file only lists its jobs",
                f"Put it among hydra.sweeper.params: {key}.KEY: VALUE.",
            )
    given = {word.partition("=")[0] for word in words}
    said = {"name": content.get("name")}
    if any("experiment" in str(each) for each in content.get("defaults") or []):
        said["experiment"] = choices.experiment
    return [f"{key}={value}" for key, value in said.items() if value and key not in given]


def _metric(config: DictConfig) -> str | None:
    """Return what best.ckpt minimises, as a perplexity where that is how it is read."""
    metric = config.monitor
    if metric and config.model.get("task") == "language_model":
        return str(metric).replace("/loss", "/perplexity")
    return metric


def _is_sweep(word: str) -> bool:
    return word.lstrip("+").partition("=")[0] == "sweep"
