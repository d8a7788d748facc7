"""Objects from configuration nodes."""

from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate

from seqlab.errors import UserError


def build(node: dict[str, Any], what: str, **extra: Any) -> Any:
    """Return the object that a node's `_target_` and arguments describe.

    Args:
        node: plain values with `_target_`; its `task`, if any, is not an argument.
        what: the node's place in the configuration, for messages.
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
        reason = str(cause or error).splitlines()[0]
        raise UserError(
            f"{what} ({arguments['_target_']}) cannot be made: {reason}",
            "SEQLAB_TRACEBACK=1 shows where.",
        ) from error
