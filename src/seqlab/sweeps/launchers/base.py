"""What a launcher has to do, and how its options are checked."""

import importlib
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from seqlab.sweeps.launchers.launcher_options import Options
from seqlab.sweeps.task import Task
from seqlab.system.errors import UserError

_SAFE_PATH = "PYTHONSAFEPATH"


@dataclass(frozen=True)
class Ending:
    """The process of a job has ended.

    Attributes:
        number: the job's.
        code: its exit code; minus the signal where one ended it; `None` where nobody knows.
        note: what the launcher knows beyond that.
    """

    number: int
    code: int | None
    note: str = ""


class Launcher(ABC):
    """Starts jobs, and tells when they have ended.

    Attributes:
        slots: how many jobs it takes at once.
        threads: how many threads a job computes with.
    """

    slots: int
    threads: int

    @abstractmethod
    def describe(self) -> str:
        """Return in words where the jobs run."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Start a job, at the next `submit` at the latest."""

    def submit(self) -> dict[int, str]:
        """Return what the jobs started since are called where a later process can find them."""
        return {}

    def adopt(self, task: Task, handle: str) -> bool:
        """Follow a job that an earlier process started; `False` where it is at work no more."""
        return False

    @abstractmethod
    def wait(self, timeout_s: float) -> list[Ending]:
        """Return the jobs that have ended, after this time at the latest."""

    @abstractmethod
    def stop(self, signum: int) -> None:
        """Ask every job to save its state and end."""

    @abstractmethod
    def kill(self) -> None:
        """End every job at once."""

    def close(self) -> None:  # noqa: B027
        """Let go of everything that is not needed without jobs; most have nothing."""


@contextmanager
def libraries_first() -> Iterator[None]:
    """Start processes of Python that find no module in the working folder before the libraries'."""
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[_SAFE_PATH]
        if before is not None:
            os.environ[_SAFE_PATH] = before


def split_options(node: dict[str, Any]) -> tuple[Options, dict[str, Any]]:
    """Return the shared options of a launcher's node, and what is left of it.

    Raises:
        UserError: one of them has a value that it cannot have.
    """
    rest = dict(node)
    retries = rest.pop("retries", 0)
    switches = {name: rest.pop(name, False) for name in ("retry_failed", "fail_fast")}
    whole_number("retries", retries, least=0)
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise UserError(
                f"hydra.launcher.{name}={value}: must be true or false",
                f"For example hydra.launcher.{name}=true.",
            )
    return Options(retries=retries, **switches), rest


def whole_number(name: str, value: Any, *, least: int) -> int:
    """Return a launcher's option if it is a whole number of at least `least`.

    Raises:
        UserError: it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UserError(
            f"hydra.launcher.{name}={value}: must be a whole number, {least} or more",
            f"For example hydra.launcher.{name}={max(least, 2)}.",
        )
    return value


def number_of(name: str, value: Any, *, positive: bool = False) -> float:
    """Return a launcher's option if it is a number in range: above 0, or 0 as well.

    Raises:
        UserError: it is not.
    """
    sound = isinstance(value, int | float) and not isinstance(value, bool) and value < math.inf
    if not sound or value < 0 or (positive and value == 0):
        raise UserError(
            f"hydra.launcher.{name}={value}: must be a number, "
            + ("above 0" if positive else "0 or more"),
            f"For example hydra.launcher.{name}=2.",
        )
    return float(value)


def text_of(name: str, value: Any) -> str:
    """Return a launcher's option if it is one line of text, as a cluster's engine takes it.

    Raises:
        UserError: it is empty, or has several lines.
    """
    text = str(value)
    if not text.strip() or "\n" in text:
        raise UserError(
            f"hydra.launcher.{name}={text!r}: must be one line of text", "Leave it out otherwise."
        )
    return text


def needed(package: str, extra: str) -> Any:
    """Return a package that only one launcher needs.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(
            f"hydra/launcher={extra} needs {package}: {error}",
            f"Install it: pip install 'seqlab[{extra}]'",
        ) from error
