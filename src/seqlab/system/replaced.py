"""A library's method with another in its place, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(owner: type, name: str, method: Any) -> Iterator[None]:
    """Put a method in the place of a class's own, and that one back at the end."""
    original = getattr(owner, name)
    setattr(owner, name, method)
    try:
        yield
    finally:
        setattr(owner, name, original)
