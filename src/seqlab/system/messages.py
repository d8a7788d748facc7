"""What a run says: short on the console, in full in run.log, its warnings collected."""

import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from seqlab.system.masking import masked
from seqlab.system.terminal import (
    fitted,
    harmless,
    is_terminal,
    length,
    shown,
    styled,
    width,
)

# A kill would leave the lock behind that bars share between processes, and a signal that strikes
# while tqdm makes it would end in an error of tqdm's.
tqdm.set_lock(threading.RLock())

# True, and of no use to the person who runs an experiment.
_NOISE = (
    ".*does not have many workers.*",
    ".*LeafSpec.*is deprecated.*",
    ".*The number of training batches.*",
    ".*your dataloader is not resumable.*",  # it is, through the data module
    ".*recommended to use `self.log.*sync_dist=True.*",  # what is logged is that of all devices
)


class _Console(logging.Handler):
    """Prints to standard error without tearing the progress bar apart.

    A record may have an attribute `forms`: a terminal gets the first of them that has room on one
    line. A record without any form is for the file alone.
    """

    def emit(self, record: logging.LogRecord) -> None:
        forms = getattr(record, "forms", [record.getMessage()])
        if not forms:
            return
        text = record.getMessage()
        if is_terminal(sys.stderr):
            columns = width(sys.stderr)
            text = next((each for each in forms if length(each) <= columns), forms[-1])
        text = masked(text)
        if record.levelno >= logging.WARNING:
            text = f"{styled('warning:', 'caution')} {text}"
        if "\n" not in text:
            text = fitted(text, stream=sys.stderr)
        tqdm.write(shown(text, sys.stderr), file=sys.stderr)


class _Collector(logging.Handler):
    """Keeps the text of each warning once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = masked(record.getMessage())
        if text not in self.texts:
            self.texts.append(text)


class _LogFile(logging.FileHandler):
    """Goes without what a full disk has no room for; the run itself says that it is full."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, logging's own name
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence what libraries say that is true, and of no use to the person."""
    names = ("lightning", "lightning.pytorch", "lightning.fabric")
    libraries = [logging.getLogger(name) for name in names]
    before = [(library, library.level, list(library.handlers)) for library in libraries]
    for library in libraries:
        library.handlers.clear()
        library.setLevel(logging.WARNING)
        library.propagate = True
    hook, threading.excepthook = threading.excepthook, _told_elsewhere(threading.excepthook)
    try:
        with warnings.catch_warnings():
            for pattern in _NOISE:
                warnings.filterwarnings("ignore", pattern)
            yield
    finally:
        threading.excepthook = hook
        for library, level, handlers in before:
            library.setLevel(level)
            library.handlers[:] = handlers


def _told_elsewhere(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a hook without what TensorBoard's thread says of a file: its caller raises it too."""

    def told(failed: Any) -> None:
        name = type(failed.thread).__name__
        if name != "_AsyncWriterThread" or not isinstance(failed.exc_value, OSError):
            hook(failed)

    return told


@contextmanager
def recording(log: Path) -> Iterator[list[str]]:
    """Send messages to the console and to the log file; yield the list of warnings so far.

    The console shows seqlab's own messages; the file also has those of the libraries.
    """
    collector = _Collector()
    console = _Console(logging.INFO)
    file = _LogFile(log, encoding="utf-8", errors="backslashreplace")
    file.setFormatter(_FileFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    own = logging.getLogger("seqlab")
    root = logging.getLogger()
    levels = {log: log.level for log in (own, root)}
    own.setLevel(logging.INFO)
    root.setLevel(logging.INFO)
    own.addHandler(console)
    own.addHandler(collector)
    root.addHandler(file)
    logging.captureWarnings(True)
    try:
        with quiet_libraries():
            yield collector.texts
    finally:
        logging.captureWarnings(False)
        own.removeHandler(console)
        own.removeHandler(collector)
        root.removeHandler(file)
        with suppress(OSError):
            file.close()
        for logger, level in levels.items():
            logger.setLevel(level)


class _FileFormatter(logging.Formatter):
    """Indents what a record has beyond its first line: no other line begins with a time."""

    def format(self, record: logging.LogRecord) -> str:
        return log_entry(super().format(record))


def log_entry(text: str) -> str:
    """Return a text as run.log holds it."""
    return harmless(masked(text)).replace("\n", "\n  ")
