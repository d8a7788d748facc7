"""Tokens to indices and back."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

UNKNOWN = "<unk>"
UNKNOWN_INDEX = 0
_STRETCH = 60


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

    def beginning(self, indices: Iterable[int]) -> str:
        """Return two words of a text, none of whose tokens is unknown: something to go on from.

        They are of the first long stretch without an unknown token, or else of the longest one.
        Without any, the most frequent token has to do.
        """
        stretches: list[list[int]] = [[]]
        for index in indices:
            if len(stretches[-1]) == _STRETCH:
                break
            if index:
                stretches[-1].append(index)
            elif stretches[-1]:
                stretches.append([])
        found = max(stretches, key=len)
        words = self.decode(found).split()[1:3]
        begin = self.decode(found[:10] or [min(1, len(self) - 1)])
        return " ".join(words) or begin.strip() or begin

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
