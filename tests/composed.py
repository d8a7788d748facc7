"""Configurations as the command line composes them."""

from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from seqlab.config.compose.naming import register_resolvers
from seqlab.config.compose.parsed_files import parsing_files_once
from seqlab.config.compose.preflight import check_composed, without_hydra
from seqlab.config.folders import conf_dir
from seqlab.config.validate.check import resolved


def checked(*overrides: str) -> dict[str, Any]:
    """Compose as the command line does, check, and return plain values."""
    register_resolvers()
    GlobalHydra.instance().clear()
    with parsing_files_once(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
        whole: Any = compose("train", overrides=list(overrides), return_hydra_config=True)
        config = without_hydra(whole)
        check_composed(config, whole.hydra)
        return resolved(config)
