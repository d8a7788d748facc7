"""Where a study is kept: a journal that no kill can damage, or an SQLite file."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from seqlab.sweeps.ledger_file import drop_half_a_line
from seqlab.system.cache import not_own
from seqlab.system.errors import UserError, first_line

try:
    import fcntl
except ImportError:  # a system without these locks
    fcntl = None  # type: ignore[assignment]

_SQLITE = "sqlite:///"
_PATIENCE_S = 60

# Every trial's result, which the sweep's own lines tell.
optuna.logging.set_verbosity(optuna.logging.ERROR)


class _Lock(JournalFileOpenLock):
    """A lock that the system itself takes back from a process that is killed.

    optuna's own are files, which a kill leaves behind for everyone to wait at. Half a line, left
    by a full disk or a power cut, is taken away before anyone writes behind it.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        self._path = file
        self._held: list[Any] = []

    def acquire(self) -> bool:
        """Wait for the lock."""
        file = self._path.open("r+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        self._held.append(file)
        drop_half_a_line(file)
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._held.pop().close()


def open_storage(place: str) -> BaseStorage:
    """Return the storage at a place that `storage_place` names; it is made where it is missing.

    Raises:
        UserError: it cannot be read or written, or is something else.
    """
    with _explained(place):
        file = Path(place.removeprefix(_SQLITE))
        if reason := not_own(file, 0):
            raise ValueError(reason)
        if not file.exists():
            file.touch(mode=0o644)
        if place.startswith(_SQLITE):
            return RDBStorage(place, engine_kwargs={"connect_args": {"timeout": _PATIENCE_S}})
        _check_journal(file)
        return JournalStorage(JournalFileBackend(place, lock_obj=_lock_of(file)))


def check_storage(place: str) -> None:
    """Raise `UserError` where there is a file already that holds no studies."""
    if Path(place.removeprefix(_SQLITE)).exists():
        with _explained(place):
            open_storage(place).get_all_studies()


def load_study(place: str, name: str, pruner: BasePruner | None = None) -> optuna.Study:
    """Return a study as it is.

    Raises:
        UserError: it is not there.
    """
    sampler = optuna.samplers.RandomSampler()  # nothing is asked of it
    with _explained(place):
        return optuna.load_study(
            study_name=name, storage=open_storage(place), sampler=sampler, pruner=pruner
        )


def trial_of(study: optuna.Study, number: int) -> optuna.Trial:
    """Return a trial of the study that is at work, as the one who asked for it got it."""
    storage = study._storage
    trial_id = storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    return optuna.Trial(study, trial_id)


@contextmanager
def _explained(place: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of optuna, SQLAlchemy, SQLite or the system
        raise UserError(
            f"the study's storage {place} cannot be used: {first_line(error)}",
            "Name another file with hydra.sweeper.storage=FILE. Where this one is lost, remove it: "
            "what the sweep's ledger knows is taken over into a new one.",
        ) from error


def _check_journal(file: Path) -> None:
    """Raise `ValueError` where a file begins otherwise: optuna would write behind anything."""
    start = b'{"op_code":'
    if file.exists():
        with file.open("rb") as opened:
            found = opened.read(len(start))
        if not start.startswith(found):
            raise ValueError("it is no journal of optuna's")


def _lock_of(file: Path) -> JournalFileOpenLock:
    if fcntl is not None:
        with suppress(OSError), file.open("r+b") as opened:  # a file system without these locks
            with suppress(BlockingIOError):  # it works: someone holds it
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return _Lock(file)
    return JournalFileOpenLock(str(file))
