"""Objects from configuration nodes: plain values in, an instance of an allowed class out."""

from functools import partial
from typing import Any

from seqlab.config.validate.allowlist import check_node, find
from seqlab.data.text import LETTERS
from seqlab.data.tokens.encoding import A_TO_Z
from seqlab.system.errors import UserError, one_line, traceback_hint


def build(node: dict[str, Any], what: str, hint: str = "", **extra: Any) -> Any:
    """Return the object that a node's `_target_` and arguments describe.

    Args:
        node: plain values with `_target_`; its `task`, if any, is not an argument.
        what: the node's place in the configuration; its first part is the role.
        hint: the remedy where the class refuses its arguments; none: where it was raised.
        extra: arguments that only the program knows; they go before the node's own.

    Raises:
        UserError: the target is not allowed or does not exist, or refuses its arguments.
    """
    if not isinstance(node, dict) or "_target_" not in node:
        raise UserError(f"{what} has no _target_", "Name the class there, as module.Class.")
    role = what.partition(".")[0]
    check_node(node, role, what)
    arguments = {key: value for key, value in node.items() if key != "task"}
    return _made(arguments, role, what, hint, extra, part=False)


def _made(
    node: dict[str, Any], role: str, what: str, hint: str, extra: dict[str, Any], *, part: bool
) -> Any:
    target = node["_target_"]
    kind = find(target, role, what, part=part)
    arguments = {
        key: _value(value, role, f"{what}.{key}", hint)
        for key, value in node.items()
        if key not in ("_target_", "_partial_", *extra)
    }
    try:
        if node.get("_partial_", False):
            return partial(kind, **arguments, **extra)
        return kind(**arguments, **extra)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{what} ({target}) cannot be made: {one_line(error)}", hint or traceback_hint(error)
        ) from error


def _value(value: Any, role: str, what: str, hint: str) -> Any:
    if isinstance(value, dict):
        if "_target_" in value:
            return _made(value, role, what, hint, {}, part=True)
        return {key: _value(item, role, f"{what}.{key}", hint) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item, role, f"{what}[{i}]", hint) for i, item in enumerate(value)]
    return value


def as_it_was(config: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return a run's configuration, with what its data meant when it began.

    For earlier versions, `data.preprocessing=joined` was about the letters A to Z alone.

    Args:
        config: the resolved configuration.
        content: of its checkpoint.
    """
    data = config["data"]
    state = content.get(data["_target_"].rpartition(".")[2])
    if data.get("preprocessing") != "joined" or not isinstance(state, dict):
        return config
    if state.get(LETTERS, A_TO_Z) != A_TO_Z:
        return config
    return config | {"data": data | {"preprocessing": A_TO_Z}}
