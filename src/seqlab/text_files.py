"""Text files that a person names: opened and read, or refused with the reason."""

import codecs
from pathlib import Path
from typing import BinaryIO

from seqlab.errors import UserError


def opened(path: Path) -> BinaryIO:
    """Return the file that `data.path` names, open for reading.

    Raises:
        UserError: it is missing, or cannot be read.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise UserError(
            f"data.path={path}: there is no such file", "Name an existing text file."
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
    with opened(path) as file:
        raw = file.read()
    if not raw.removeprefix(codecs.BOM_UTF8).strip():
        raise UserError(f"data.path={path} is empty", "Name a file with text in it.")
    if b"\0" in raw:
        raise UserError(
            f"data.path={path} is a binary file, or not UTF-8 but UTF-16 or UTF-32",
            f"Name a text file in UTF-8; iconv -f UTF-16 -t UTF-8 {path.name} converts one.",
        )
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UserError(
            f"data.path={path} is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}",
            f"Convert it, for example: iconv -f ISO-8859-1 -t UTF-8 {path.name} > converted.txt",
        ) from None
