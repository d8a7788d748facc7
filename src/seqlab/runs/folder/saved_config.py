"""The configuration that a run folder holds, and what may be changed in it."""

from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, Node, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from seqlab.config.data_path import DATA_PATH, fix_data_path
from seqlab.config.environment import bounded_references, watch_environment
from seqlab.config.folders import CONFIG, LEDGER, is_folder, refuse_url
from seqlab.config.validate.check import GROUPS, Sources, check, check_groups, leaves, unknown_key
from seqlab.config.validate.flags import check_flags
from seqlab.config.validate.untrusted import check_complete, check_folder, read_config
from seqlab.config.words import readable
from seqlab.system.errors import UserError, first_line
from seqlab.system.terminal import as_word

RESUMABLE = (
    *("trainer", "callbacks", "logger", "monitor", "on_nonfinite", DATA_PATH),
    "scheduler.on_extension",
)
"""What may change when a run goes on; with anything else it would be another experiment."""

_WHOLE_RUN = "${trainer.max_epochs}"
"""How earlier versions wrote the length of a schedule that is the run's, which is null now."""

_GONE = object()
_LATER_FLAGS = {"cuda_graph": "auto", "tf32": False}
"""Keys of `trainer` that run folders of version 0.1.0 do not have, with their defaults."""


def read_saved(folder: Path) -> DictConfig:
    """Return the configuration that a run folder holds, unresolved, as far as it can be trusted.

    Raises:
        UserError: no such run, a folder that leads elsewhere, or an unreadable configuration.
    """
    refuse_url(folder, "")
    if not is_folder(folder):
        raise UserError(
            f"there is no run folder {folder}", "Name the folder of a run; they lie under outputs/."
        )
    file = folder / CONFIG
    watch_environment()
    check_folder(folder)
    try:
        with bounded_references():
            saved = read_config(file)
            check_groups(saved, f"{file}")
            check_complete(saved, file)
    except FileNotFoundError:
        raise _no_run(folder) from None
    except (OmegaConfBaseException, OSError) as error:
        raise UserError(
            f"{file} cannot be read: {first_line(error)}",
            "The file is damaged; the run has to be started again.",
        ) from error
    length = dict(leaves(saved)).get("scheduler.T_max")
    if isinstance(length, Node) and length._value() == _WHOLE_RUN:
        saved.scheduler.T_max = None
    with open_dict(saved):
        for key, value in _LATER_FLAGS.items():
            saved.trainer.setdefault(key, value)
    # By default a run lies some folders below the one that it was started in.
    fix_data_path(saved, folder.absolute().parents)
    return saved


def _no_run(folder: Path) -> UserError:
    """Return the error for a folder that is no run's, with the newest run in it if there is one."""
    inside = [each.parent for each in folder.glob(f"*/{CONFIG}")]
    newest = max(inside, key=lambda each: (each.stat().st_mtime, each.name), default=None)
    named = f", such as {as_word(newest)}" if newest else ""
    if (folder / LEDGER).is_file():
        return UserError(
            f"{folder} is the folder of a sweep, not of a run",
            f"Name the folder of one of its jobs{named}; to continue a sweep, repeat its command.",
        )
    if newest:
        return UserError(f"{folder} holds runs, and is none itself", f"Name one of them{named}.")
    return UserError(
        f"{folder} is not a run folder: it has no {CONFIG}", "Name the folder of a run."
    )


def saved_values(folder: Path) -> dict[str, Any]:
    """Return each key of a run's configuration with its plain value, a reference as it is written.

    Raises:
        UserError: as `read_saved` does.
    """
    return {
        path: OmegaConf.to_container(value, resolve=False)
        if isinstance(value, ListConfig)
        else value._value()
        for path, value in leaves(read_saved(folder))
        if isinstance(value, Node)  # an empty group is none
    }


def load_config(
    folder: Path, overrides: list[str] | None = None, changeable: tuple[str, ...] = RESUMABLE
) -> DictConfig:
    """Return the configuration of an earlier run, with `key=value` overrides applied and checked.

    Args:
        folder: the run folder.
        overrides: as typed.
        changeable: the keys, or first parts of keys, that may be overridden.

    Raises:
        UserError: no such run, an unreadable configuration, or an override that does not fit it.
    """
    saved = read_saved(folder)
    changed = saved.copy()
    for key, value in _parsed(overrides or []):
        if value is _GONE:
            _delete(changed, key, folder)
            continue
        known = {path for path, _ in leaves(saved)}
        if key in GROUPS:
            raise UserError(
                f"{key}={value} would choose another option: a run that has begun keeps its own",
                f"Start a new run with {key}={value}.",
            )
        if key not in known:
            raise unknown_key(key, saved, f"in the run {folder}")
        if not any(key == allowed or key.startswith(f"{allowed}.") for allowed in changeable):
            raise UserError(
                f"{key} cannot change in a run that has begun",
                f"Start a new run: python -m train again={as_word(folder)} {key}={value}\n"
                f"  What may change: {', '.join(changeable)}.",
            )
        with open_dict(changed):
            OmegaConf.update(changed, key, value)
    fix_data_path(changed)
    sources, typed = Sources(overrides or []), {key for key, _ in _parsed(overrides or [])}
    check_flags(check(changed, saved, sources), sources.of, typed)
    return changed


def _parsed(overrides: list[str]) -> list[tuple[str, Any]]:
    parsed = OverridesParser.create().parse_overrides(list(map(readable, overrides)))
    for override in parsed:
        if override.is_add() or override.is_sweep_override():
            raise UserError(
                f"{override.input_line!r} cannot change an earlier run",
                "Only key=value can, for keys that the run has, and '~callbacks.NAME'.",
            )
    return [(each.key_or_group, _GONE if each.is_delete() else each.value()) for each in parsed]


def _delete(config: DictConfig, key: str, folder: Path) -> None:
    """Switch a callback off: nothing else can be left out of a run that has begun."""
    group, _, name = key.partition(".")
    if group != "callbacks" or not name or "." in name:
        raise UserError(
            f"'~{key}' cannot change an earlier run",
            "Only a callback can be switched off: '~callbacks.NAME'.",
        )
    if name not in (config.get(group) or {}):
        raise unknown_key(key, config, f"in the run {folder}")
    with open_dict(config):
        del config[group][name]
