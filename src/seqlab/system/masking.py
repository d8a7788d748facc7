"""Values that came from environment variables, and texts without them."""

from typing import Any

_SHORTEST = 4
"""Shorter values are left in running text: masking every `1` would make it unreadable."""

_values: dict[str, str] = {}


def remember(variable: str, value: str) -> None:
    """Note that a configuration took this value from that environment variable."""
    if len(value) >= _SHORTEST:
        _values[value] = variable


def masked(value: Any) -> Any:
    """Return a value with references in place of what came from the environment.

    Args:
        value: a text; or a dictionary or list, whose texts are looked at; anything else is
            returned as it is.
    """
    if isinstance(value, str):
        # The longest first: a variable's value may be a part of another's.
        for secret in sorted(_values, key=len, reverse=True):
            value = value.replace(secret, f"${{oc.env:{_values[secret]}}}")
        return value
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value
