"""In which encoding a text may be that is not UTF-8: as it reads in each that is likely."""

import codecs
import unicodedata

# Each with letters that are frequent in what is written in it, to tell likely from possible.
_FREQUENT = {
    "CP1252": "éèàêçüöäßñóáíúãõåøæ’“”–—«»",
    "CP1250": "ěščřžýáíéůąęłńśżőűțșăâî",
    "CP1251": "оеаинтсрвлкмд",
    "KOI8-R": "оеаинтсрвлкмд",
    "CP866": "оеаинтсрвлкмд",
    "CP1253": "αοιετσνηυρπκμλςίάόέή",
    "CP1254": "ıışşğğüçöİ",
    "CP1255": "יוהלאתרבשמנ",
    "CP1256": "اليمونرتبةعدسف",
    "TIS-620": "านรอกเงมยลวดทสตะปบคหแจพชขใไโ่้ิีัาำุู",
    "SHIFT-JIS": "のにはをたがでてとしれさ",
    "EUC-JP": "のにはをたがでてとしれさ",
    "GB18030": "的一是不了人我在有他这中大来上国",
    "BIG5": "的一是不了人我在有他這中大來上國",
    "EUC-KR": "이다는을에의가고를은하지",
}
SAMPLE = 1 << 16
"""Bytes of a file that are looked at."""
_MOST_READINGS = 3
_LINE = 60
_WORTH = 0.5


def readings(data: bytes, place: int) -> list[tuple[str, str]]:
    """Return the likely encodings of a text, the likeliest first, each with a line as it reads.

    Args:
        data: the beginning of a text, or a part of it.
        place: where in it something is that is not ASCII; the line is of there.

    Returns:
        `(name, line)`, the name as iconv knows it; empty where no encoding that is known fits.
    """
    begin = max(data.rfind(b"\n", 0, place) + 1, place - SAMPLE // 2)
    found = []
    for name, frequent in _FREQUENT.items():
        text = _decoded(data[begin:], name)
        if text is None:
            continue
        line = " ".join(text.split("\n", 1)[0].split())
        at = len(_decoded(data[begin:place], name) or "")
        start = max(0, min(at - _LINE // 3, len(line) - _LINE))
        found.append((_likelihood(text, frequent), name, line[start : start + _LINE].strip()))
    found.sort(key=lambda each: -each[0])
    likely = [each for each in found if each[0] >= _WORTH * found[0][0]] if found else []
    different = {line: name for _, name, line in reversed(likely)}
    return [(name, line) for line, name in reversed(different.items())][:_MOST_READINGS]


def damaged_utf8(data: bytes) -> bool:
    """Return whether a text is UTF-8 for the most part: something in it was cut or overwritten."""
    text = data.decode("utf-8", "replace")
    return sum(character > "\x7f" for character in text) > 2 * text.count("\ufffd")


def wide_encoding(data: bytes) -> str | None:
    """Return the name of UTF-16 or UTF-32 where a file is in one of them, as iconv knows it."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    size = "UTF-32" if 2 * data.count(0) > len(data) else "UTF-16"
    name = size + ("LE" if data[1::2].count(0) > data[::2].count(0) else "BE")
    if size == "UTF-32":
        name = size + ("LE" if data[3::4].count(0) > data[::4].count(0) else "BE")
    text = _decoded(data, name) or ""
    written = sum(each.isprintable() or each.isspace() for each in text)
    return name if any(map(str.isspace, text)) and written >= 0.98 * len(text) else None


def _decoded(data: bytes, name: str) -> str | None:
    """Return what a text says in an encoding, but for a character cut off at its end."""
    try:
        return codecs.getincrementaldecoder(name)().decode(data)
    except UnicodeDecodeError:
        return None


def _likelihood(text: str, frequent: str) -> float:
    """Return how much a text is like one that somebody wrote, by what in it is not ASCII."""
    score, number = 0.0, 0
    before = " "
    for character in text:
        if character > "\x7f":
            number += 1
            score += 1.0 * (character.lower() in frequent or character in frequent)
            score += 0.3 * character.isalpha()
            # Capitals within words, signs within them, and what no one types.
            if (character.isupper() and before.islower()) or unicodedata.category(character) in (
                *("Cc", "Cn", "Co", "So"),
            ):
                score -= 1.0
        before = character
    return score / number if number else 0.0
