"""A text as windows of tokens: the data module that every corpus shares."""

import hashlib
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqlab.batch import TokenBatch
from seqlab.data.loader import BatchLoader
from seqlab.data.module import PURPOSES, SequenceData
from seqlab.data.partition import EvaluationLoader, RandomLoader, SequentialLoader
from seqlab.data.tokens.encoding import A_TO_Z
from seqlab.data.tokens.scripts import unspaced_length
from seqlab.data.tokens.token_file import Tokens, tokens_in_file, tokens_in_memory
from seqlab.data.tokens.token_source import FileTokens, TokenSource
from seqlab.data.tokens.vocabulary import UNKNOWN, Vocabulary
from seqlab.system.errors import UserError
from seqlab.system.text_files import read_text

logger = logging.getLogger(__name__)

LETTERS = "letters"
"""Where a checkpoint keeps which letters `joined` has kept; earlier versions have no such place."""

_FEW_STEPS, _FEW_ROWS = 8, 8
"""What a short text is cut into: steps a window at least, windows a batch."""

_LOOKED_AT = 10_000
"""Tokens among which a prefix is looked for."""

MAPPED_FROM = 1 << 24
"""Bytes of a text from which its tokens are kept in a file and mapped, not held in memory."""


class TextData(SequenceData):
    """Token windows of a UTF-8 text file, in order: training, validation, test.

    The held-out parts are cut off the end of the text before any window is, so none reaches
    across. The vocabulary is that of the whole text, as in the chapter.

    Args:
        path: the file.
        level: `char` or `word`.
        preprocessing: `raw`, `joined` or `chapter` (or `A_TO_Z`, for runs of earlier versions); see
            `seqlab.data.tokens.encoding`.
        min_frequency: rarer tokens become `<unk>`.
        max_tokens: train on the first so many tokens only; `None`: on all that are not held out.
        val_fraction: share of the text that validates.
        test_fraction: share of the text that tests, its very end.
        sampling: `sequential` hands out windows that continue each other, `random` shuffles them.
        carry_state: with sequential sampling, whether the recurrent state is carried from a window
            to the next; it starts at zero otherwise, and with random sampling in any case.
        num_steps: tokens a window.
        batch_size: windows a batch.
        seed: of the batch order.
    """

    sample_prefixes: tuple[str, ...] = ()
    """Where generated samples start; none: the first two words of the held-out or training text."""

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        level: str = "char",
        preprocessing: str = "raw",
        min_frequency: int = 0,
        max_tokens: int | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.0,
        sampling: str = "sequential",
        carry_state: bool = True,
        num_steps: int = 35,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if val_fraction + test_fraction >= 1:
            raise UserError(
                f"data.val_fraction={val_fraction} and data.test_fraction={test_fraction} leave "
                "nothing to train on",
                "Together they have to stay below 1.",
            )
        self.path = None if path is None else Path(path)
        self.level = level
        self.preprocessing = preprocessing
        self.min_frequency = min_frequency
        self.max_tokens = max_tokens
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.sampling = sampling
        self.carried = carry_state and sampling == "sequential"
        self.num_steps = num_steps
        self.batch_size = batch_size
        self.seed = seed
        self.vocabulary: Vocabulary | None = None
        self._prefixes = list(self.sample_prefixes)
        self._text_digest = ""
        self._num_tokens = 0
        self._large: Tokens | None = None

    def read(self) -> str:
        """Return the whole text.

        Raises:
            UserError: no file was named, or it cannot be used.
        """
        if self.path is None:
            raise UserError("data.path is not set", "Name a text file: data.path=FILE.")
        return read_text(self.path)

    def setup(self, stage: str | None = None) -> None:
        """Read the text, make the vocabulary and split the tokens.

        Raises:
            UserError: the text cannot be read, or is too short for the windows asked for.
        """
        if self.parts:
            return
        how = self.level, self.preprocessing, self.min_frequency
        file = self._large_file()
        tokens = tokens_in_file(file, *how) if file else tokens_in_memory(self._text(), *how)
        if (count := len(tokens.indices)) < 2:
            raw = self.preprocessing == "raw"
            others = ["data.level=char"] * (self.level == "word")
            others += ["data.preprocessing=raw"] * (not raw)
            raise UserError(
                f"the text has {count} token{'' if count == 1 else 's'}"
                f"{'' if raw else ' after preprocessing'}",
                f"{', or '.join(['Use a longer text', *others])}.",
            )
        if self.vocabulary is not None:
            self._check_same(self._text_digest, tokens.text_sha256)
        else:
            self._check_tokens(tokens.vocabulary)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            self._split(torch.from_numpy(tokens.indices))
        self.vocabulary = tokens.vocabulary
        self._text_digest = tokens.text_sha256
        self._num_tokens = len(tokens.indices)
        self._large = None if tokens.descriptor is None else tokens

    def _check_tokens(self, vocabulary: Vocabulary) -> None:
        if len(vocabulary) == 1:
            raise UserError(
                f"data.min_frequency={self.min_frequency} leaves no token but {UNKNOWN}",
                "Use a smaller one.",
            )
        length = unspaced_length(vocabulary.tokens) if self.level == "word" else None
        if length is not None:
            logger.warning(
                "data.level=word: this text has no spaces between its words, so that a token is a "
                "whole phrase, %.0f characters on average; with data.level=char, a token is one",
                length,
            )

    def _text(self) -> str:
        text = self.read()
        if not isinstance(text, str):
            raise UserError(
                f"{type(self).__name__}.read returns a {type(text).__name__}",
                "Return the whole text, a str.",
            )
        return text

    def _large_file(self) -> Path | None:
        """Return the file whose tokens are to be mapped; none: what `read` returns is tokenized."""
        # A subclass that makes its text itself is asked for it.
        if self.path is None or type(self).read is not TextData.read or not self.path.is_file():
            return None
        return self.path if self.path.stat().st_size >= MAPPED_FROM else None

    def _split(self, tokens: Tensor) -> None:
        total = len(tokens)
        num_test = int(total * self.test_fraction)
        num_val = int(total * self.val_fraction)
        end = total - num_val - num_test
        train = tokens[: end if self.max_tokens is None else min(self.max_tokens, end)]
        self._check_length(len(train))
        parts = {
            "train": train,
            "val": tokens[end : end + num_val],
            "test": tokens[end + num_val :],
        }
        self.parts = {name: part for name, part in parts.items() if len(part) > 1}

    def _check_length(self, num_train: int) -> None:
        finer = ", or data.level=char" if self.level == "word" else ""
        if 2 * self.num_steps > num_train:
            rows = self.batch_size
            if num_train < _FEW_STEPS * (rows + 1):
                rows = max(min(rows, _FEW_ROWS, num_train - 1), 1)
            fewer = "" if rows == self.batch_size else f" and data.batch_size={rows}"
            raise UserError(
                f"data.num_steps={self.num_steps} is too long for {num_train} training tokens",
                f"Use data.num_steps={max(num_train // (rows + 1), 1)}{fewer} or less, or a longer "
                f"text{finer}.",
            )
        # A window needs one token more than its steps, and up to num_steps - 1 are skipped.
        windows = (num_train - self.num_steps) // self.num_steps
        if self.batch_size > windows:
            raise UserError(
                f"data.batch_size={self.batch_size} is more than the {windows} windows of "
                f"data.num_steps={self.num_steps} in {num_train} training tokens",
                f"Use data.batch_size={max(windows, 1)} or less, fewer steps, or a longer "
                f"text{finer}.",
            )

    def describe(self) -> dict[str, int]:
        """Return what a network has to know: `vocabulary_size`."""
        assert self.vocabulary is not None, "setup() or load_state_dict() comes first"
        return {"vocabulary_size": len(self.vocabulary)}

    def summary(self) -> str:
        """Return one line about the data, for people."""
        assert self.vocabulary is not None
        unit = "characters" if self.level == "char" else "words"
        shares = ", ".join(f"{len(part):,} {PURPOSES[name]}" for name, part in self.parts.items())
        return f"{self._num_tokens:,} {unit}, vocabulary of {len(self.vocabulary):,}: {shares}"

    def prefixes(self) -> list[str]:
        """Return the texts that generated samples start from."""
        assert self.vocabulary is not None
        known = [each for each in self._prefixes if not self.vocabulary.missing(each)]
        part = self.parts.get("val", self.parts.get("train", torch.empty(0)))
        return known or [self.vocabulary.beginning(map(int, part[:_LOOKED_AT]))]

    def loader(self, part: str, *, training: bool = False) -> BatchLoader[TokenBatch]:
        """Return the batches of a part.

        Training draws offsets and order anew every epoch; otherwise every token but the first is
        predicted exactly once.
        """
        tokens = self._source(part)
        size = (self.batch_size, self.num_steps)
        if not training:
            return EvaluationLoader(tokens, *size, carried=self.carried)
        if self.sampling == "random":
            return RandomLoader(tokens, *size, self.seed)
        return SequentialLoader(tokens, *size, self.seed, carried=self.carried)

    def _source(self, part: str) -> TokenSource:
        if self._large is None:
            return TokenSource(self.on_device(part))
        return FileTokens(self.parts[part], self._large, self.device)

    def digest(self) -> str:
        """Return a checksum of the data that were prepared, without reading mapped tokens."""
        if self._large is None:
            return super().digest()
        assert self.vocabulary is not None
        lengths = {name: len(part) for name, part in self.parts.items()}
        content = json.dumps([self._text_digest, self.vocabulary.to_plain(), lengths])
        return hashlib.sha256(content.encode()).hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of the data, the vocabulary among it, in plain values."""
        assert self.vocabulary is not None
        return super().state_dict() | {
            "vocabulary": self.vocabulary.to_plain(),
            "text_sha256": self._text_digest,
            "prefixes": self.prefixes(),
            LETTERS: A_TO_Z if self.preprocessing == A_TO_Z else "of every script",
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the vocabulary of a checkpoint, so that no corpus is needed to generate.

        Raises:
            UserError: the text was read already, and is another one.
        """
        super().load_state_dict(state_dict)
        if self.parts:
            self.check_same(state_dict)
        self.vocabulary = Vocabulary.from_plain(state_dict["vocabulary"])
        self._text_digest = state_dict["text_sha256"]
        self._prefixes = list(state_dict["prefixes"])

    def check_same(self, state_dict: dict[str, Any]) -> None:
        """Raise `UserError` where the text that was read is not that of a checkpoint."""
        self._check_same(state_dict["text_sha256"], self._text_digest)

    def _check_same(self, trained_on: str, digest: str) -> None:
        if trained_on != digest:
            where = f" in {self.path}" if self.path else ""
            raise UserError(
                f"the text{where} is not the one that this run was trained on",
                "Bring the original file back, or name it: data.path=FILE to resume, "
                "--data-path FILE to evaluate.",
            )
