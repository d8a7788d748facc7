"""`python -m seqlab completion SHELL`: the script that completes commands, and what it asks."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from seqlab.commands.candidates import GOES_ON, Candidates, for_seqlab, for_train
from seqlab.commands.main import build_parser
from seqlab.system.terminal import harmless, pour

SHELLS = ("bash", "zsh", "fish")
_SPECIAL = re.compile(r"([\s\"'$&;()|<>\\`])")


def complete(shell: str, line: list[str]) -> int:
    """Print a shell's script, or the candidates for the last word of a command line.

    Args:
        shell: one of `SHELLS`.
        line: nothing: the script is wanted. bash: the line up to the cursor, and the characters
            that divide its words. The others: the words up to the cursor.
    """
    if not line:
        pour(Path(__file__).with_name("shells").joinpath(f"seqlab.{shell}").read_text("utf-8"))
        return 0
    with suppress(Exception):  # a file that cannot be read, say: the command itself will tell
        pour("".join(f"{each}\n" for each in _answers(shell, line)))
    return 0


def _answers(shell: str, line: list[str]) -> Iterator[str]:
    quote = divided = ""
    words = line
    if shell == "bash":
        words, raw, quote = split(line[0])
        divided = line[1] if len(line) > 1 else ""
    *before, word = words
    for text, meaning in _candidates(_own(before), word):
        if not text.startswith(word):
            continue
        about = harmless(" ".join(meaning.split()))
        if shell == "bash":
            # Of a word that it divides, bash replaces the last piece only.
            kept = 0 if quote else 1 + max((raw.rfind(each) for each in divided), default=-1)
            yield text if quote else _SPECIAL.sub(r"\\\1", text)[kept:]
        elif shell == "zsh":
            sign = "+" if text.endswith(GOES_ON) else "-"
            escaped = text.replace("\\", "\\\\").replace(":", "\\:")
            yield f"{sign}{escaped}" + (f":{about}" if about else "")
        else:
            yield f"{text}\t{about}"


def _candidates(words: list[str] | None, word: str) -> Candidates:
    if words is None:
        return []
    if words[:1] == ["train"]:
        return for_train(words[1:], word)
    return for_seqlab(build_parser(), words, word)


def _own(words: list[str]) -> list[str] | None:
    """Return the words behind `seqlab`; those behind `python -m train` with its name first."""
    if words and Path(words[0]).stem == "seqlab":
        return words[1:]
    with suppress(ValueError, IndexError):
        place = words.index("-m") + 1
        return {"train": words[place:], "seqlab": words[place + 1 :]}.get(words[place])
    return None


def split(line: str) -> tuple[list[str], str, str]:
    """Return the words of a command line as a shell reads them, the last one maybe unfinished.

    Returns:
        The words; the last one as it was typed; the quote in it that is still open, if one is.
    """
    words, word, raw, quote = [], "", "", ""
    places = iter(line)
    for character in places:
        raw += character
        if character == "\\" and quote != "'":
            following = next(places, "")
            raw, word = raw + following, word + following
        elif quote or character in "'\"":
            quote, word = {
                quote: ("", word) if character == quote else (quote, word + character),
                "": (character, word),
            }[quote]
        elif character.isspace():
            words += [word] if len(raw) > 1 else []
            word = raw = ""
        else:
            word += character
    return [*words, word], raw, quote
