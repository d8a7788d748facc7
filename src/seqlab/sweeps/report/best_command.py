"""The command that runs a setting again, with the seeds that it had."""

import argparse
import re
import shlex
from collections.abc import Sequence
from functools import cache

from seqlab.sweeps.ledger import Row, Started
from seqlab.sweeps.report.settings import SEED, typed

# But for the seed, they decide where the sweep lies: a repetition gets a folder of its own.
_LEFT_OUT = (SEED, "name", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
_ODD = re.compile(r"[^\w.-]+")


def rerun_command(rows: Sequence[Row], started: Started | None, sweep: str) -> str:
    """Return one command, quoted for a shell, that runs a setting again in another folder.

    In the sweep's own folder, its jobs would be found finished.

    Args:
        rows: the setting's jobs; they differ in the seed alone.
        started: the sweep's latest start, whose folder of own options the command names too.
        sweep: name of the sweep's folder.
    """
    words = [word for word in rows[0].overrides if _key(word) not in _LEFT_OUT]
    given = (row.parameters[SEED] for row in rows if SEED in row.parameters)
    seeds = list(dict.fromkeys(map(typed, given)))
    if seeds:
        words.append(f"{SEED}={','.join(seeds)}")
    flags = _config_dir(tuple(started.words) if started else ())
    name = _ODD.sub("_", sweep).strip("_.-").removesuffix("_again") or "sweep"
    words.append(f"name={name}_again")
    multirun = ["-m"] if len(seeds) > 1 else []
    return shlex.join(["python", "-m", "train", *flags, *multirun, *words])


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+")


@cache
def _config_dir(words: tuple[str, ...]) -> list[str]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=True)
    parser.add_argument("--config-dir", "-cd")
    known, _ = parser.parse_known_args(words)
    return ["--config-dir", known.config_dir] if known.config_dir else []
