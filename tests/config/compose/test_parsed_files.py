"""Files of options are parsed once, and again where they changed."""

import os
from pathlib import Path
from typing import Any

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from composed import checked
from seqlab.config.compose.command import hydra_loader
from seqlab.config.compose.parsed_files import parsing_files_once


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are parsed."""
    names: list[str] = []
    load = OmegaConf.load

    def noted(file: Any) -> Any:
        names.append(Path(file.name).name)
        return load(file)

    monkeypatch.setattr("seqlab.config.compose.parsed_files._parsed", {})
    monkeypatch.setattr(OmegaConf, "load", noted)
    return names


def test_each_file_is_parsed_once_however_often_it_is_composed(parsed: list[str]) -> None:
    first = checked("model.hidden_size=3")
    assert parsed.count("mlp.yaml") == parsed.count("train.yaml") == 1
    parsed.clear()
    assert checked("model.hidden_size=3") == first
    assert checked()["model"]["hidden_size"] == 10, "what one command set stayed in the copy"
    assert parsed == []


def test_a_file_that_changed_is_parsed_again(parsed: list[str], tmp_path: Path) -> None:
    file = tmp_path / "model" / "mine.yaml"
    file.parent.mkdir()
    widths = []
    for width in (3, 4):
        file.write_text(f"task: forecasting\nwidth: {width}\n")
        os.utime(file, ns=(width, width))  # within the grain of the clock, two writes look the same
        with parsing_files_once(), hydra_loader(tmp_path) as loader:
            whole = loader.load_configuration("train", ["model=mine"], RunMode.RUN)
        widths.append(whole.model.width)
    assert widths == [3, 4]
    assert parsed.count("mine.yaml") == 2


def test_files_are_read_as_before_afterwards(parsed: list[str]) -> None:
    for _ in range(2):
        with hydra_loader(None) as loader:
            loader.load_configuration("train", [], RunMode.RUN)
    assert parsed.count("mlp.yaml") == 2
