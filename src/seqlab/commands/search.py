"""`python -m train -m hydra/sweeper=optuna_search ...`: a search, carried out as a sweep."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from seqlab.commands.sweep import run_sweep
from seqlab.config.compose.snapshot import snapshot_id
from seqlab.config.compose.sweep_request import Request
from seqlab.config.space.dimensions import Space
from seqlab.sweeps.search.options import SearchOptions, check_optuna


def run_search(
    request: Request, space: Space, given: dict[str, Any], signalled: Callable[[], int | None]
) -> int:
    """Run every trial that is not finished yet, print what came of it, and return the exit code.

    Args:
        request: the sweep that the search is.
        space: what its trials are made of.
        given: `SearchOptions` by name.
        signalled: tells of a signal that came.

    Raises:
        UserError: it cannot be run; nothing was started or written.
    """
    check_optuna()
    options = SearchOptions(**given)
    options = replace(options, metric=options.metric or request.metric)
    request = replace(request, metric=options.metric, direction=options.direction)
    snapshot = snapshot_id(request.config_dir, request.words)
    from seqlab.sweeps.search.trial_source import (
        SearchSource,  # optuna is imported only for a search
    )

    source = SearchSource(space, options, request.folder, request.name, snapshot)
    return run_sweep(request, source, signalled)
