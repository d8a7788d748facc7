"""A copy of the YAML files as they were when a sweep began: later edits do not reach its jobs."""

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from seqlab.config.compose.overrides import values_of
from seqlab.config.earlier import AGAIN
from seqlab.config.folders import CONFIG, conf_dir
from seqlab.system.errors import UserError

_PACKAGE = re.compile(r"^\s*#\s*@package.*$", re.MULTILINE)
_VARIABLE = re.compile(r"oc\.env:\s*['\"]?(\w+)")


@dataclass(frozen=True)
class Snapshot:
    """The configuration files of a sweep.

    Attributes:
        folder: where the copies lie.
    """

    folder: Path

    @property
    def main(self) -> Path:
        """The copy of seqlab's own options."""
        return self.folder / "seqlab"

    @property
    def own(self) -> Path | None:
        """The copy of the folder behind `--config-dir`."""
        folder = self.folder / "own"
        return folder if folder.is_dir() else None


def take_snapshot(target: Path, config_dir: Path | None) -> Snapshot:
    """Copy every YAML file that options may come from.

    Args:
        target: a folder that does not exist yet.
        config_dir: the folder of the person's own options, if one was named.
    """
    snapshot = Snapshot(target)
    _copy(conf_dir(), snapshot.main)
    if config_dir is not None:
        _copy(config_dir, target / "own")
    return snapshot


def snapshot_id(config_dir: Path | None, words: list[str]) -> str:
    """Return what tells one state of the configuration files from another.

    Comments do not count; the environment variables that the files or the words refer to do, and
    the configuration of the run that `again=RUN` names.

    Args:
        config_dir: the folder of the person's own options, if one was named.
        words: the overrides that were typed.
    """
    found = hashlib.sha256()
    names: set[str] = set()
    for label, folder in (("seqlab", conf_dir()), ("own", config_dir)):
        for file in _yaml_files(folder):
            text = file.read_text(encoding="utf-8", errors="replace")
            names.update(_VARIABLE.findall(text))
            found.update(f"{label}/{file.relative_to(folder or file)}\n".encode())
            found.update(_content(text).encode())
    for word in words:
        names.update(_VARIABLE.findall(word))
        if word.lstrip("+").partition("=")[0] == AGAIN:
            for run in map(Path, values_of(word)):
                found.update(f"{run}\n".encode())
                found.update((run / CONFIG).read_bytes() if (run / CONFIG).is_file() else b"")
    for name in sorted(names):
        found.update(f"{name}={os.environ.get(name)}\n".encode())
    return found.hexdigest()[:12]


def _content(text: str) -> str:
    """Return what a file says: its values, and the package that its first lines name."""
    try:
        return json.dumps([_PACKAGE.findall(text), yaml.safe_load(text)], default=str)
    except yaml.YAMLError:
        return text  # whoever composes it says what is wrong


def _yaml_files(folder: Path | None) -> list[Path]:
    return [] if folder is None else sorted(folder.rglob("*.yaml"))


def _copy(source: Path, target: Path) -> None:
    try:
        for file in _yaml_files(source):
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the configuration files in {source} cannot be copied: {error.strerror}",
            "A sweep keeps a copy in its own folder, so that no edit reaches its later jobs.",
        ) from error
