"""References to environment variables: which values they gave, and what may be shown of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.basecontainer import BaseContainer
from omegaconf.resolvers import oc

from seqlab.system.errors import UserError
from seqlab.system.masking import remember
from seqlab.system.replaced import replaced

_MOST_REFERENCES = 200
_LONGEST = 1_000_000

_read: list[str] = []


def _env(key: str, *default: Any) -> str | None:
    value = oc.env(key, *default)
    if key in os.environ:
        _read.append(key)
        remember(key, os.environ[key])
    return value


def watch_environment() -> None:
    """Let `${oc.env:...}` remember what it read; calling it again changes nothing."""
    OmegaConf.register_new_resolver("oc.env", _env, replace=True)


def shown(config: DictConfig) -> dict[str, Any]:
    """Return the resolved configuration for everyone's eyes.

    Whatever took its value from an environment variable, at whatever remove, stands there as it
    was written.
    """
    plain = _shown(config)
    assert isinstance(plain, dict)
    return plain


def _shown(container: DictConfig | ListConfig) -> Any:
    if isinstance(container, DictConfig):
        return {key: _item(container, key) for key in container}
    return [_item(container, place) for place in range(len(container))]


def _item(container: Any, key: Any) -> Any:
    node = container._get_node(key)
    before = len(_read)
    value = container[key]
    if isinstance(value, DictConfig | ListConfig):
        if node._is_interpolation():
            value = OmegaConf.to_container(value, resolve=True)
        else:
            return _shown(value)
    return value if len(_read) == before else node._value()


@contextmanager
def bounded_references() -> Iterator[None]:
    """Refuse configurations whose references multiply: ten lines of them can make 10^10 texts."""
    original = BaseContainer.resolve_parse_tree
    count = 0

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count > _MOST_REFERENCES:
            raise _Endless("its references multiply without end", "Write the values themselves.")
        value = original(self, *arguments, **named)
        if isinstance(value, str) and len(value) > _LONGEST:
            raise _Endless("its references make a text without end", "Write the values themselves.")
        return value

    with replaced(BaseContainer, "resolve_parse_tree", counted):
        yield


class _Endless(UserError):
    """References that multiply."""
