"""Text files that a person names: opened and read, or refused with the reason."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from seqlab.system.encodings import SAMPLE, damaged_utf8, readings, wide_encoding
from seqlab.system.errors import UserError
from seqlab.system.terminal import as_word

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


def _beginning(path: Path, place: int = 0) -> tuple[bytes, int]:
    """Return a piece of a file, and where in it a place of the file is."""
    with opened(path) as file:
        begin = max(0, place - SAMPLE // 2)
        file.seek(begin)
        return file.read(SAMPLE), place - begin


def _binary(path: Path) -> UserError:
    name = wide_encoding(_beginning(path)[0])
    if name is None:
        return UserError(f"data.path={path} is a binary file", "Name a text file in UTF-8.")
    return UserError(
        f"data.path={path} is not UTF-8 but {name}", f"Convert it: {_iconv(name, path)}"
    )


def _not_utf8(path: Path, place: int, byte: int) -> UserError:
    message = f"data.path={path} is not UTF-8: byte {place} is 0x{byte:02x}"
    data, place = _beginning(path, place)
    if place == 0 and (name := wide_encoding(data[:4])):
        return UserError(
            f"data.path={path} is not UTF-8 but {name}", f"Convert it: {_iconv(name, path)}"
        )
    if damaged_utf8(data):
        repair = f"iconv -c -f UTF-8 -t UTF-8 {as_word(path)} > repaired.txt"
        return UserError(
            message, f"The rest is UTF-8: it is damaged there. {repair} leaves out what is no text."
        )
    found = readings(data, place)
    if not found:
        return UserError(message, "Save it as UTF-8 in the program that it was written with.")
    width = max(len(name) for name, _ in found)
    lines = [f"    {name:<{width}}  {line}" for name, line in found]
    head = "Convert it from the encoding that it reads well in:"
    return UserError(
        message, "\n".join([head, *lines, f"  For example: {_iconv(found[0][0], path)}"])
    )


def _iconv(name: str, path: Path) -> str:
    return f"iconv -f {name} -t UTF-8 {as_word(path)} > converted.txt"
