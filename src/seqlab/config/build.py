"""Objects from configuration nodes."""

from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate

from seqlab.errors import UserError, one_line


def build(
    node: dict[str, Any], what: str, hint: str = "SEQLAB_TRACEBACK=1 shows where.", **extra: Any
) -> Any:
    """Return the object that a node's `_target_` and arguments describe.

    Args:
        node: plain values with `_target_`; its `task`, if any, is not an argument.
        what: the node's place in the configuration, for messages.
        hint: the remedy where the class refuses its arguments.
        extra: arguments that only the program knows.

    Raises:
        UserError: the target does not exist, or refuses its arguments.
    """
    arguments = {key: value for key, value in node.items() if key != "task"}
    if "_target_" not in arguments:
        raise UserError(f"{what} has no _target_", "Name the class there, as module.Class.")
    try:
        return instantiate(arguments, _convert_="all", **extra)
    except HydraException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            raise cause from None
        reason = one_line(cause or error)
        raise UserError(
            f"{what} ({arguments['_target_']}) cannot be made: {reason}", hint
        ) from error
