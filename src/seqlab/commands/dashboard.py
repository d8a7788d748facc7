"""`python -m seqlab dashboard [FOLDER]`: TensorBoard, its runs named by what differs.

TensorBoard calls a run by the path of its event files. They are served through links in folders of
better names, which last as long as the command.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from seqlab.config.folders import CONFIG, refuse_url
from seqlab.loggers.event_files import link_event_files
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import EXIT_DONE, UserError
from seqlab.system.terminal import say

_LOOKS_EVERY_S = 5.0
_LONGEST = 120
"""Bytes of a name; file systems know 255, of which a folder's name may be added."""
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}")


def dashboard(options: argparse.Namespace) -> int:
    """Serve the runs of a folder until Ctrl-C; runs that begin meanwhile are added."""
    refuse_url(options.folder, "")
    root = Path(options.folder)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}", "Name the folder of runs, or of one run.")
    links = Links(root)
    with tempfile.TemporaryDirectory(prefix="seqlab_dashboard_") as folder, _ends_on_sigterm():
        if not links.update(Path(folder)):
            raise UserError(
                f"{root} has no run with event files",
                "They are in a run folder's tensorboard/, unless it was trained with logger=csv.",
            )
        given = {"port": options.port, "host": options.host}
        words = [f"--{name}={value}" for name, value in given.items() if value is not None]
        server = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", folder, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            say(f"{len(links.names)} runs at {_address(server)} (Ctrl-C ends it)")
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return server.wait(_LOOKS_EVERY_S)
                links.update(Path(folder))
        except KeyboardInterrupt:
            return EXIT_DONE
        finally:
            server.terminate()
            server.wait()


class Links:
    """Links to the event files of all runs below a folder, named by what differs.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._typed: set[str] | None = None
        self.names: dict[Path, str] = {}

    def update(self, folder: Path) -> int:
        """Make the links that are missing, in a folder; return how many runs there are now."""
        runs = list(runs_below(self._root))
        if self._typed is None:  # what has been shown keeps its name
            self._typed = {word.partition("=")[0] for run in runs for word in _typed(run)}
        for run, name in names_of(runs, self._root).items():
            if run in self.names:
                continue  # a run keeps the name that it has been shown by
            if name in self.names.values():
                name = f"{name} {run.name}"
            (folder / name).mkdir()
            self.names[run] = name
        for run, name in self.names.items():
            link_event_files(RunFolder(run).tensorboard, folder / name, self._typed)
        return len(self.names)


def runs_below(root: Path) -> Iterator[Path]:
    """Yield the run folders that have event files, in order; the folder may be one itself."""
    for path, folders, files in os.walk(root):
        folders.sort()
        if CONFIG in files:
            if "tensorboard" in folders:
                yield Path(path)
            folders.clear()


def names_of(runs: Sequence[Path], root: Path) -> dict[Path, str]:
    """Return what each run is called: by its folder's folder, and by the words that differ in it.

    Args:
        runs: run folders below the root.
        root: what is shown; where all runs lie in one folder, that one goes without saying.
    """
    together: dict[Path, list[Path]] = {}
    for run in runs:
        together.setdefault(run.parent, []).append(run)
    names: dict[Path, str] = {}
    for parent, group in together.items():
        where = "" if len(together) == 1 else " ".join(parent.relative_to(root).parts)
        labels = _labels(group)
        for run, label in zip(group, labels, strict=True):
            dated = _DATED.match(run.name)
            folder = dated.group() if dated else run.name
            # Jobs of a sweep are never told by their numbers alone, ordinary runs by their time.
            told = [where, label] if label and labels.count(label) == 1 else [where, label, folder]
            told = [where] if where and len(group) == 1 else told
            names[run] = _as_name(" ".join(filter(None, told)))
    times = Counter(names.values())
    return {run: n if times[n] == 1 else f"{n} {run.name}" for run, n in names.items()}


def _labels(group: Sequence[Path]) -> list[str]:
    """Return the words of each run that not all of them have, without what a key is part of."""
    typed = [_typed(run) for run in group]
    common = set.intersection(*(set(words) for words in typed))
    differing = [[word for word in words if word not in common] for words in typed]
    keys = {word.partition("=")[0] for words in differing for word in words}
    times = Counter(key.rpartition(".")[2] for key in keys)
    return [" ".join(_shortened(word, times) for word in words) for words in differing]


def _shortened(word: str, times: Counter[str]) -> str:
    key, equals, value = word.partition("=")
    last = key.rpartition(".")[2]
    return f"{last if times[last] == 1 else key}{equals}{value}"


def _typed(run: Path) -> list[str]:
    try:
        words: Iterable[str] = RunFolder(run).read_result().get("overrides", [])
    except UserError:
        return []
    last = {word.lstrip("+~").partition("=")[0]: word.lstrip("+~") for word in words}
    return [word for word in last.values() if not word.startswith(("hydra", "resume=", "again="))]


def _as_name(text: str) -> str:
    """Return a text as the name of one folder, whatever was typed."""
    plain = re.sub(r"[/\\\x00-\x1f]", "_", text).strip(". ")
    return plain.encode(errors="ignore")[:_LONGEST].decode(errors="ignore") or "run"


def _address(server: "subprocess.Popen[str]") -> str:
    """Return where TensorBoard answers, once it does, as a page without smoothed curves."""
    assert server.stderr is not None
    said: list[str] = []
    for line in server.stderr:
        said.append(line.strip())
        if found := re.search(r"at (https?://\S+)", line):
            threading.Thread(
                target=server.stderr.read, daemon=True
            ).start()  # it never waits for us
            return f"{found[1]}?smoothing=0#timeseries"
    reason = " ".join(said[-2:]) or f"it ended with code {server.wait()}"
    raise UserError(f"TensorBoard did not start: {reason}", "Use another --port, or --host.")


@contextlib.contextmanager
def _ends_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that server and links go with it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
