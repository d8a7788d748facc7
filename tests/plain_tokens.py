"""The tokens of a text, found the plain way: what the encoders must find block by block."""

import re
import unicodedata


def tokenize(text: str, level: str, preprocessing: str) -> list[str]:
    """Return the tokens of a text; see `seqlab.data.tokens.encoding` for the arguments."""
    if preprocessing == "raw":
        return list(text) if level == "char" else text.split()
    if preprocessing in ("joined", "joined_a_to_z"):
        clean = _letters(text) if preprocessing == "joined" else _a_to_z(text)
        return list(clean) if level == "char" else clean.split()
    lines = (_a_to_z(line).strip() for line in text.splitlines())
    if level == "char":
        return list("".join(lines))
    return [word for line in lines for word in line.split()]


def _a_to_z(text: str) -> str:
    return re.sub("[^A-Za-z]+", " ", text).lower()


def _letters(text: str) -> str:
    found = [""]
    for character in text:
        if character.isalpha() or (is_mark(character) and found[-1].strip()):
            found.append(character)
        elif found[-1] != " ":
            found.append(" ")
    letters = re.sub(r"(?<=\S)Σ(?!\S)", "ς", "".join(found))
    return "".join(character.lower() for character in letters)


def is_mark(character: str) -> bool:
    """Return whether a character belongs to the letter before it."""
    return unicodedata.category(character).startswith("M") or character in "\u200c\u200d"
