"""Option files parsed once: Hydra reads each of them anew whenever it composes."""

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource

from seqlab.system.replaced import replaced

_parsed: dict[Any, ConfigResult] = {}


@contextmanager
def parsing_files_once() -> Iterator[None]:
    """Let Hydra take copies of the files that it has parsed; one that changed is parsed again.

    A run is composed three times before it starts, and each job of a sweep at least once. Parsing
    takes six times as long as copying.
    """
    Plugins.instance()  # registers the sources
    with ExitStack() as stack:
        for scheme in ("file", "pkg"):
            source = SourcesRegistry.instance().resolve(scheme)
            stack.enter_context(replaced(source, "load_config", _once(source.load_config)))
        yield


def _once(
    load: Callable[[Any, str], ConfigResult],
) -> Callable[[ConfigSource, str], ConfigResult]:
    def loaded(source: ConfigSource, config_path: str) -> ConfigResult:
        key = type(source), source.path, source.provider, config_path, _state(source, config_path)
        if key not in _parsed:
            _parsed[key] = load(source, config_path)
        found = _parsed[key]
        return replace(found, config=copy.deepcopy(found.config))

    return loaded


def _state(source: ConfigSource, config_path: str) -> tuple[int, ...]:
    """Return what changes with a file's content; nothing for files of an installed package."""
    try:
        found = os.stat(os.path.join(source.path, source._normalize_file_name(config_path)))  # noqa: PTH116, PTH118
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
