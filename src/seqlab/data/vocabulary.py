"""Text to tokens, tokens to indices and back."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

UNKNOWN = "<unk>"
_NOT_LETTERS = re.compile("[^A-Za-z]+")


def tokenize(text: str, level: str, preprocessing: str) -> list[str]:
    """Return the tokens of a text.

    Args:
        text: the whole text.
        level: `char` or `word`.
        preprocessing: `chapter` keeps letters only, line by line, lower case, and joins the
            stripped lines with nothing, so that words fuse at line ends (Dive into Deep Learning,
            section 9.2); `joined` does the same to the text as one string, so that a line end is
            a space; `raw` leaves the text as it is.
    """
    if preprocessing == "raw":
        return list(text) if level == "char" else text.split()
    if preprocessing == "joined":
        clean = normalize(text)
        return list(clean) if level == "char" else clean.split()
    lines = (normalize(line).strip() for line in text.splitlines())
    if level == "char":
        return list("".join(lines))
    return [word for line in lines for word in line.split()]


def normalize(text: str) -> str:
    """Return the text in lower case, every run of other characters than letters being one space."""
    return _NOT_LETTERS.sub(" ", text).lower()


class Vocabulary:
    """The known tokens; index 0 is `<unk>`, the rest by falling frequency, ties by appearance.

    Args:
        tokens: every token in the order of its index, `<unk>` first.
        level: `char` or `word`; decides how text is cut and joined.
        lowercase: whether the text was lower-cased, so that prefixes have to be.
    """

    def __init__(self, tokens: Sequence[str], level: str, *, lowercase: bool) -> None:
        assert tokens, "a vocabulary has at least <unk>"
        assert tokens[0] == UNKNOWN, tokens[0]
        self.tokens = list(tokens)
        self.level = level
        self.lowercase = lowercase
        self._index = {token: index for index, token in enumerate(self.tokens)}

    @classmethod
    def of(
        cls,
        tokens: Iterable[str] | Mapping[str, int],
        level: str,
        *,
        lowercase: bool,
        min_frequency: int = 0,
    ) -> "Vocabulary":
        """Return the vocabulary of a text, without tokens rarer than `min_frequency`.

        Args:
            tokens: every token of the text, or how often each came, by first appearance.
            level: `char` or `word`.
            lowercase: whether the text was lower-cased.
            min_frequency: how often a token has to come.
        """
        counts = Counter(tokens)
        counts.pop(UNKNOWN, None)
        known = [token for token, count in counts.most_common() if count >= min_frequency]
        return cls([UNKNOWN, *known], level, lowercase=lowercase)

    def __len__(self) -> int:
        return len(self.tokens)

    def split(self, text: str) -> list[str]:
        """Return the tokens of a piece of text, such as a prefix."""
        text = text.lower() if self.lowercase else text
        return list(text) if self.level == "char" else text.split()

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Return the index of each token, 0 for unknown ones."""
        return [self._index.get(token, 0) for token in tokens]

    def decode(self, indices: Iterable[int]) -> str:
        """Return the text of the tokens: characters run together, words with spaces between."""
        return ("" if self.level == "char" else " ").join(self.tokens[i] for i in indices)

    def missing(self, text: str) -> list[str]:
        """Return the tokens of the text that the vocabulary lacks, each once, in order."""
        return list(dict.fromkeys(t for t in self.split(text) if t not in self._index))

    def to_plain(self) -> dict[str, object]:
        """Return plain values from which `from_plain` makes the same vocabulary."""
        return {"tokens": self.tokens, "level": self.level, "lowercase": self.lowercase}

    @classmethod
    def from_plain(cls, plain: dict[str, object]) -> "Vocabulary":
        """Return the vocabulary that `to_plain` described."""
        tokens, level = plain["tokens"], plain["level"]
        assert isinstance(tokens, list), "the vocabulary is no list"
        assert all(isinstance(token, str) for token in tokens), "a token is no text"
        assert level in ("char", "word"), "the vocabulary's level is neither char nor word"
        return cls(tokens, str(level), lowercase=bool(plain["lowercase"]))
