"""The console, without which a run goes on: closed, full, missing, or short of a character."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from seqlab.system.errors import EXIT_DONE, EXIT_FAILED, UserError, print_error


class OutputLost(BaseException):
    """What a command is for could not be printed; what catches errors lets it through."""


class _Stream:
    """A standard stream that escapes what it cannot show, and loses what it cannot write.

    Args:
        stream: the stream itself; `None`: there is none.

    Attributes:
        needed: whether it raises `OutputLost` instead.
    """

    def __init__(self, stream: Any) -> None:
        self.needed = False
        self._stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        self._is_own = stream is None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, as far as that is possible."""
        try:
            self._tried(self._stream.write, text)
        except UnicodeEncodeError as error:
            shown = text.encode(error.encoding, "backslashreplace").decode(error.encoding)
            self._tried(self._stream.write, shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what was written."""
        self._tried(self._stream.flush)

    def isatty(self) -> bool:
        """Return whether it is a terminal that is open."""
        try:
            return bool(self._stream.isatty())
        except (AttributeError, OSError, ValueError):
            return False

    def close(self) -> None:
        """Leave the stream as the interpreter can close it at its own end, without an error."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            with suppress(AttributeError, OSError, ValueError):
                _lead_nowhere(self._stream.fileno())
        if self._is_own:
            self._stream.close()

    def _tried(self, call: Callable[..., Any], *arguments: Any) -> None:
        try:
            call(*arguments)
        except UnicodeEncodeError:
            raise
        except (OSError, ValueError) as error:  # ValueError: it was closed
            if self.needed:
                raise OutputLost from error


@contextmanager
def console() -> Iterator[None]:
    """Let whatever is printed go to streams that never fail, in this process and those it starts.

    An output that was closed before the program began leads nowhere: the next file that is opened
    would take its number, and what others print.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            _lead_nowhere(descriptor)
    before = sys.stdout, sys.stderr
    own = _Stream(sys.stdout), _Stream(sys.stderr)
    sys.stdout, sys.stderr = own
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for each in own:
            each.close()


def need_output() -> None:
    """From here on what the command prints is what it is for."""
    if isinstance(sys.stdout, _Stream):
        sys.stdout.needed = True


def on_the_console(command: Callable[[], int]) -> int:
    """Run a command and return its exit code: on a console that it may need, or can do without.

    A pipe whose reader has seen enough ends a command quietly that needs its output.
    """
    with console():
        try:
            try:
                return command()
            finally:
                sys.stdout.flush()
        except OutputLost as lost:
            cause = lost.__cause__
            if isinstance(cause, BrokenPipeError):
                return EXIT_DONE
            reason = cause.strerror if isinstance(cause, OSError) else cause
            print_error(UserError(f"the output could not be written: {reason}"))
            return EXIT_FAILED


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere == descriptor:
        os.set_inheritable(descriptor, True)
    else:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
