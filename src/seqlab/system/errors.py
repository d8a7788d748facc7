"""What a person got wrong, and how the message reaches them."""

import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqlab.system.masking import masked
from seqlab.system.terminal import fitted, say, styled

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class UserError(ValueError):
    """A mistake that a person can correct: what was wrong, where, and what to do instead.

    Args:
        message: what was wrong, naming the key, file or option.
        hint: what to type or do instead.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str]]:
        return type(self), (str(self), self.hint)


class NonFiniteError(ArithmeticError):
    """A loss, gradient or weight of a run became NaN or infinite.

    Args:
        message: what, at which step.
        hint: the likely causes, and the way on.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[type["NonFiniteError"], tuple[str, str]]:
        return type(self), (str(self), self.hint)


def tracebacks_wanted() -> bool:
    """Whether the person asked for tracebacks with SEQLAB_TRACEBACK=1."""
    return os.environ.get("SEQLAB_TRACEBACK", "0") not in ("", "0")


_listeners: list[list[BaseException]] = []


@contextmanager
def reported() -> Iterator[list[BaseException]]:
    """Yield a list that every error joins that is printed meanwhile."""
    errors: list[BaseException] = []
    _listeners.append(errors)
    try:
        yield errors
    finally:
        _listeners.remove(errors)


def described(error: BaseException | None) -> dict[str, str] | None:
    """Return an error as its `type`, `message` and `hint`, the way result.json holds it."""
    if error is None:
        return None
    return {
        "type": type(error).__name__,
        "message": str(error),
        "hint": getattr(error, "hint", "") or f"{raised_in(error)}run.log has the traceback.",
    }


def print_error(error: BaseException) -> None:
    """Print one clear message to standard error, and the traceback only where it was asked for."""
    for errors in _listeners:
        errors.append(error)
    if tracebacks_wanted():
        say(masked("".join(traceback.format_exception(error)).rstrip()), error=True)
    first, *rest = masked(format_error(error)).split("\n")
    first = styled("error:", "bad") + first.removeprefix("error:")
    say("\n".join(fitted(line, stream=sys.stderr) for line in (first, *rest)), error=True)


_LIBRARIES = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
_PACKAGE = Path(__file__).resolve().parents[1]
_EXTENDED = tuple(str(_PACKAGE / room) for room in ("data", "models", "callbacks", "loggers"))


def raised_in(error: BaseException) -> str:
    """Return where the person's own code raised an error, a sentence and a space; else nothing.

    A person's own code is what lies outside the libraries and outside seqlab, except in those of
    its folders that are there to be added to.
    """
    found = ""
    for frame in traceback.extract_tb(error.__traceback__):
        name = frame.filename
        if name.startswith((*_LIBRARIES, "<")) or not Path(name).is_absolute():
            continue
        if not name.startswith(str(_PACKAGE)) or name.startswith(_EXTENDED):
            found = f"Raised in {name}, line {frame.lineno}, in {frame.name}. "
    return found


def traceback_hint(error: BaseException) -> str:
    """Return the remedy for an error of code that is not seqlab's: where it was raised."""
    return f"{raised_in(error)}SEQLAB_TRACEBACK=1 shows the traceback."


# What OmegaConf and others put before the message of an error that they pass on.
_PASSED_ON = re.compile(r"^[\w.]*(Error|Exception)( raised while resolving interpolation)?: ")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    return (_PASSED_ON.sub("", str(error)).splitlines() or [type(error).__name__])[0]


def one_line(error: BaseException, most: int = 400) -> str:
    """Return the whole message on one line, for errors that give their reason further down."""
    return " ".join(_PASSED_ON.sub("", str(error)).split())[:most] or type(error).__name__


def format_error(error: BaseException) -> str:
    """Return `error: what` with the remedy, or else the place, on the next line, in plain text."""
    if isinstance(error, UserError | NonFiniteError):
        text = f"error: {error}"
        return f"{text}\n  {error.hint}" if error.hint else text
    text = f"error: {type(error).__name__}: {error}"
    place = raised_in(error).strip()
    return f"{text}\n  {place}" if place else text
