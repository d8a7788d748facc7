"""`python -m train`: composes with Hydra, turns every refusal into one message, runs each job."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.conf import HydraConf
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from seqlab.config.compose.command import HYDRA_VERSION, Command, parse_command
from seqlab.config.compose.explain import explained
from seqlab.config.compose.help import help_text
from seqlab.config.compose.hydra_node import checked_hydra
from seqlab.config.compose.naming import register_resolvers, typed
from seqlab.config.compose.parsed_files import parsing_files_once
from seqlab.config.compose.preflight import check_ahead, check_package, named
from seqlab.config.data_path import check_data_path
from seqlab.config.earlier import AGAIN
from seqlab.config.folders import ROOT, conf_dir, refuse_url
from seqlab.config.validate.check import resolved
from seqlab.config.validate.project import enter_project
from seqlab.config.words import at_home, readable
from seqlab.runs.again import check_alone, composing_earlier_runs, with_whole_path
from seqlab.runs.folder.lock import give_up, hold, leave
from seqlab.runs.folder.saved_config import load_config
from seqlab.system.console import need_output, on_the_console
from seqlab.system.cores import OtherProcesses, share_cores
from seqlab.system.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_USAGE,
    UserError,
    one_line,
    print_error,
)
from seqlab.system.signals import DeferredSignals
from seqlab.system.surroundings import check_started_once, own_environment
from seqlab.system.terminal import as_word, say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, `sys.argv` by default, and return the exit code.

    0 done, 1 a run failed, 2 the command or configuration is wrong, 130 and 143 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    with own_environment():
        return on_the_console(lambda: _answered(words))


def _answered(words: list[str]) -> int:
    signals = DeferredSignals()
    try:
        return _dispatched(words, signals, OtherProcesses())
    finally:
        signals.end()


def _dispatched(words: list[str], signals: DeferredSignals, others: OtherProcesses) -> int:
    register_resolvers()
    # Hydra then lets its exceptions through, instead of printing them and leaving with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        check_started_once(words)
        _check_text(words)
        resumed = _value_of("resume", words)
        check_alone(_value_of(AGAIN, words), resumed)
        refuse_url(resumed or "", "resume=")
        enter_project(resumed)
        if resumed is not None:
            return _resume(Path(resumed), words, signals, others)
        with parsing_files_once(), composing_earlier_runs():
            return _train([with_whole_path(word) for word in words], signals, others)
    except UserError as error:
        print_error(error)
    except Exception as error:
        # It comes from composing, and may be of any type: a run answers for its own errors.
        print_error(_told(error, words))
    return EXIT_USAGE


def _check_text(words: list[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = word.encode(errors="backslashreplace").decode()
            raise UserError(
                f"{shown} is not text in {sys.getfilesystemencoding()}, the encoding in use here",
                "Use a locale with UTF-8: LC_ALL=C.UTF-8 python -m train ...",
            ) from None


def _told(error: Exception, words: list[str]) -> UserError:
    try:
        return explained(error, words)
    except Exception:  # looking for the nearest spelling met another mistake in the same files
        return UserError(f"the configuration cannot be composed: {one_line(error)}")


def _train(words: list[str], signals: DeferredSignals, others: OtherProcesses) -> int:
    command = parse_command(words)
    if not command.trains:
        need_output()
    if command.asks_help:
        from seqlab.commands.all_options import all_options
        from seqlab.commands.main import verbs

        say(help_text(all_options(command.config_dir), command.overrides, verbs()))
        return EXIT_DONE
    is_one_run = command.trains and check_ahead(command)
    if command.package:
        check_package(command)
    task = _Task(command, signals, others)
    program, sys.argv = sys.argv, [sys.argv[0], *command.words]
    try:
        run = hydra.main(version_base=HYDRA_VERSION, config_path=str(conf_dir()), config_name=ROOT)(
            task
        )
        with checked_hydra(is_one_run=is_one_run):
            run()
    finally:
        sys.argv = program
    return task.code


class _Task:
    """What Hydra calls: with one configuration to train it, with a sweep's to run its jobs.

    Args:
        command: the command line, taken apart.
        signals: the signals that came so far.
        others: what else is at work on this machine.
    """

    def __init__(self, command: Command, signals: DeferredSignals, others: OtherProcesses) -> None:
        self.code = EXIT_DONE
        self._command = command
        self._signals = signals
        self._others = others

    def __call__(self, config: DictConfig) -> None:
        """Train what one configuration describes."""
        share_cores(self._others)
        self.code = _run_one(config, HydraConfig.get(), self._signals)

    def sweep_grid(
        self, config: DictConfig, loader: ConfigLoader, params: Any, words: list[str]
    ) -> None:
        """Run every combination that the parameters and the words list."""
        # Only for a sweep: a single run starts the sooner.
        from seqlab.commands.sweep import run_sweep
        from seqlab.config.compose.jobs import Grid
        from seqlab.config.compose.sweep_request import sweep_request
        from seqlab.sweeps.job_source import GridSource

        share_cores(self._others)
        request = sweep_request(config, self._command.config_dir, params, words)
        source = GridSource(Grid(request.words, loader))
        self.code = run_sweep(request, source, self._signals.received)

    def sweep_search(
        self, config: DictConfig, loader: ConfigLoader, options: dict[str, Any], words: list[str]
    ) -> None:
        """Run the trials of a search."""
        from seqlab.commands.search import run_search
        from seqlab.config.space.search_request import search_request

        share_cores(self._others)
        folder = self._command.config_dir
        asked = search_request(config, folder, loader, options, words)
        self.code = run_search(*asked, self._signals.received)


def _run_one(config: DictConfig, node: HydraConf, signals: DeferredSignals) -> int:
    folder = Path(node.runtime.output_dir)
    overrides = typed(node.overrides.task)
    named(config, node)
    code = _run(config, folder, overrides, signals.received)
    leave(folder)
    return code


def _run(*arguments: Any, resumed: bool = False) -> int:
    try:
        from seqlab.runs.run import run  # torch is imported only once the configuration stands
    except Exception as error:
        text = f"PyTorch, Lightning or what they need cannot be imported: {one_line(error)}"
        print_error(
            UserError(text, "Look at the installation, and at the variables of these libraries.")
        )
        return EXIT_FAILED
    return run(*arguments, resumed=resumed)


def _resume(
    folder: Path, words: list[str], signals: DeferredSignals, others: OtherProcesses
) -> int:
    overrides = [word for word in words if not word.startswith("resume=")]
    options = [word for word in overrides if word.startswith("-")]
    if options:
        raise UserError(
            f"resume goes with key=value only, not with {options[0]!r}",
            f"Type: python -m train resume={as_word(folder)}",
        )
    overrides = list(map(readable, overrides))
    config = load_config(folder, overrides)
    command = f"python -m train resume={as_word(folder)}"
    check_data_path(resolved(config)["data"], f"If the file was moved: {command} data.path=FILE")
    hold(folder)
    share_cores(others)
    try:
        return _run(config, folder, overrides, signals.received, resumed=True)
    finally:
        give_up(folder)


def _value_of(key: str, words: list[str]) -> str | None:
    for word in reversed(words):
        name, equals, value = word.partition("=")
        if name == key and equals and value not in ("", "null"):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            return value[1:-1] if quoted else at_home(value)
    return None
