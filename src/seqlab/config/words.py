"""`key=value` words as they were typed: what Hydra's grammar cannot read is taken as a text."""

import difflib
import os
import re
import shlex

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from seqlab.system.errors import UserError

# Words that need no parser to know that it reads them, which for long lists takes seconds.
_PLAIN = re.compile(r"\+{0,2}[A-Za-z_][\w.]*=[\w.+/@%*-]+(,[\w.+/@%*-]+)*", re.ASCII)
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?=\s*([,)\]}]|$))""", re.DOTALL)
_REFERENCE = re.compile(r"\$\{[^}]+\}")
_CALL = re.compile(r"(\w+)\s*\(", re.ASCII)
_EVALUATED = re.compile(r"\w+ while evaluating '.*?': (.*)")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def readable(word: str) -> str:
    """Return a word that Hydra can read: a value that it cannot read becomes a quoted text.

    Of several values, and within lists, dictionaries and functions, each is looked at alone.

    Raises:
        UserError: the word has no value, its key is none, or its value is a broken list,
            dictionary or function.
    """
    parser = OverridesParser.create()
    if _PLAIN.fullmatch(word) or _complaint(word, parser) is None:
        return word
    key, equals, value = word.partition("=")
    if not equals:
        hint = "Write key=value, with quotes where it has spaces: 'data.path=a b.txt'."
        raise UserError(f"{word!r} has no value", hint)
    if _complaint(f"{key}=1", parser) is not None:
        raise UserError(
            f"{word!r} cannot be read: {key!r} is no key",
            "Keys are written in the letters a to z; `python -m train --cfg job` prints every one.",
        )
    taken = f"{key}={_Value(word, parser).read(value)}"
    if (complaint := _complaint(taken, parser)) is not None:
        reason = _EVALUATED.search(complaint)
        raise _broken(word, reason[1] if reason else "a list, dictionary or function is broken")
    return taken


def quoted(text: str) -> str:
    """Return a text in quotes, as Hydra reads it."""
    return str(QuotedString(text, Quote.double).with_quotes())


def at_home(path: str) -> str:
    """Return a path with the person's own folder in place of a `~` that a shell has passed on."""
    return os.path.expanduser(path) if path.startswith("~/") else path  # noqa: PTH111


def _complaint(word: str, parser: OverridesParser) -> str | None:
    try:
        parser.parse_override(word)
    except HydraException as error:
        return str(error)
    return None


def _broken(word: str, what: str) -> UserError:
    key, _, value = word.partition("=")
    return UserError(
        f"{word!r} cannot be read: {what}",
        "A list is [a,b], a dictionary {a: 1}, a function range(1,4). "
        f"A text is put in quotes: {shlex.quote(f'{key}={quoted(value)}')}",
    )


class _Value:
    """Reads a value of which at least one part is a text.

    Args:
        word: that it stands in, for messages.
        parser: Hydra's.
    """

    def __init__(self, word: str, parser: OverridesParser) -> None:
        self._word = word
        self._parser = parser
        self._functions = list(parser.functions.functions)

    def read(self, text: str) -> str:
        """Return values with commas between, each readable."""
        return ",".join(map(self._element, self._parts(text)))

    def _element(self, text: str) -> str:
        text = text.strip()
        if not text:
            raise _broken(self._word, "a value is missing beside a comma")
        if _complaint(f"k={text}", self._parser) is None:
            return text
        if text[0] in "[{":
            end = _end(text, 0)
            if end == len(text):
                read = self._pair if text[0] == "{" else self._element
                return f"{text[0]}{','.join(map(read, self._parts(text[1:-1])))}{text[-1]}"
            if not end or text[-1] == _CLOSING[text[0]]:
                raise _broken(self._word, "its brackets do not match")
        elif call := _CALL.match(text):
            name, begin = call[1], call.end()
            end = _end(text, begin - 1)
            if name in self._functions and not end:
                raise _broken(self._word, f"the bracket after {name} is not closed")
            if name in self._functions and end == len(text):
                arguments = map(self._argument, self._parts(text[begin:-1]))
                return f"{name}({','.join(arguments)})"
            near = difflib.get_close_matches(name, self._functions, n=1, cutoff=0.75)
            if near and end == len(text):
                what = f"there is no function {name}. Did you mean {near[0]}(...)?"
                raise _broken(self._word, what)
        text = at_home(text)
        return text if _complaint(f"k={text}", self._parser) is None else quoted(text)

    def _pair(self, text: str) -> str:
        key, colon, value = text.partition(":")
        return f"{key}:{self._element(value)}" if colon else text

    def _argument(self, text: str) -> str:
        name, equals, value = text.partition("=")
        if equals and name.strip().isidentifier():
            return f"{name}={self._element(value)}"
        return self._element(text)

    def _parts(self, text: str) -> list[str]:
        """Return what lies between commas, but for those within brackets or quotes."""
        parts, begin, place = [], 0, 0
        while place < len(text):
            if text[place] == ",":
                parts.append(text[begin:place])
                begin = place + 1
            first = not text[begin:place].strip()
            place = _end(text, place, first=first) or place + 1
        return [*parts, text[begin:]] if parts or text.strip() else []


def _end(text: str, place: int, *, first: bool = True) -> int:
    """Return where the bracket, quotes or reference end that begin at a place; 0: none do.

    Args:
        text: any.
        place: in it.
        first: whether a value begins here, so that quotes are more than an apostrophe.
    """
    found = (_QUOTED if first else _REFERENCE).match(text, place)
    found = found or _REFERENCE.match(text, place)
    if found:
        return found.end()
    closing = _CLOSING.get(text[place])
    first = True
    if closing is None:
        return 0
    place += 1
    while place < len(text):
        if text[place] == closing:
            return place + 1
        if text[place] in ")]}":
            return 0
        end = _end(text, place, first=first)
        if not end and text[place] in _CLOSING:
            return 0
        first = text[place] in ",:=" or (first and text[place].isspace())
        place = end or place + 1
    return 0
