"""How seqlab was started, which decides how messages write the commands to type next.

They are written as `python -m train` and `python -m seqlab`. Where those would run something else,
or not work at all, whatever is printed names the commands that do.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_COMMAND = re.compile(r"\bpython -m (train|seqlab)\b")
_SCRIPT = "seqlab"

_written: dict[str, str] = {}


@contextmanager
def started_as(verb: str) -> Iterator[None]:
    """Write commands as this process was started: as `seqlab` or `python -m seqlab`.

    Args:
        verb: what follows.
    """
    if Path(sys.argv[0]).stem == _SCRIPT:
        _written.update(train="seqlab train", seqlab="seqlab")
    elif verb == "train" or _is_hidden("train"):
        _written.update(train="python -m seqlab train")
    try:
        yield
    finally:
        _written.clear()


def as_started(text: str) -> str:
    """Return a text whose commands can be typed where this process was started."""
    return _COMMAND.sub(lambda found: _written.get(found[1], found[0]), text)


def _is_hidden(module: str) -> bool:
    """Return whether `python -m` would find another module of that name in the working folder."""
    own = Path(__file__).parents[2] / f"{module}.py"
    found = Path(f"{module}.py"), Path(module, "__init__.py")
    return any(each.is_file() and not (own.is_file() and each.samefile(own)) for each in found)
