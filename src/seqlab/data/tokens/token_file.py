"""The tokens of a large text in a file of their own: written once, mapped into memory by each run.

A token file holds the token indices, then a JSON object that says what they are (settings, number
and type of the tokens, vocabulary, SHA-256 of the text), then that object's length, its CRC-32 and
a mark. It lies in the data folder, and its name follows from all that decides what is in it.
"""

import hashlib
import json
import logging
import math
import mmap
import os
import struct
import sys
import tempfile
import time
import weakref
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seqlab.data.tokens.encoding import CharacterEncoder, Encoder, Numbers
from seqlab.data.tokens.scripts import check_kept, most_beyond_ascii
from seqlab.data.tokens.vocabulary import Vocabulary
from seqlab.data.tokens.word_encoding import WordEncoder
from seqlab.system.cache import data_folder, not_own, own_folder, user_cache
from seqlab.system.errors import UserError
from seqlab.system.files import replacing
from seqlab.system.locks import lock
from seqlab.system.text_files import read_text, text_blocks

logger = logging.getLogger(__name__)

_FORMAT = 1
_FORMAT_OF_JOINED = 2  # the letters of every script; they were those from A to Z before
_MARK = b"seqlabtk"
_TRAILER = struct.Struct("<QI8s")


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text.

    Attributes:
        indices: `(N,)`; int64 in memory, or the mapped token file's smallest type that holds them.
        vocabulary: what they are indices of.
        text_sha256: of the text in UTF-8.
        descriptor: of the token file, where there is one; closed when this is no longer used.
    """

    indices: Numbers
    vocabulary: Vocabulary
    text_sha256: str
    descriptor: int | None = None


def tokens_in_memory(text: str, level: str, preprocessing: str, min_frequency: int) -> Tokens:
    """Return the tokens of a text.

    Args:
        text: the whole text.
        level: `char` or `word`.
        preprocessing: `raw`, `joined`, `chapter` or `A_TO_Z`; see `seqlab.data.tokens.encoding`.
        min_frequency: rarer tokens become `<unk>`.

    Raises:
        UserError: `chapter` would lose most of its letters.
    """
    encoder, digest = _encoder(level, preprocessing), _Witness(preprocessing)
    size = encoder.block_bytes
    blocks = (text[start : start + size].encode() for start in range(0, len(text), size))
    numbers = list(_numbers(blocks, encoder, digest))
    digest.check(encoder, [text])
    vocabulary = _vocabulary(encoder, level, preprocessing, min_frequency)
    indices = encoder.indices(vocabulary).astype(np.int64).take(np.concatenate(numbers))
    return Tokens(indices, vocabulary, digest.hexdigest())


def tokens_in_file(path: Path, level: str, preprocessing: str, min_frequency: int) -> Tokens:
    """Return the tokens of a text file, mapped; tokenized the first time that they are asked for.

    Where others may write into the folders that they are kept in, they are held in memory.

    The arguments are those of `tokens_in_memory`, but for the path of the text.

    Raises:
        UserError: the text cannot be used, or the data folder cannot hold its tokens.
    """
    settings = {
        "format": _FORMAT_OF_JOINED if preprocessing == "joined" else _FORMAT,
        "byte_order": sys.byteorder,
        "text": str(path.resolve()),
        **_state(path),
        "level": level,
        "preprocessing": preprocessing,
        "min_frequency": min_frequency,
    }
    name = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]
    folder = _own_folder()
    if folder is None:
        return tokens_in_memory(read_text(path), level, preprocessing, min_frequency)
    file = folder / f"{name}.tokens"
    try:
        if reason := not_own(file, 0):
            logger.warning("%s: the text is tokenized anew", reason)
            file.unlink()
        if found := _mapped(file, settings):
            return found
        with _alone(file):
            found = _mapped(file, settings)  # another process may have made it meanwhile
            if found is None:
                _make(file, path, settings)
                found = _mapped(file, settings)
    except OSError as error:
        raise UserError(
            f"the tokens of data.path={path} cannot be kept in {file.parent}: "
            f"{error.strerror or error}",
            "Name a folder that can be written to, with room for twice the size of the text: "
            "SEQLAB_DATA=FOLDER.",
        ) from error
    assert found is not None, f"{file} was written and is not readable"
    return found


def _own_folder() -> Path | None:
    """Return where token files are kept and read; `None` where others may write wherever it is."""
    for place in dict.fromkeys([data_folder(), user_cache()]):
        folder = place / "tokens"
        if not (reason := not_own(folder, 1)):
            return folder
        logger.warning("%s: no tokens are read from there", reason)
    return None


def _encoder(level: str, preprocessing: str) -> Encoder:
    return (CharacterEncoder if level == "char" else WordEncoder)(preprocessing)


def _vocabulary(encoder: Encoder, level: str, preprocessing: str, min_frequency: int) -> Vocabulary:
    return Vocabulary.of(
        encoder.counts(), level, lowercase=preprocessing != "raw", min_frequency=min_frequency
    )


class _Witness:
    """What is noted of a text as it passes by: its SHA-256, and whether letters may be lost."""

    def __init__(self, preprocessing: str) -> None:
        self._digest = hashlib.sha256()
        self._loses = preprocessing == "chapter"
        self._beyond = 0

    def update(self, block: bytes) -> None:
        """Note a block."""
        self._digest.update(block)
        if self._loses and not block.isascii():
            self._beyond += most_beyond_ascii(block)

    def hexdigest(self) -> str:
        """Return the SHA-256 of the text."""
        return self._digest.hexdigest()

    def check(self, encoder: Encoder, text: Iterable[str]) -> None:
        """Raise `UserError` where most letters were lost."""
        if self._beyond:
            check_kept(encoder.counts(), self._beyond, text)


def _numbers(blocks: Iterable[bytes], encoder: Encoder, digest: _Witness) -> Iterator[Numbers]:
    with ThreadPoolExecutor(1) as beside:
        for block in blocks:
            hashed = beside.submit(digest.update, block)
            yield encoder.feed(block)
            hashed.result()
    yield encoder.finish()


def _state(path: Path) -> dict[str, int]:
    """Return what changes with the content of a file."""
    found = path.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}


def _make(file: Path, path: Path, settings: dict[str, Any]) -> None:
    """Tokenise a text into a file."""
    for left in file.parent.glob(f".{file.name}.*"):  # by processes that were killed
        left.unlink(missing_ok=True)
    size, begin = settings["size"] / 1e6, time.perf_counter()
    logger.info("tokenizing %s, %.0f MB, into %s", path, size, file)
    level, preprocessing = settings["level"], settings["preprocessing"]
    encoder, digest = _encoder(level, preprocessing), _Witness(preprocessing)
    with tempfile.TemporaryFile(dir=file.parent) as scratch, replacing(file) as partial:
        pieces = []
        for numbers in _numbers(text_blocks(path, encoder.block_bytes), encoder, digest):
            pieces.append((numbers.dtype, len(numbers)))
            scratch.write(numbers.data)
        if any(settings[name] != value for name, value in _state(path).items()):
            raise UserError(
                f"data.path={path} was changed while it was read",
                "Start again once it is whole.",
            )
        digest.check(encoder, (block.decode() for block in text_blocks(path)))
        vocabulary = _vocabulary(encoder, level, preprocessing, settings["min_frequency"])
        indices = encoder.indices(vocabulary)
        scratch.seek(0)
        with partial.open("wb") as target:
            for dtype, count in pieces:
                target.write(_translated(scratch.read(count * dtype.itemsize), dtype, indices))
            content = settings | {
                "num_tokens": sum(count for _, count in pieces),
                "type": indices.dtype.name,
                "vocabulary": vocabulary.to_plain(),
                "text_sha256": digest.hexdigest(),
            }
            description = json.dumps(content).encode()
            target.write(description)
            target.write(_TRAILER.pack(len(description), zlib.crc32(description), _MARK))
        partial.chmod(0o644)
    seconds = time.perf_counter() - begin
    logger.info(
        "tokenized %s: %s tokens, %.0f MB/s", path, f"{content['num_tokens']:,}", size / seconds
    )


def _translated(numbers: bytes, dtype: np.dtype[Any], indices: Numbers) -> bytes | memoryview:
    """Return the index of each number."""
    if dtype == indices.dtype == np.uint8:
        return numbers.translate(indices[:256].tobytes().ljust(256, b"\0"))
    return indices.take(np.frombuffer(numbers, dtype)).data


def _mapped(file: Path, settings: dict[str, Any]) -> Tokens | None:
    """Return what a token file holds; nothing where it is missing or, with a warning, damaged."""
    with suppress(FileNotFoundError), file.open("rb") as opened:
        content = _description(opened)
        if content is not None and content.items() >= settings.items():
            mapping = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            indices = np.ndarray(content["num_tokens"], content["type"], mapping)
            vocabulary = Vocabulary.from_plain(content["vocabulary"])
            descriptor = os.dup(opened.fileno())
            tokens = Tokens(indices, vocabulary, content["text_sha256"], descriptor)
            weakref.finalize(tokens, os.close, descriptor)
            return tokens
        logger.warning("%s is damaged: the text is tokenized anew", file)
    return None


def _description(opened: BinaryIO) -> dict[str, Any] | None:
    """Return what a token file says of itself; nothing where it is not whole."""
    end = opened.seek(0, os.SEEK_END) - _TRAILER.size
    if end < 0:
        return None
    opened.seek(end)
    length, checksum, mark = _TRAILER.unpack(opened.read())
    if mark != _MARK or length > end:
        return None
    opened.seek(end - length)
    description = opened.read(length)
    if zlib.crc32(description) != checksum:
        return None
    content: dict[str, Any] = json.loads(description)
    whole = content["num_tokens"] * np.dtype(content["type"]).itemsize + length == end
    return content if whole else None


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Wait until no other process makes that file, and keep others waiting."""
    own_folder(file.parent)
    place = file.with_suffix(".lock")
    with place.open("a") as opened:
        if not lock(opened):
            logger.info("another process is tokenizing into %s: waiting for it", file)
            lock(opened, math.inf)
        try:
            yield
        finally:
            place.unlink(missing_ok=True)
