"""`python -m train -m ...`: what a sweep's command line describes, carried out."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from pathlib import Path

from seqlab.config.compose.jobs import Composed, Composer, composing
from seqlab.config.compose.snapshot import Snapshot, snapshot_id, take_snapshot
from seqlab.config.compose.sweep_request import Request
from seqlab.config.folders import CONFIG
from seqlab.runs.folder.lock import FolderGone
from seqlab.sweeps.job_source import Source
from seqlab.sweeps.launchers.base import split_options
from seqlab.sweeps.launchers.choice import build_launcher
from seqlab.sweeps.ledger import LEDGER, Started, read_ledger
from seqlab.sweeps.ledger_file import LedgerFile
from seqlab.sweeps.live import LiveView
from seqlab.sweeps.scheduler import Scheduler, Tally
from seqlab.sweeps.summary import closing
from seqlab.sweeps.worker import work_in_a_fork
from seqlab.system.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_TERMINATED,
    UserError,
    print_error,
)
from seqlab.system.masking import masked
from seqlab.system.terminal import fitted, leave_echo, say, styled

# Composing takes about a sixth of a second a job; the rest are checked when their turn comes.
_CHECKED_AHEAD = 50


Signalled = Callable[[], int | None]


def run_sweep(request: Request, source: Source, signalled: Signalled) -> int:
    """Run every job that is not finished yet, print what came of it, and return the exit code.

    Args:
        request: what was asked for.
        source: proposes the jobs.
        signalled: tells of a signal that came.

    Raises:
        UserError: it cannot be run; nothing was started or written.
    """
    began = time.perf_counter()
    options, rest = split_options(request.launcher)
    launcher = build_launcher(rest, work_in_a_fork)
    _check_folder(request.folder)
    snapshot = snapshot_id(request.config_dir, request.words)
    with tempfile.TemporaryDirectory(prefix="seqlab_") as name:
        files = take_snapshot(Path(name) / snapshot, request.config_dir)
        with composing(files, request.hydra_words) as composer:
            ahead = _checked_ahead(source, composer, _known_words(request.folder, snapshot))
        store = LedgerFile(request.folder)
        try:
            kept = _kept(files, request.folder / "conf" / snapshot)
            store.add_start(_start(request, snapshot))
            with composing(kept, request.hydra_words) as composer:
                where = f"{launcher.describe()}; sweep folder {request.folder}"
                jobs = f"{source.total} job{'s' * (source.total != 1)}"
                text = f"{styled(request.name, 'heading')}: {jobs}, {where}"
                say(fitted(text, stream=sys.stderr), error=True)
                decided = (request.metric, request.direction)
                view = LiveView(request.name, source.total, request.folder, *decided)
                scheduler = Scheduler(
                    source,
                    lambda words: ahead.pop(tuple(words), None) or composer.compose(words),
                    store,
                    launcher,
                    options,
                    snapshot,
                    view,
                    signalled,
                )
                tally = _carried_out(scheduler, view)
        except FolderGone as error:
            print_error(error)
            return EXIT_FAILED
        finally:
            store.close()
    seconds = time.perf_counter() - began
    leave_echo()
    say(closing(request.name, tally, source.total, request.folder, seconds))
    return _exit_code(tally)


def _carried_out(scheduler: Scheduler, view: LiveView) -> Tally:
    try:
        return scheduler.run()
    except BaseException:
        scheduler.launcher.kill()
        raise
    finally:
        view.close()
        scheduler.launcher.close()


def _check_folder(folder: Path) -> None:
    if (folder / CONFIG).is_file():
        raise UserError(
            f"{folder} is the folder of a run, and cannot be that of a sweep",
            "Choose another with hydra.sweep.dir=FOLDER.",
        )


def _known_words(folder: Path, snapshot: str) -> set[tuple[str, ...]]:
    """Return the jobs that the ledger has already, composed from the same files."""
    if not (folder / LEDGER).is_file():
        return set()
    rows = read_ledger(folder).rows.values()
    return {tuple(row.overrides) for row in rows if row.snapshot == snapshot}


def _checked_ahead(
    source: Source, composer: Composer, known: set[tuple[str, ...]]
) -> dict[tuple[str, ...], Composed]:
    """Return the first new jobs, composed.

    Raises:
        UserError: one of them cannot be run.
    """
    new = (each.overrides for each in source.preview() if each.overrides not in known)
    return {words: composer.compose(list(words)) for words in islice(new, _CHECKED_AHEAD)}


def _kept(files: Snapshot, place: Path) -> Snapshot:
    if not place.exists():
        partial = place.with_name(f".{place.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(files.folder, partial)
        partial.replace(place)
    return Snapshot(place)


def _start(request: Request, snapshot: str) -> Started:
    return Started(
        words=[str(masked(word)) for word in sys.argv[1:]],
        time=datetime.now().isoformat(timespec="seconds"),
        name=request.name,
        snapshot=snapshot,
        metric=request.metric,
        direction=request.direction,
    )


def _exit_code(tally: Tally) -> int:
    if tally.signum is not None:
        return EXIT_INTERRUPTED if tally.signum == signal.SIGINT else EXIT_TERMINATED
    return EXIT_FAILED if tally.failures else EXIT_DONE
