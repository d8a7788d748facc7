"""`python -m train`: composes with Hydra, turns every refusal into one message, runs each job."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqlab.config.explain import explained
from seqlab.config.folders import CONFIG, conf_dir, experiment_name, register_resolvers, typed
from seqlab.config.preflight import Preflight, check_composed, claim, release, release_sweep
from seqlab.config.saved import load_config
from seqlab.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_TERMINATED,
    EXIT_USAGE,
    UserError,
    print_error,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, `sys.argv` by default, and return the exit code.

    0 done, 1 a run failed, 2 the command or configuration is wrong, 130 and 143 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    register_resolvers()
    # Hydra then lets its exceptions through, instead of printing them and leaving with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        resumed = _value_of("resume", words)
        if resumed is not None:
            return _resume(Path(resumed), words)
        return _train(words)
    except KeyboardInterrupt:
        print("stopped before anything began", file=sys.stderr)
        return EXIT_INTERRUPTED
    except UserError as error:
        print_error(error)
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        # All of them come from composing: a run answers for its own errors.
        print_error(explained(error, words))
    return EXIT_USAGE


def _train(words: list[str]) -> int:
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        code = _run_job(config, HydraConfig.get())
        codes.append(code)
        if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
            raise SystemExit(code)  # ends a sweep too

    program, sys.argv = sys.argv, [sys.argv[0], *words]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")(job)()
    finally:
        sys.argv = program
        if all(code == EXIT_USAGE for code in codes):
            for folder in Preflight.sweeps:
                release_sweep(folder)
        Preflight.sweeps.clear()
    if EXIT_USAGE in codes and len(set(codes)) > 1:
        return EXIT_FAILED  # a sweep that began: one of its jobs was refused
    return max(codes, default=EXIT_DONE)


class Stopped(Exception):
    """A signal came while nothing could be done about it.

    Args:
        signum: the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Let imports finish: interrupted half-way, torch and numpy fail with misleading errors."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.signal(each, lambda n, _: received.append(n)) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if received:
        raise Stopped(received[0])


def _run_job(config: DictConfig, node: HydraConf) -> int:
    folder = Path(node.runtime.output_dir)
    overrides = typed(node.overrides.task)
    if node.mode == RunMode.MULTIRUN:
        try:
            check_composed(config, node)
            claim(folder)
        except UserError as error:
            print_error(error)
            release(folder)
            return EXIT_USAGE
    with open_dict(config):
        config.name = experiment_name(config.name, node.runtime.choices, overrides)
    try:
        with _interrupts_deferred():
            from seqlab.run import run  # torch is imported only once the configuration stands
    except Stopped as stopped:
        release(folder)
        print("stopped before anything began", file=sys.stderr)
        return stopped.exit_code
    code = run(config, folder, overrides=overrides)
    if not (folder / CONFIG).exists():
        release(folder)  # refused, or stopped, before anything began
    return code


def _resume(folder: Path, words: list[str]) -> int:
    overrides = [word for word in words if not word.startswith("resume=")]
    options = [word for word in overrides if word.startswith("-")]
    if options:
        raise UserError(
            f"resume goes with key=value only, not with {options[0]!r}",
            f"Type: python -m train resume={folder}",
        )
    config = load_config(folder, overrides)
    from seqlab.run import resume

    return resume(config, folder, overrides=overrides)


def _value_of(key: str, words: list[str]) -> str | None:
    for word in reversed(words):
        name, equals, value = word.partition("=")
        if name == key and equals and value not in ("", "null"):
            return value.strip("'\"")
    return None
