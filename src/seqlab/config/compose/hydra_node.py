"""Hydra's own node is configuration too: it may not be a way around the list of what may run."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from seqlab.config.validate.allowlist import is_allowed, nodes
from seqlab.system.errors import UserError
from seqlab.system.replaced import replaced

PREFLIGHT = "seqlab.commands.claim.ClaimFolder"
"""What `hydra.callbacks.preflight` of train.yaml has to be."""
_PLUGINS = "hydra_plugins.seqlab_"
_OURS = {
    "hydra.launcher": "basic, local, slurm, ray",
    "hydra.sweeper": "basic, optuna_search",
}
_LOGGING = ("job_logging", "hydra_logging")
_STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
_HINT = "What Hydra itself may start is fixed: python -m seqlab help safety."


@contextmanager
def checked_hydra(*, is_one_run: bool) -> Iterator[None]:
    """Let Hydra compose only configurations whose own node starts nothing else.

    Hydra sets up logging and callbacks as soon as it has composed, before any callback of ours.

    Args:
        is_one_run: whether this is known already; Hydra would compose once more to find out.
    """
    original = ConfigLoaderImpl.load_configuration

    def load(self: Any, *arguments: Any, **named: Any) -> DictConfig:
        config = original(self, *arguments, **named)
        check_hydra(config)
        return config

    with ExitStack() as stack:
        stack.enter_context(replaced(ConfigLoaderImpl, "load_configuration", load))
        if is_one_run:
            stack.enter_context(replaced(Hydra, "get_mode", lambda *_, **__: RunMode.RUN))
        yield


def check_hydra(config: DictConfig) -> None:
    """Raise `UserError` where Hydra's node would start something, or change the environment."""
    node = config._get_node("hydra")
    if not isinstance(node, DictConfig):
        return
    plain: Any = OmegaConf.to_container(node, resolve=False)
    if (plain.get("job") or {}).get("env_set"):
        raise UserError(
            "hydra.job.env_set would change the environment", "Set the variables in the shell."
        )
    for group in _LOGGING:
        _check_logging(plain.get(group), f"hydra.{group}")
    for path, found in nodes(plain, "hydra"):
        target = found["_target_"]
        if path in _OURS and not str(target).startswith(_PLUGINS):
            raise UserError(
                f"{path}._target_={target} cannot keep a sweep's ledger",
                f"There are: {path.replace('.', '/')}={_OURS[path]}.",
            )
        ours = path.startswith("hydra.callbacks.") and target == PREFLIGHT
        if not (path in _OURS or ours or (isinstance(target, str) and is_allowed(target))):
            raise UserError(f"{path}._target_={target} may not be instantiated", _HINT)


def _check_logging(value: Any, path: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            known = isinstance(item, str) and item.startswith(("logging.", "colorlog."))
            if key == "()" or (key == "class" and not known):
                raise UserError(f"{path}.{key}={item} may not be instantiated", _HINT)
            _check_logging(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            _check_logging(item, path)
    elif isinstance(value, str) and "://" in value and value not in _STREAMS:
        raise UserError(f"{path}={value} may not be used", _HINT)
