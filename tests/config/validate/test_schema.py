"""The keys that options declare, read from their files, are those that Hydra composes."""

from pathlib import Path

import pytest
from hydra import compose
from omegaconf import OmegaConf

from seqlab.config.compose.command import hydra_loader
from seqlab.config.compose.naming import register_resolvers
from seqlab.config.folders import conf_dir
from seqlab.config.validate.schema import reference_config

GROUPS = ["data", "model", "optimizer", "scheduler", "trainer", "callbacks", "logger"]
OPTIONS = [
    (group, file.stem) for group in GROUPS for file in sorted((conf_dir() / group).glob("*.yaml"))
]


def both(folder: Path | None, *overrides: str) -> tuple[object, object]:
    """Return the reference of the chosen options, and what Hydra composes of them."""
    register_resolvers()
    with hydra_loader(folder):
        alone = ["experiment=none", "recipe=none"]
        composed = compose("train", [*alone, *overrides], return_hydra_config=True)
        read = reference_config(composed.hydra.runtime.choices, [])
        whole = OmegaConf.to_container(composed, resolve=False)
        assert isinstance(whole, dict)
        whole.pop("hydra")
        return OmegaConf.to_container(read, resolve=False), whole


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_declares_what_hydra_composes_of_it(group: str, option: str) -> None:
    read, composed = both(None, f"{group}={option}")
    assert read == composed


@pytest.mark.parametrize(
    "content",
    [
        "task: language_model\n_target_: mine.Model\nrate: 1e-3\n",
        "defaults: [rnn]\nhidden_size: 7\n",
        "defaults: [rnn, _self_]\nhidden_size: 7\n",
        "defaults: [_self_, rnn]\nhidden_size: 7\nrate: 2\n",
        "defaults: [{override /optimizer@_global_.optimizer: sgd}]\ntask: language_model\n"
        "_target_: mine.Model\n",
        "# @package _group_\ntask: language_model\n_target_: mine.Model\n",
        "defaults:\n  - /optimizer@more: sgd\n  - _self_\ntask: language_model\n_target_: a.B\n",
    ],
    ids=["plain", "defaults", "self", "self first", "override", "package", "elsewhere"],
)
def test_option_of_an_own_folder_declares_what_hydra_composes_of_it(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text(content, encoding="utf-8")
    read, composed = both(tmp_path, "model=mine")
    assert read == composed
