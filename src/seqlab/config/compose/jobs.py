"""The jobs of a sweep: what each is made of, and its composed configuration."""

import itertools
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqlab.config.compose.command import hydra_loader
from seqlab.config.compose.explain import explained
from seqlab.config.compose.naming import short_names, text_of, value_word
from seqlab.config.compose.overrides import fixed_word, listed, parsed
from seqlab.config.compose.preflight import check_composed, named, without_hydra
from seqlab.config.compose.snapshot import Snapshot
from seqlab.config.environment import shown
from seqlab.config.folders import ROOT
from seqlab.config.validate.check import resolved
from seqlab.system.errors import UserError
from seqlab.system.files import finite
from seqlab.system.terminal import as_field

_LONGEST_LABEL = 80  # in bytes, which is how file systems count
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)")
# Words that a sweep's file may give their meaning, which its jobs are composed without.
_OF_THE_SWEEP = re.compile(r"\+*hydra[./](mode|sweeper|launcher)\b")


@dataclass(frozen=True)
class Assignment:
    """What makes one job.

    Attributes:
        overrides: its `key=value` words.
        parameters: each key that they name, with its value.
        varied: the keys that the sweep varies.
        trial: the number of the trial in a search; `None` in a grid.
    """

    overrides: tuple[str, ...]
    parameters: dict[str, Any]
    varied: tuple[str, ...]
    trial: int | None = None

    @property
    def label(self) -> str:
        """Short words for the job, such as `lr=0.1 seed=2`."""
        names = short_names(self.varied)
        return " ".join(f"{names[key]}={_shown(self.parameters[key])}" for key in self.varied)

    @property
    def folder(self) -> str:
        """The label as the end of a folder's name."""
        text = re.sub(r"[^\w.+=-]+", "_", self.label).strip("_.")
        return text.encode()[:_LONGEST_LABEL].decode(errors="ignore").rstrip("_.")


class Grid:
    """Every combination of the values that the words of a sweep list.

    Args:
        words: `key=value` words, with several values where they vary; a later word for the same
            key takes the place of an earlier one.
        loader: finds the options of `glob(...)`.

    Attributes:
        varied: the keys that have several values, bare of signs such as `+`.

    Raises:
        UserError: a word cannot be read, or describes an interval, which a grid cannot walk.
    """

    def __init__(self, words: list[str], loader: ConfigLoader | None = None) -> None:
        parser = OverridesParser.create(config_loader=loader)
        self._choices: dict[str, list[tuple[str, Any]]] = {}
        varied: set[str] = set()
        for override in parsed(words, loader):
            key = override.get_key_element()
            self._choices.pop(key, None)
            varied.discard(key)
            if not override.is_sweep_override():
                self._choices[key] = [(fixed_word(override), override.value())]
                continue
            if not override.is_discrete_sweep():
                raise UserError(
                    f"{override.input_line}: a grid needs values to choose from, not an interval",
                    "List them, key=1,2,3 or key=range(1,4), or search: "
                    "hydra/sweeper=optuna_search.",
                )
            self._choices[key] = [
                (f"{key}={text}", _parsed_value(parser, key, text)) for text in listed(override)
            ]
            varied.add(key)
        self.varied = tuple(bare_key(key) for key in self._choices if key in varied)

    def __len__(self) -> int:
        return math.prod(len(values) for values in self._choices.values())

    def __iter__(self) -> Iterator[Assignment]:
        keys = [bare_key(key) for key in self._choices]
        for combination in itertools.product(*self._choices.values()):
            yield Assignment(
                tuple(word for word, _ in combination),
                finite(dict(zip(keys, (value for _, value in combination), strict=True)), str),
                self.varied,
            )


@dataclass(frozen=True)
class Composed:
    """A job's configuration, checked.

    Attributes:
        config: as composed, its references not looked up.
        plain: as plain values, its references looked up.
    """

    config: DictConfig
    plain: dict[str, Any]

    @property
    def text(self) -> str:
        """The content of config.yaml."""
        return text_of(self.config)

    @property
    def shown(self) -> dict[str, Any]:
        """As plain values, with nothing secret in it."""
        return shown(self.config)


class Composer:
    """Composes jobs from one state of the configuration files.

    Args:
        loader: reads the copies of the files.
        hydra_words: the words for Hydra itself, such as the folders that it searches.
    """

    def __init__(self, loader: ConfigLoader, hydra_words: list[str]) -> None:
        self._loader = loader
        self._hydra_words = [word for word in hydra_words if not _OF_THE_SWEEP.match(word)]

    def compose(self, overrides: list[str]) -> Composed:
        """Return a job's configuration.

        Raises:
            UserError: it cannot be composed, or cannot be run.
        """
        words = [*self._hydra_words, *overrides]
        try:
            whole = self._loader.load_configuration(ROOT, words, RunMode.RUN)
            task = named(without_hydra(whole), whole.hydra)
            check_composed(task, whole.hydra, overrides)
        except UserError:
            raise
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            with _own_hydra():
                raise explained(error, overrides) from error
        OmegaConf.set_readonly(task, True)
        return Composed(task, resolved(task))


@contextmanager
def composing(snapshot: Snapshot, hydra_words: list[str]) -> Iterator[Composer]:
    """Lend a composer that reads a snapshot's files."""
    with _own_hydra(), hydra_loader(snapshot.own, snapshot.main) as loader:
        yield Composer(loader, hydra_words)


@contextmanager
def _own_hydra() -> Iterator[None]:
    """Put Hydra's one global instance back at the end."""
    before = GlobalHydra.instance().hydra
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = before


def _parsed_value(parser: OverridesParser, key: str, value: str) -> Any:
    if _WHOLE_NUMBER.fullmatch(value):
        return int(value)  # as the parser would, which takes seconds for thousands
    return parser.parse_override(f"{key}={value}").value()


def bare_key(key: str) -> str:
    """Return a key without signs such as `+`, and without its package."""
    return key.lstrip("+~").partition("@")[0]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else as_field(value_word(value))
