"""What a command line asks of Hydra, and Hydra's own loader for a look before it begins."""

import argparse
import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra

from seqlab.config.folders import ROOT, conf_dir
from seqlab.config.words import readable
from seqlab.system.errors import UserError

HYDRA_VERSION = "1.3"
"""The version whose behaviour Hydra is to show."""


@dataclass(frozen=True)
class Command:
    """A command line, taken apart.

    Attributes:
        words: all of it, as Hydra can read it.
        overrides: its `key=value` words.
        config_dir: the folder of the person's own options, if one was named.
        trains: whether it trains, and does not merely print something.
        sweeps: whether `-m` asks for several runs.
        asks_help: whether it asks for help, on `overrides` where there are any.
        package: the part of the configuration that `--cfg` is to print; `None`: all of it.
    """

    words: list[str]
    overrides: list[str]
    config_dir: Path | None
    trains: bool
    sweeps: bool
    asks_help: bool
    package: str | None


def parse_command(words: list[str]) -> Command:
    """Take a command line apart as Hydra will.

    Raises:
        UserError: a flag that does not exist, lacks its value, or would go round what seqlab
            checks.
    """
    parser = get_args_parser()
    parser.exit_on_error = False
    try:
        flags, unknown = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise UserError(str(error), "`python -m train --hydra-help` names every flag.") from None
    for word in unknown:
        raise _unknown_flag(word, parser)
    if flags.config_path is not None or flags.config_name not in (None, ROOT):
        raise UserError(
            f"the root configuration is always {ROOT}.yaml: no --config-path, no --config-name",
            "Put options and experiments of your own into a folder: --config-dir=FOLDER.",
        )
    if flags.experimental_rerun is not None:
        raise UserError(
            "--experimental-rerun would execute what a pickle file says",
            "Resume a run: python -m train resume=RUN_FOLDER.",
        )
    if flags.shell_completion:
        raise UserError(
            "--shell-completion is Hydra's, which completes nothing behind python -m",
            "Install seqlab's: `python -m seqlab completion bash`, zsh or fish prints it.",
        )
    folder = None if flags.config_dir is None else Path(flags.config_dir).absolute()
    if folder is not None and not folder.is_dir():
        raise UserError(f"--config-dir={flags.config_dir}: the folder was not found", "Name one.")
    shows = flags.cfg or flags.info or flags.hydra_help
    if flags.resolve and not flags.cfg and not flags.help:
        raise UserError("--resolve goes with --cfg", "Type: python -m train --cfg job --resolve")
    if flags.package and not flags.cfg:
        raise UserError("--package goes with --cfg", "Type: python -m train --cfg job -p optimizer")
    several = [flags.run, flags.multirun, flags.cfg, flags.info]
    if not flags.help and not flags.hydra_help and sum(map(bool, several)) > 1:
        raise UserError(
            "only one of --run, --multirun, --cfg and --info can be given",
            "Leave one.",
        )
    read = {word: word if flags.help else readable(word) for word in flags.overrides}
    return Command(
        words=[read.get(word, word) for word in words],
        overrides=list(map(read.__getitem__, flags.overrides)),
        config_dir=folder,
        trains=not (shows or flags.help),
        sweeps=flags.multirun,
        asks_help=bool(flags.help),
        package=flags.package,
    )


@contextmanager
def hydra_loader(config_dir: Path | None, main: Path | None = None) -> Iterator[ConfigLoader]:
    """Lend the loader that Hydra will use: the same files, found in the same order.

    Args:
        config_dir: the folder of the person's own options, if one was named.
        main: the folder of seqlab's own; `None`: where they are installed.
    """
    version.setbase(HYDRA_VERSION)
    search_path = create_config_search_path(str(main or conf_dir()))
    if config_dir is not None:
        schema = SearchPathQuery(provider="schema")
        search_path.prepend("command-line", f"file://{config_dir}", schema)
    GlobalHydra.instance().clear()
    try:
        yield Hydra.create_main_hydra2("train", search_path).config_loader
    finally:
        GlobalHydra.instance().clear()


def _unknown_flag(word: str, parser: argparse.ArgumentParser) -> UserError:
    if not word.startswith("-"):
        return UserError(
            f"{word!r} is cut off from the other key=value words by a flag",
            "Write flags first, then every key=value.",
        )
    known = [flag for action in parser._actions for flag in action.option_strings]
    close = difflib.get_close_matches(word.partition("=")[0], known, n=1)
    hint = (
        f"Did you mean {close[0]}?"
        if close
        else "Keys are typed without dashes, key=value; `python -m train --hydra-help` names flags."
    )
    return UserError(f"there is no flag {word}", hint)
