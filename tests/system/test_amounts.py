"""Ages and sizes in words."""

import pytest

from expect import exact_refusal
from seqlab.system.amounts import age_text, seconds_of, size_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "now"),
        (0.9, "now"),
        (1, "1 second"),
        (59, "59 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_age_has_the_largest_unit_of_which_there_are_two(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1.5h", 5400),
        ("2 days", 2 * 86400),
        ("8w", 8 * 7 * 86400),
        ("3 months", 3 * 30 * 86400),
        ("3mo", 3 * 30 * 86400),
        ("1y", 365 * 86400),
        ("0d", 0),
    ],
)
def test_age_is_read(text: str, seconds: float) -> None:
    assert seconds_of(text, "--older-than") == seconds


@pytest.mark.parametrize("text", ["", "d", "3", "3x", "-3d", "1e9d", "nan d", "3d4h"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with exact_refusal(
        f"--older-than {text}: that is no age",
        "A number and a unit, of s, m, h, d, w, mo and y: --older-than 12h, --older-than 30d.",
    ):
        seconds_of(text, "--older-than")


def test_size_is_in_megabytes() -> None:
    assert (size_text(0), size_text(1_250_000), size_text(2 * 10**9)) == (
        "0.0 MB",
        "1.2 MB",
        "2,000.0 MB",
    )
