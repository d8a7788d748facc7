"""`python -m train`: composes with Hydra, turns every refusal into one message, runs each job."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from seqlab.config.check import nearest, unknown_key
from seqlab.config.folders import CONFIG, conf_dir, experiment_name, register_resolvers
from seqlab.config.preflight import check_composed, claim, release, without_hydra
from seqlab.config.saved import load_config
from seqlab.errors import (
    EXIT_DONE,
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
    except UserError as error:
        print_error(error)
    except (HydraException, OmegaConfBaseException) as error:
        print_error(_explained(error, words))
    return EXIT_USAGE


def _train(words: list[str]) -> int:
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        code = _run_job(config)
        codes.append(code)
        if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
            raise SystemExit(code)  # ends a sweep too

    program, sys.argv = sys.argv, [sys.argv[0], *words]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")(job)()
    finally:
        sys.argv = program
    return max(codes, default=EXIT_DONE)


def _run_job(config: DictConfig) -> int:
    node = HydraConfig.get()
    folder = Path(node.runtime.output_dir)
    if node.mode == RunMode.MULTIRUN:
        try:
            check_composed(config, node)
            claim(folder)
        except UserError as error:
            print_error(error)
            return EXIT_USAGE
    with open_dict(config):
        config.name = experiment_name(config.name, node.runtime.choices, list(node.overrides.task))
    from seqlab.run import run  # torch is imported only once the configuration stands

    code = run(config, folder, overrides=list(node.overrides.task))
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


def _explained(error: Exception, words: list[str]) -> UserError:
    """Return Hydra's complaint in terms of what was typed, with the nearest thing that exists."""
    text = str(error)
    missing = re.search(r"Could not find '([^']+)'", text)
    if isinstance(error, MissingConfigException) and missing:
        return _no_such_option(missing.group(1))
    refused = re.search(r"Could not (?:override|append to|delete(?: from)?)[^']*'([^']+)'", text)
    if refused:
        key = refused.group(1).partition("=")[0].partition("@")[0]
        groups = sorted(path.name for path in conf_dir().iterdir() if path.is_dir())
        close = nearest(key, groups)
        if "defaults list" in text and "." not in key and close:
            return UserError(f"there is no group {key!r}", f"Did you mean {close[0]!r}?")
        typed = next((w for w in words if w.lstrip("+~").partition("=")[0] == key), key)
        return unknown_key(key, _groups_composed(words), f"in {typed!r} on the command line")
    line = text.splitlines()[0] if text else type(error).__name__
    if "mismatched input" in text or "token recognition" in text or "no viable" in text:
        return UserError(
            line, "Write key=value; quote values with spaces: 'data.path=\"a b.txt\"'."
        )
    return UserError(text.strip().replace("\n", "; "), "`python -m train --help` shows examples.")


def _no_such_option(name: str) -> UserError:
    group, _, option = name.rpartition("/")
    folder = conf_dir() / group
    options = sorted(file.stem for file in folder.glob("*.yaml")) if group else []
    close = nearest(option, options)
    meant = f"Did you mean {group}={close[0]}? " if close else ""
    return UserError(
        f"{group}={option}: there is no such {group or 'configuration'}",
        f"{meant}There are: {', '.join(options)}." if options else "",
    )


def _groups_composed(words: list[str]) -> DictConfig:
    """Compose the groups that were chosen, leaving out every other override."""
    groups = {path.name for path in conf_dir().iterdir() if path.is_dir()}
    chosen = [word for word in words if word.partition("=")[0] in groups and "," not in word]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return without_hydra(compose(config_name="train", overrides=chosen))
