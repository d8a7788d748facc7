"""The text that `data.path` names: the same file later, whichever folder one stands in by then."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, open_dict

from seqlab.system.errors import UserError
from seqlab.system.text_files import opened

DATA_PATH = "data.path"


def fix_data_path(config: DictConfig, folders: Iterable[Path] = ()) -> None:
    """Make a relative `data.path` absolute; a reference, or what is found nowhere, stays as it is.

    Args:
        config: a composed or saved configuration; it is changed.
        folders: where the file is looked for, after the working folder.
    """
    data = config.get("data")
    node = data._get_node("path") if isinstance(data, DictConfig) and "path" in data else None
    path = None if node is None or node._is_interpolation() else node._value()
    if not isinstance(path, str) or os.path.isabs(path):  # noqa: PTH117 - or it may be a Path
        return
    for folder in (Path.cwd(), *folders):
        file = folder.absolute() / path
        if os.path.exists(file) and "${" not in str(file):  # noqa: PTH110 - for any length of name
            with open_dict(config):
                config.data.path = str(file)
            return


def check_data_path(data: Mapping[str, Any], remedy: str = "") -> None:
    """Raise `UserError` where one of seqlab's own data sets cannot read what `data.path` names.

    Args:
        data: the resolved node.
        remedy: what to type where it has moved; without one, what a new run needs.
    """
    path = data.get("path")
    if not path or not data["_target_"].startswith("seqlab.data."):
        return
    try:
        # A pipe can be read only once; what is too long a name is none.
        if not (os.path.exists(path) and Path(path).is_fifo()):  # noqa: PTH110
            opened(Path(path)).close()
    except UserError as error:
        raise UserError(str(error), remedy or error.hint) from error
