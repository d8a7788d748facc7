"""What one process of a run tells another when it begins; nothing heavy is imported here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Where a process stands among those of its run.

    Attributes:
        rank: 0 is the one that writes and speaks.
        world: how many there are.
    """

    rank: int = 0
    world: int = 1


ALONE = Place()


@dataclass
class Order:
    """What another rank is to do.

    Attributes:
        config: the resolved configuration, plain values.
        folder: the run folder; only the first rank writes there.
        checkpoint: where the run goes on; `None`: at the beginning.
        max_epochs: when it ends; `None`: as the configuration says.
        allowed: names that the project lets configurations instantiate.
        place: whose order it is.
        meeting: the file through which the processes find each other.
    """

    config: dict[str, Any]
    folder: Path
    checkpoint: Path | None = None
    max_epochs: int | None = None
    allowed: list[str] = field(default_factory=list)
    place: Place = ALONE
    meeting: Path = Path()
