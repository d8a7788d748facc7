"""Copies of small runs that a test may make hostile."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from attacks import Trap

from conftest import Outcome
from expect import Command, Commands
from seqlab.runs.folder.run_folder import RunFolder


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    """Everything that attacks need, beside the run folder."""
    return Trap(tmp_path / "trap")


def _copied(run: RunFolder, target: Path) -> RunFolder:
    target.mkdir(parents=True)
    (target / "checkpoints").mkdir()
    for file in (run.config, run.result, run.metrics, run.samples, run.log, run.best, run.last):
        if file.is_file():
            shutil.copyfile(file, target / file.relative_to(run.path))
    return RunFolder(target)


@pytest.fixture
def texts(language_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A run of a language model."""
    return _copied(language_run, tmp_path / "texts")


@pytest.fixture
def series(sine_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A run of a forecaster."""
    return _copied(sine_run, tmp_path / "series")


@pytest.fixture
def config(texts: RunFolder) -> dict[str, Any]:
    """The language model's configuration, to be changed and written back."""
    content: dict[str, Any] = yaml.safe_load(texts.config.read_text())
    return content


@pytest.fixture
def commands(train: Command, seqlab: Command) -> Commands:
    """Hand a run folder to every command that takes one."""

    def call(run: RunFolder) -> list[Outcome]:
        path = str(run.path)
        verb = "generate" if run.samples.exists() or run.path.name == "texts" else "forecast"
        return [
            seqlab("evaluate", path, "--checkpoint", "last"),
            seqlab(verb, path, "--checkpoint", "last"),
            train(f"resume={path}", "trainer.max_epochs=3"),
        ]

    return call
