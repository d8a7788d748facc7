"""Earlier runs whose configurations are in use as options of a new one, `again=RUN`."""

from dataclasses import dataclass

AGAIN = "again"


@dataclass(frozen=True)
class Earlier:
    """An earlier run.

    Attributes:
        name: what it is called.
        file: its config.yaml, as a person would name it.
    """

    name: str
    file: str


EARLIER: dict[str, Earlier] = {}
"""By the name of the option that holds its configuration, the same in every group."""
