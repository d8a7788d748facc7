"""What a text's script asks of its tokenizing: letters that would be lost, words without spaces."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from seqlab.system.errors import UserError

# First and last letters of scripts that are written without spaces, and how long their words get.
_UNSPACED = (
    (0x0E00, 0x0EFF, 12),  # Thai, Lao
    (0x1000, 0x109F, 12),  # Burmese
    (0x1780, 0x17FF, 12),  # Khmer
    (0x3040, 0x30FF, 6),  # Hiragana, Katakana
    (0x3400, 0x9FFF, 6),  # Chinese characters
    (0x20000, 0x33479, 6),
)
_FIRST_OF_TWO_BYTES = 0xC2


def most_beyond_ascii(block: bytes) -> int:
    """Return how many characters of a block in UTF-8 are beyond ASCII: so many letters at most."""
    return int(np.count_nonzero(np.frombuffer(block, np.uint8) >= _FIRST_OF_TWO_BYTES))


def check_kept(counts: Mapping[str, int], beyond: int, text: Iterable[str]) -> None:
    """Raise `UserError` where the letters A to Z are fewer than half of a text's letters.

    Args:
        counts: how often each token came, of characters or words.
        beyond: how many letters beyond ASCII the text has at most.
        text: all of it, in pieces; looked at only where it may be refused.
    """
    kept = sum(len(token.strip()) * count for token, count in counts.items())
    if kept >= beyond:
        return
    letters = sum(map(str.isalpha, (character for piece in text for character in piece)))
    if 2 * kept < letters:
        raise UserError(
            f"data.preprocessing=chapter keeps the letters A to Z alone, and {kept:,} of the "
            f"{letters:,} letters of this text are among them",
            "Use data.preprocessing=joined, which keeps the letters of every script, or raw.",
        )


def unspaced_length(tokens: Sequence[str]) -> float | None:
    """Return how long words are where a script without spaces has left whole phrases together.

    Args:
        tokens: those of a vocabulary of words.

    Returns:
        Their mean length in characters; `None`: they are words, for all that their length tells.
    """
    found = [(len(token), most) for token in tokens if (most := _longest_word(token))]
    if 2 * len(found) <= len(tokens):
        return None
    mean = sum(length for length, _ in found) / len(found)
    return mean if mean > sum(most for _, most in found) / len(found) else None


def _longest_word(token: str) -> int:
    points = list(map(ord, token))
    return max(
        (most for low, high, most in _UNSPACED if any(low <= point <= high for point in points)),
        default=0,
    )
