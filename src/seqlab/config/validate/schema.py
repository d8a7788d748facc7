"""Every key that the chosen options declare, read from their own files."""

from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.plugins.config_source import ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from seqlab.config.folders import ROOT
from seqlab.config.validate.check import NAMED


def all_choices(known: Any, overrides: list[str]) -> dict[str, Any]:
    """Return what was chosen for each group: an option, or a list of them where there are several.

    Hydra itself tells the groups of one option only. Several are `callbacks=[default,mine]`.

    Args:
        known: group -> option, as Hydra has them.
        overrides: all `key=value` words.
    """
    choices = dict(known)
    missing = [group for group in NAMED if group not in choices]
    if missing:
        loader = GlobalHydra.instance().config_loader()
        assert loader is not None
        for each in loader.compute_defaults_list(ROOT, overrides, RunMode.RUN).defaults:
            group, _, option = str(each.config_path).rpartition("/")
            if group in missing:
                choices.setdefault(group, []).append(option)
    return choices


def reference_config(choices: Any, hydra_overrides: list[str]) -> DictConfig:
    """Return the chosen options without an experiment: what may be typed, with its defaults.

    Composing once more would take as long as Hydra takes to compose at all; options that are
    plain files are read instead, and only those with a defaults list of their own are composed.

    Args:
        choices: group -> option, or options.
        hydra_overrides: those that Hydra itself was given, for the folders that it searches.
    """
    chosen = {
        str(group): option
        for group, option in choices.items()
        if not str(group).startswith("hydra/")
        and group not in ("experiment", "sweep")
        and option is not None
    }
    loader = GlobalHydra.instance().config_loader()
    assert loader is not None
    sources = loader.get_sources()
    root = _content(ROOT, sources)
    assert root is not None
    for key in ("defaults", "hydra"):
        root.pop(key)
    for group, option in chosen.items():
        options = option if isinstance(option, list) else [option]
        contents = [_plain(f"{group}/{each}", sources) for each in options]
        if None in contents:
            folders = [each for each in hydra_overrides if each.startswith("hydra.searchpath")]
            overrides = [f"{name}={_word(value)}" for name, value in chosen.items()]
            return compose(ROOT, overrides=[*folders, *overrides, "experiment=none"])
        content = OmegaConf.merge(*contents)
        OmegaConf.update(root, group.replace("/", "."), content, merge=False, force_add=True)
    return root


def _word(option: Any) -> str:
    return f"[{','.join(option)}]" if isinstance(option, list) else str(option)


def option_content(option: str) -> Any:
    """Return what stands in an option's file, `group/option`, as plain values; maybe nothing."""
    loader = GlobalHydra.instance().config_loader()
    for source in loader.get_sources() if loader else []:
        if source.is_config(option):
            return OmegaConf.to_container(source.load_config(option).config, resolve=False)
    return None


def _plain(path: str, sources: list[ConfigSource]) -> DictConfig | None:
    """Return an option's content where nothing but its own group and file decides on it."""
    content = _content(path, sources)
    return None if content is None or "defaults" in content else content


def _content(path: str, sources: list[ConfigSource]) -> DictConfig | None:
    for source in sources:
        if source.is_config(path):
            result = source.load_config(path)
            packaged = bool(result.header.get("package"))
            return result.config if isinstance(result.config, DictConfig) and not packaged else None
    return None
