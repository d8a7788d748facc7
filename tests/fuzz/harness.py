"""Runs command lines in this process and says what is wrong with the answers.

    python tests/fuzz/harness.py SEED NUMBER            one line again, with all that it printed
    python tests/fuzz/harness.py SEED FIRST COUNT       many lines; the failures as JSON, one a line

With SEQLAB_TRACEBACK=1 the first shows where an error comes from.
"""

import io
import json
import logging
import os
import pickle
import re
import resource
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lines import line

REPLAY = "python tests/fuzz/harness.py {seed} {number}"
MOST_SECONDS = 60
MOST_BYTES = 16 << 30
_UNCLEAR = re.compile(
    r"error: ((Type(?!Error: \w+\.__init__)|Key|Index|Runtime|Attribute|Assertion|Name|Recursion"
    r"|Unicode\w+|Zero\w+)Error\b|'NoneType').*"
)
_LATE = "a refusal wrote to standard output"
_BUILT_SHARE = 5
_WHOLE_SHARE = 9


@dataclass
class Answer:
    """What a command left: its exit code, or what escaped, and what it printed."""

    code: int | None
    out: str
    err: str
    escaped: str = ""


class TooLong(BaseException):
    """A line did not end."""


def answer(main: Callable[[list[str]], int], words: list[str]) -> Answer:
    """Run a command in this process, as a terminal in UTF-8 would show it."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace")
    code: int | None = None
    escaped = ""
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(list(words))
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1 if exit_.code else 0
        except BaseException as error:
            escaped = f"{type(error).__name__}: {error}"
    return Answer(code, _text(out), _text(err), escaped)


def complaints(got: Answer) -> list[str]:
    """Return what no answer may be; nothing where it is success or one clear message."""
    found = []
    if got.escaped:
        found.append(f"{got.escaped} escaped")
    elif got.code not in (0, 1, 2):
        found.append(f"exit code {got.code}")
    if "Traceback (most recent call last)" in got.err + got.out:
        found.append("a traceback was printed")
    messages = sum(text.startswith("error: ") for text in got.err.splitlines())
    if got.code == 0 and messages:
        found.append("success with an error message")
    if got.code in (1, 2) and messages != 1:
        found.append(f"{messages} error messages")
    if unclear := _UNCLEAR.search(got.err):
        found.append(f"no clear message: {unclear.group()}")
    said = re.sub(r"^(warning: .*\n)+", "", got.err)  # what is known of a damaged run comes first
    if got.code == 2 and not said.startswith("error: "):
        found.append("the error message is not the first thing said")
    if got.code == 2 and got.out:
        found.append(_LATE)
    return found


class State:
    """What of the process has to be the same after every command."""

    def __init__(self) -> None:
        from hydra.core.global_hydra import GlobalHydra

        loggers = [logging.getLogger(), *map(logging.getLogger, ("seqlab", "hydra", "lightning"))]
        # Lightning sets the others, for the processes that a run may start.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PL_", "CUBLAS"))}
        self.values: dict[str, Any] = {
            "working folder": str(Path.cwd()),
            "environment": kept,
            "sys.argv": list(sys.argv),
            "sys.path": list(sys.path),
            "signal handlers": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
            "logging": [(log.name, list(log.handlers)) for log in loggers],
            "warning filters": len(warnings.filters),
            "Hydra": GlobalHydra.instance().is_initialized(),
        }

    def complaints(self, before: "State", but: tuple[str, ...]) -> list[str]:
        """Return the names of what has changed since."""
        return [
            f"{name} changed: {_difference(before.values[name], value)}"
            for name, value in self.values.items()
            if value != before.values[name] and name not in but
        ]


def _difference(before: Any, after: Any) -> str:
    if isinstance(after, dict):
        return str(sorted(set(before.items()) ^ set(after.items())))[:300]
    return f"{before} -> {after}"[:300]


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")


class Pretended:
    """Starts no process: every job of a sweep is done at once."""

    slots = 4
    threads = None

    def __init__(self) -> None:
        self._endings: list[Any] = []

    def describe(self) -> str:
        return "nowhere"

    def start(self, task: Any) -> None:
        from seqlab.runs.folder.run_folder import RunFolder
        from seqlab.sweeps.launchers.base import Ending

        RunFolder(task.folder).write_result({"status": "completed", "metrics": {}})
        self._endings.append(Ending(task.number, 0))

    def submit(self) -> dict[int, str]:
        return {}

    def wait(self, timeout_s: float) -> list[Any]:
        endings, self._endings = self._endings, []
        return endings

    def stop(self, signum: int) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


class TrainLines:
    """Runs `python -m train` lines; nothing trains, but a fifth of the valid ones is built."""

    def __init__(self, sandbox: Path) -> None:
        self.sandbox = sandbox
        self.codes: Counter[int | None] = Counter()
        self.number = 0
        from lightning.pytorch import Trainer

        import seqlab.commands.sweep
        import seqlab.runs.run
        from seqlab.commands.train import main
        from seqlab.runs import provenance

        self.main = main
        real = seqlab.runs.run.run

        def run(*arguments: Any, **named: Any) -> int:
            return 0 if self.number % _BUILT_SHARE else real(*arguments, **named)

        seqlab.runs.run.run = run
        seqlab.runs.run.resume = lambda *_, **__: 0
        Trainer.fit = lambda *_, **__: None  # type: ignore[method-assign]
        Trainer.test = lambda *_, **__: []  # type: ignore[method-assign]
        provenance.git = lambda: None
        build_launcher = seqlab.commands.sweep.build_launcher

        def pretended(node: dict[str, Any], *arguments: Any) -> Pretended:
            build_launcher(node, *arguments)  # it may refuse
            return Pretended()

        seqlab.commands.sweep.build_launcher = pretended
        self._shorten()

    def _shorten(self) -> None:
        """Leave out what Hydra does several times a line; every ninth goes the whole way."""
        from hydra._internal.config_loader_impl import ConfigLoaderImpl
        from hydra._internal.core_plugins.file_config_source import FileConfigSource
        from hydra._internal.hydra import Hydra

        from seqlab.config.compose import preflight

        get_mode = Hydra.get_mode

        def mode(this: Any, config_name: str | None, overrides: list[str]) -> Any:
            if self.number % _WHOLE_SHARE == 0 or "hydra" in str(overrides):
                return get_mode(this, config_name, overrides)
            return None

        Hydra.get_mode = mode
        self._remember(FileConfigSource, "load_config", lambda this, path: (this.path, path))
        self._remember(
            ConfigLoaderImpl,
            "_compose_config_from_defaults_list",
            lambda _, defaults, repo: str((defaults, repo.get_sources())),
        )
        self._remember(preflight, "reference_config", lambda *arguments: str(arguments))

    def _remember(self, owner: Any, name: str, key: Callable[..., Any]) -> None:
        real = getattr(owner, name)
        known: dict[Any, bytes] = {}

        def recalled(*arguments: Any, **named: Any) -> Any:
            if self.number % _WHOLE_SHARE == 0:
                return real(*arguments, **named)
            place = key(*arguments, **named)
            if place not in known:
                known[place] = pickle.dumps(real(*arguments, **named))
            return pickle.loads(known[place])  # copies faster than copy.deepcopy

        setattr(owner, name, recalled)

    def run(self, words: list[str], number: int) -> tuple[Answer, list[str]]:
        """Run one line in an empty folder; return the answer and what is wrong with it."""
        self.number = number
        place = self.sandbox / "here"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        os.chdir(place)
        before = State()
        signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
        try:
            got = answer(self.main, words)
        except TooLong:
            got = Answer(None, "", "", "TooLong")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        found = complaints(got)
        if "--info" in words and _LATE in found:  # --info ends in the middle
            found.remove(_LATE)
        # Its own logging and environment is what a person may ask Hydra for.
        found += State().complaints(
            before, but=("logging",) if re.search("hydra|--info", str(words)) else ()
        )
        os.chdir(self.sandbox)
        left = sorted(str(file.relative_to(self.sandbox)) for file in self.sandbox.rglob("*"))
        stray = [name for name in left if not name.startswith("here")]
        if stray:
            found.append(f"written outside: {stray[:5]}")
            for name in stray:
                shutil.rmtree(self.sandbox / name, ignore_errors=True)
                (self.sandbox / name).unlink(missing_ok=True)
        if got.code == 2 and left != ["here"]:
            found.append(f"refused, and wrote {left[1:6]}")
        _restore_logging()
        self.codes[got.code] += 1
        return got, found


def _restore_logging() -> None:
    for name in (None, "seqlab", "hydra", "lightning"):
        log = logging.getLogger(name)
        log.setLevel(logging.WARNING if name is None else logging.NOTSET)
        log.disabled = False
        for handler in list(log.handlers) if name is None else ():
            log.removeHandler(handler)
            handler.close()


def _too_long(*_: Any) -> None:
    raise TooLong(f"over {MOST_SECONDS} s")


def run_lines(seed: str, first: int, count: int, *, verbose: bool = False) -> int:
    """Run lines, print a JSON record for each failure and one for the whole; return how many."""
    os.environ["HYDRA_FULL_ERROR"] = "1"
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    signal.signal(signal.SIGALRM, _too_long)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        lines = TrainLines(Path(folder).resolve())
        lines.run(["data.tau=4"], 1)  # what is only done once is done
        lines.codes.clear()
        for number in range(first, first + count):
            words = line(seed, number)
            got, found = lines.run(words, number)
            if verbose:
                print(
                    words, f"\nexit code {got.code} {got.escaped}\n{got.out}{got.err}", flush=True
                )
            if found:
                failures += 1
                record = {
                    "replay": REPLAY.format(seed=seed, number=number),
                    "words": [word[:300] for word in words],
                    "wrong": found,
                    "code": got.code,
                    "err": got.err[-1500:],
                }
                print(json.dumps(record), flush=True)
    codes = {str(code): times for code, times in sorted(lines.codes.items(), key=str)}
    print(json.dumps({"seed": seed, "first": first, "lines": count, "codes": codes}))
    return failures


if __name__ == "__main__":
    seed, first, *rest = sys.argv[1:]
    sys.exit(min(run_lines(seed, int(first), int(rest[0]) if rest else 1, verbose=not rest), 1))
