"""A search without trainings: its source, and rows as a scheduler would hand them in."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna

from seqlab.config.compose.jobs import Assignment
from seqlab.config.space.reading import read_space
from seqlab.sweeps.ledger import Row, Started
from seqlab.sweeps.ledger_file import LedgerFile
from seqlab.sweeps.search.options import SearchOptions
from seqlab.sweeps.search.search_file import read_search
from seqlab.sweeps.search.storage import load_study
from seqlab.sweeps.search.trial_source import SearchSource

WORDS = ["optimizer.lr=tag(log, interval(0.001,10))", "model.hidden_size=int(interval(4,64))"]


def source(
    folder: Path, *, words: list[str] | None = None, snapshot: str = "first", **options: Any
) -> SearchSource:
    """Return the source of a search in a folder, which gets an empty ledger."""
    LedgerFile(folder).close()
    space = read_space({}, WORDS if words is None else words)
    return SearchSource(space, SearchOptions(**options), folder, "mine", snapshot)


def asked(search: SearchSource) -> Assignment:
    """Return the search's next job, which it has to have."""
    job = search.next()
    assert job is not None
    return job


def row(assignment: Assignment, status: str = "completed", **values: Any) -> Row:
    """Return the row of a job at its end."""
    return Row(
        number=values.pop("number", assignment.trial or 0),
        fingerprint=str(assignment.overrides),
        overrides=list(assignment.overrides),
        parameters=assignment.parameters,
        folder=f"{assignment.trial:04d}",
        status=status,
        trial=assignment.trial,
        **values,
    )


def loss(assignment: Assignment) -> float:
    """Return a value that depends on every parameter."""
    return float(
        sum(
            (place + 1) * float(value)
            for place, value in enumerate(assignment.parameters.values())
            if not isinstance(value, str)
        )
    )


def told(
    search: SearchSource, count: int = 1000, value: Callable[[Assignment], float] = loss
) -> list[Assignment]:
    """Run so many of the search's jobs, each to a good end; return them."""
    done: list[Assignment] = []
    while len(done) < count and (assignment := search.next()) is not None:
        search.tell(assignment, row(assignment, metrics={"val/loss": value(assignment)}))
        done.append(assignment)
    return done


def recorded(folder: Path, assignments: list[Assignment], snapshot: str = "first") -> None:
    """Write a ledger that knows these jobs as completed."""
    store = LedgerFile(folder)
    store.add_start(Started([], "", "mine", snapshot))
    for number, each in enumerate(assignments):
        done = row(each, number=number, metrics={"val/loss": loss(each)})
        store.add_row(replace(done, snapshot=snapshot))
    store.close()


def trials(folder: Path) -> list[optuna.trial.FrozenTrial]:
    """Return the trials of the folder's study."""
    found = read_search(folder)
    assert found is not None
    return load_study(found.storage, found.study).trials
