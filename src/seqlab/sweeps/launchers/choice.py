"""Which launcher a configuration names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqlab.sweeps.launchers.base import Launcher
from seqlab.sweeps.launchers.launcher_options import LocalOptions, RayOptions, SlurmOptions
from seqlab.sweeps.launchers.local import LocalLauncher
from seqlab.sweeps.launchers.ray import RayLauncher
from seqlab.sweeps.launchers.slurm import SlurmLauncher
from seqlab.system.errors import UserError

_PLUGINS = "hydra_plugins.seqlab_launchers."


def build_launcher(
    node: dict[str, Any], work: Callable[[Path, dict[str, str], list[str]], None]
) -> Launcher:
    """Return the launcher that Hydra's node describes, without the options that all share.

    Args:
        node: the node, as plain values.
        work: what a process on this machine does.

    Raises:
        UserError: it is none of ours, or one of its options cannot be.
    """
    target = str(node.get("_target_"))
    options = {key: value for key, value in node.items() if key != "_target_"}
    kind = target.removeprefix(_PLUGINS)
    if kind == "Basic":
        return LocalLauncher(work, LocalOptions(workers=1, **options))
    if kind == "Local":
        return LocalLauncher(work, LocalOptions(**options))
    if kind == "Slurm":
        return SlurmLauncher(SlurmOptions(**options))
    if kind == "Ray":
        return RayLauncher(RayOptions(**options))
    raise UserError(
        f"hydra/launcher: {target} cannot keep a sweep's ledger",
        "There are: basic (one job at a time), local (several at once), slurm and ray.",
    )
