"""What surrounds a process: variables of launchers and libraries that must not change a run."""

import logging
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from seqlab.system.errors import EXIT_USAGE, UserError

_SHUT_OUT = (
    "PL_TRAINER_",  # defaults of any flag of the Trainer
    "MPLBACKEND",  # figures have their own
    "TORCH_FORCE_WEIGHTS_ONLY_LOAD",  # checkpoints are loaded safely, whatever these say
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD",
    "HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE",
    "HYDRA_DEPRECATION_WARNINGS_AS_ERRORS",
    "HYDRA_MAIN_MODULE",
    "SELF_WARNING_AS_ERROR",
)
_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
_TASKS = {
    "srun": "SLURM_STEP_NUM_TASKS",
    "mpirun": "OMPI_COMM_WORLD_SIZE",
    "mpiexec": "PMI_SIZE",
    "jsrun": "JSM_NAMESPACE_SIZE",
}
_FIRST_SPEAKS_S = 10.0


@contextmanager
def own_environment() -> Iterator[None]:
    """Hide variables from libraries, and from the processes started meanwhile, and keep them quiet.

    Libraries read most of them when they are imported, so this comes before.
    """
    hidden = {name: os.environ.pop(name) for name in [*os.environ] if _is_shut_out(name)}
    plots = logging.getLogger("matplotlib")  # says that its folder cannot be written
    level = plots.level
    plots.setLevel(logging.ERROR)
    try:
        yield
    finally:
        plots.setLevel(level)
        os.environ.update(hidden)
        if "MPLBACKEND" in hidden and "matplotlib" in sys.modules:  # a notebook's own figures
            with suppress(ValueError):
                sys.modules["matplotlib"].rcParams["backend"] = hidden["MPLBACKEND"]


def _is_shut_out(name: str) -> bool:
    if name in _RANKS:  # Lightning cannot be imported where one of them is no number
        return not os.environ[name].isdecimal()
    return name.startswith(_SHUT_OUT)


def check_started_once(words: Sequence[str]) -> None:
    """Refuse a command of which torchrun has started several processes: each would do it all.

    The first of them says so. The others wait, since torchrun ends all as soon as one has ended.

    Args:
        words: of the command line.

    Raises:
        UserError: there are several.
        SystemExit: there are several, and this is not the first.
    """
    together = _number("WORLD_SIZE")
    if "TORCHELASTIC_RUN_ID" not in os.environ or together < 2:
        return
    if _number("RANK") > 0:
        time.sleep(_FIRST_SPEAKS_S)
        raise SystemExit(EXIT_USAGE)
    here = _number("LOCAL_WORLD_SIZE") or together
    rest = [word for word in words if not word.startswith(("trainer=", "trainer.devices="))]
    ddp = "trainer.strategy=ddp" if any(w.startswith("resume=") for w in rest) else "trainer=ddp"
    typed = shlex.join([*rest, ddp, f"trainer.devices={here}"])
    raise UserError(
        f"torchrun has started {together} processes of this command, and each would train a run "
        "of its own",
        f"A run starts its processes itself. Type, without torchrun: python -m train {typed}",
    )


def tasks_around() -> tuple[str, int]:
    """Return what has started this process along with others, and how many they are; or one."""
    for launcher, variable in _TASKS.items():
        if (count := _number(variable)) > 1:
            return launcher, count
    return "", 1


def _number(variable: str) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0
