"""`python -m train`: composes with Hydra, turns every refusal into one message, runs each job."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from seqlab.config.claim import claim, give_up, hold, release, release_sweep
from seqlab.config.command import HYDRA_VERSION, parse_command
from seqlab.config.explain import explained
from seqlab.config.folders import (
    RESULT,
    ROOT,
    conf_dir,
    refuse_url,
    register_resolvers,
    text_of,
    typed,
)
from seqlab.config.help import help_text
from seqlab.config.hydra_node import checked_hydra
from seqlab.config.preflight import Preflight, check_ahead, check_composed, check_package, named
from seqlab.config.saved import load_config
from seqlab.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_TERMINATED,
    EXIT_USAGE,
    UserError,
    one_line,
    print_error,
)
from seqlab.project import enter_project


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, `sys.argv` by default, and return the exit code.

    0 done, 1 a run failed, 2 the command or configuration is wrong, 130 and 143 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    register_resolvers()
    # Hydra then lets its exceptions through, instead of printing them and leaving with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    deferral = _Deferral()
    try:
        return _dispatched(words, deferral)
    finally:
        deferral.end()


def _dispatched(words: list[str], deferral: "_Deferral") -> int:
    try:
        resumed = _value_of("resume", words)
        refuse_url(resumed or "", "resume=")
        enter_project(resumed)
        if resumed is not None:
            return _resume(Path(resumed), words, deferral)
        return _train(words, deferral)
    except UserError as error:
        print_error(error)
    except Exception as error:
        # It comes from composing, and may be of any type: a run answers for its own errors.
        print_error(_told(error, words))
    return EXIT_USAGE


def _told(error: Exception, words: list[str]) -> UserError:
    try:
        return explained(error, words)
    except Exception:  # looking for the nearest spelling met another mistake in the same files
        return UserError(f"the configuration cannot be composed: {one_line(error)}")


def _train(words: list[str], deferral: "_Deferral") -> int:
    command = parse_command(words)
    if command.asks_help:
        print(help_text(command.config_dir))
        return EXIT_DONE
    if command.trains:
        check_ahead(command)
    elif command.package:
        check_package(command)
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        code = _run_job(config, HydraConfig.get(), deferral)
        codes.append(code)
        if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
            raise SystemExit(code)  # ends a sweep too

    program, sys.argv = sys.argv, [sys.argv[0], *words]
    try:
        run = hydra.main(version_base=HYDRA_VERSION, config_path=str(conf_dir()), config_name=ROOT)(
            job
        )
        with checked_hydra():
            run()
    finally:
        sys.argv = program
        if all(code == EXIT_USAGE for code in codes):
            for folder in Preflight.sweeps:
                release_sweep(folder)
        Preflight.sweeps.clear()
    if EXIT_USAGE in codes and len(set(codes)) > 1:
        return EXIT_FAILED  # a sweep that began: one of its jobs was refused
    return max(codes, default=EXIT_DONE)


class _Deferral:
    """Keeps signals until they can be answered.

    Interrupted half-way through their import, torch and numpy fail with misleading errors. A run
    answers signals itself, and those that came before it.
    """

    def __init__(self) -> None:
        self._received: list[int] = []
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for each in (signal.SIGINT, signal.SIGTERM):
                self._before[each] = signal.signal(each, self._keep)

    def received(self) -> int | None:
        """Return the signal that came last and is not answered yet, if one came."""
        return self._received[-1] if self._received else None

    def _keep(self, signum: int, frame: Any) -> None:
        if self._received:
            os._exit(128 + signum)  # the second one ends at once
        self._received.append(signum)

    def end(self) -> None:
        """Give the signals back."""
        for each, handler in self._before.items():
            signal.signal(each, handler)


def _run_job(config: DictConfig, node: HydraConf, deferral: _Deferral) -> int:
    folder = Path(node.runtime.output_dir)
    overrides = typed(node.overrides.task)
    named(config, node)
    if node.mode == RunMode.MULTIRUN:
        try:
            check_composed(config, node)
            claim(folder, text_of(config))
        except UserError as error:
            print_error(error)
            release(folder)
            return EXIT_USAGE
    from seqlab.run import run  # torch is imported only once the configuration stands

    code = run(config, folder, overrides, deferral.received)
    if not (folder / RESULT).exists():
        release(folder)  # refused, or stopped, before anything began
    give_up(folder)
    return code


def _resume(folder: Path, words: list[str], deferral: _Deferral) -> int:
    overrides = [word for word in words if not word.startswith("resume=")]
    options = [word for word in overrides if word.startswith("-")]
    if options:
        raise UserError(
            f"resume goes with key=value only, not with {options[0]!r}",
            f"Type: python -m train resume={folder}",
        )
    config = load_config(folder, overrides)
    hold(folder)
    try:
        from seqlab.run import resume

        return resume(config, folder, overrides, deferral.received)
    finally:
        give_up(folder)


def _value_of(key: str, words: list[str]) -> str | None:
    for word in reversed(words):
        name, equals, value = word.partition("=")
        if name == key and equals and value not in ("", "null"):
            return value.strip("'\"")
    return None
