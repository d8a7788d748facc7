"""The tokens of a text, found the plain way: what the encoders must find block by block."""

import re


def tokenize(text: str, level: str, preprocessing: str) -> list[str]:
    """Return the tokens of a text; see `seqlab.data.tokens.encoding` for the arguments."""
    if preprocessing == "raw":
        return list(text) if level == "char" else text.split()
    if preprocessing == "joined":
        clean = _letters(text)
        return list(clean) if level == "char" else clean.split()
    lines = (_letters(line).strip() for line in text.splitlines())
    if level == "char":
        return list("".join(lines))
    return [word for line in lines for word in line.split()]


def _letters(text: str) -> str:
    return re.sub("[^A-Za-z]+", " ", text).lower()
