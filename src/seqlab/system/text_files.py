"""Text files that a person names: opened and read, or refused with the reason."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from seqlab.system.errors import UserError

BLOCK = 1 << 20
"""Bytes of a file that are read at a time."""


def opened(path: Path) -> BinaryIO:
    """Return the file that `data.path` names, open for reading.

    Raises:
        UserError: it is missing, or cannot be read.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise UserError(
            f"data.path={path}: there is no such file in {path.absolute().parent}",
            "Name an existing text file.",
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"data.path={path} cannot be read: {reason}", "Name a readable text file."
        ) from error


def read_text(path: Path) -> str:
    """Return the content of a UTF-8 text file.

    Raises:
        UserError: the file is missing, empty, binary, or in another encoding.
    """
    return b"".join(text_blocks(path)).decode()


def text_blocks(path: Path, size: int = BLOCK) -> Iterator[bytes]:
    """Yield what `read_text` returns in pieces, encoded: whole code points, universal newlines.

    Args:
        path: the file.
        size: bytes that are read at a time, about the length of a piece.

    Raises:
        UserError: as `read_text`, once the piece is reached that shows it; a file that is blank
            shows it at its end.
    """
    with opened(path) as file:
        block = file.read(max(size, len(codecs.BOM_UTF8)))
        start = len(codecs.BOM_UTF8) if block.startswith(codecs.BOM_UTF8) else 0
        block, place, blank, last = block[start:], start, True, False
        while not last:
            following = file.read(size)
            last = not following
            if b"\0" in block:
                raise _binary(path)
            try:
                used = _whole(block, last=last)
            except UnicodeDecodeError as error:
                if b"\0" in following or any(b"\0" in more for more in _rest(file)):
                    raise _binary(path) from None
                raise _not_utf8(path, place + error.start, block[error.start]) from None
            whole, block = block[:used], block[used:] + following
            place += used
            blank = blank and not whole.strip()
            if whole:
                yield whole.replace(b"\r\n", b"\n") if b"\r" in whole else whole
    if blank:
        raise UserError(f"data.path={path} is empty", "Name a file with text in it.")


def _whole(block: bytes, *, last: bool) -> int:
    """Return how many bytes at the beginning need none of those that follow the block."""
    used = len(block) if block.isascii() else codecs.utf_8_decode(block, "strict", last)[1]
    if not last and used == len(block) and block.endswith(b"\r"):
        used -= 1
    return used


def _rest(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(BLOCK), b"")


def _binary(path: Path) -> UserError:
    return UserError(
        f"data.path={path} is a binary file, or not UTF-8 but UTF-16 or UTF-32",
        f"Name a text file in UTF-8; iconv -f UTF-16 -t UTF-8 {path.name} converts one.",
    )


def _not_utf8(path: Path, place: int, byte: int) -> UserError:
    return UserError(
        f"data.path={path} is not UTF-8: byte {place} is 0x{byte:02x}",
        f"Convert it, for example: iconv -f ISO-8859-1 -t UTF-8 {path.name} > converted.txt",
    )
