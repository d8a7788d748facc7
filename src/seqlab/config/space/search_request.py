"""What a search's command line asks for, read off Hydra's configuration of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from seqlab.config.compose.sweep_request import Request, sweep_request
from seqlab.config.space.dimensions import Space
from seqlab.config.space.reading import read_space


def search_request(
    config: DictConfig,
    config_dir: Path | None,
    loader: ConfigLoader,
    options: Mapping[str, Any],
    words: list[str],
) -> tuple[Request, Space, dict[str, Any]]:
    """Return what a search is asked for: the sweep that it is, its space, its other options.

    Args:
        config: as Hydra composed it for the search as a whole, with its own node.
        config_dir: the folder of the person's own options, if one was named.
        loader: finds the options of `glob(...)`.
        options: the sweeper's, the space among them as `params`; `None` stands for none given.
        words: those that were typed.

    Raises:
        UserError: there is nothing to search over, or something that cannot be searched.
    """
    given: Any = OmegaConf.to_container(OmegaConf.create(dict(options)), resolve=True)
    params = given.pop("params") or {}
    described = {key: value for key, value in params.items() if isinstance(value, dict)}
    plain = {key: value for key, value in params.items() if key not in described}
    for name in ("sampler_options", "pruner_options"):
        given[name] = {key: value for key, value in given[name].items() if value is not None}
    request = sweep_request(config, config_dir, plain, words)
    return request, read_space(described, request.words, loader), given
