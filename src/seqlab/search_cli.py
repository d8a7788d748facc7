"""`python -m train -m hydra/sweeper=optuna_search ...`: a search, carried out as a sweep."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from seqlab.config.request import sweep_request
from seqlab.config.snapshot import snapshot_id
from seqlab.config.space_reading import read_space
from seqlab.sweep_cli import run_sweep
from seqlab.sweeps.search.options import SearchOptions, check_optuna


def run_search(
    config: DictConfig,
    config_dir: Path | None,
    loader: ConfigLoader,
    options: Mapping[str, Any],
    words: list[str],
    signalled: Callable[[], int | None],
) -> int:
    """Run every trial that is not finished yet, print what came of it, and return the exit code.

    Args:
        config: as Hydra composed it for the search as a whole, with its own node.
        config_dir: the folder of the person's own options, if one was named.
        loader: finds the options of `glob(...)`.
        options: the sweeper's, the space among them as `params`.
        words: those that were typed.
        signalled: tells of a signal that came.

    Raises:
        UserError: it cannot be run; nothing was started or written.
    """
    check_optuna()
    given: Any = OmegaConf.to_container(OmegaConf.create(dict(options)), resolve=True)
    params = given.pop("params") or {}
    described = {key: value for key, value in params.items() if isinstance(value, dict)}
    plain = {key: value for key, value in params.items() if key not in described}
    for name in ("sampler_options", "pruner_options"):
        given[name] = {key: value for key, value in given[name].items() if value is not None}
    search = SearchOptions(**given)
    request = sweep_request(config, config_dir, plain, words)
    space = read_space(described, request.words, loader)
    search = replace(search, metric=search.metric or request.metric)
    request = replace(request, metric=search.metric, direction=search.direction)
    snapshot = snapshot_id(config_dir, request.words)
    from seqlab.sweeps.search.source import SearchSource  # optuna is imported only for a search

    source = SearchSource(space, search, request.folder, request.name, snapshot)
    code = run_sweep(request, source, signalled)
    if signalled() is None:
        from seqlab.sweeps.search.plots import write_plots

        write_plots(request.folder)
    return code
