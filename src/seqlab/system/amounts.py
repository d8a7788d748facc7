"""Ages and sizes in words, and back."""

import re

from seqlab.system.errors import UserError

_UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(mo|[smhdwy])[a-z]*")
_SHORT = {"s": "second", "m": "minute", "mo": "month", "h": "hour", "d": "day", "w": "week"}


def age_text(seconds: float) -> str:
    """Return an age in one unit, such as `3 hours`: the largest of which there are two or more."""
    if seconds < 1:
        return "now"  # a clock that was set back included
    name, length = next(
        (item for item in reversed(_UNITS.items()) if seconds >= 2 * item[1]), ("second", 1)
    )
    count = int(seconds / length)
    return f"{count} {name}{'' if count == 1 else 's'}"


def seconds_of(text: str, option: str) -> float:
    """Return an age that was typed, such as `30d`, `12h` or `2 weeks`, in seconds.

    Args:
        text: as typed.
        option: what it was typed behind, for the message.

    Raises:
        UserError: it is no age.
    """
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        raise UserError(
            f"{option} {text}: that is no age",
            f"A number and a unit, of s, m, h, d, w, mo and y: {option} 12h, {option} 30d.",
        )
    return float(found[1]) * _UNITS[_SHORT.get(found[2], "year")]


def size_text(num_bytes: int) -> str:
    """Return a size in MB, of 1,000,000 bytes each, with one digit behind the point."""
    return f"{num_bytes / 1e6:,.1f} MB"
