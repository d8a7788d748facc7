"""Every key that the chosen options declare, read from their own files."""

from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.plugins.config_source import ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from seqlab.config.folders import CHOOSING, ROOT
from seqlab.config.validate.check import NAMED

"""Groups that set what others declare."""


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
    """Return the chosen options without experiment and recipe: all keys, with their defaults.

    Composing once more would take as long as Hydra takes to compose at all; options are read
    instead, and only those with parts from elsewhere in their defaults list are composed.

    Args:
        choices: group -> option, or options.
        hydra_overrides: those that Hydra itself was given, for the folders that it searches.
    """
    chosen = {
        str(group): option
        for group, option in choices.items()
        if not str(group).startswith("hydra/") and group not in CHOOSING and option is not None
    }
    loader = GlobalHydra.instance().config_loader()
    assert loader is not None
    sources = loader.get_sources()
    root = _file(ROOT, sources)[0]
    for key in ("defaults", "hydra"):
        root.pop(key)
    for group, option in chosen.items():
        options = option if isinstance(option, list) else [option]
        contents = [_plain(f"{group}/{each}", sources) for each in options]
        if None in contents:
            folders = [each for each in hydra_overrides if each.startswith("hydra.searchpath")]
            overrides = [f"{name}={_word(value)}" for name, value in chosen.items()]
            alone = ["recipe=none", "experiment=none"]
            return compose(ROOT, overrides=[*folders, *overrides, *alone])
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


def _plain(path: str, sources: list[ConfigSource]) -> Any:
    """Return an option's content, `None` where other files than its own group's decide on it."""
    content, packaged = _file(path, sources)
    if packaged or not isinstance(content, DictConfig):
        return None
    listed: Any = OmegaConf.to_container(OmegaConf.create(content.pop("defaults", [])))
    below = [each for each in listed if not _overrides_another(each)]
    parts: list[Any] = []
    for each in below if "_self_" in below else [*below, "_self_"]:
        if each == "_self_":
            parts.append(content)
        elif isinstance(each, str) and not set(each) & set("/@$ "):
            parts.append(_plain(f"{path.rpartition('/')[0]}/{each}", sources))
        else:
            return None
    return None if None in parts else OmegaConf.merge(*parts)


def _overrides_another(entry: Any) -> bool:
    return isinstance(entry, dict) and all(str(key).startswith("override ") for key in entry)


def _file(path: str, sources: list[ConfigSource]) -> tuple[Any, bool]:
    """Return the content of a file, and whether it names a package that is not its group's."""
    for source in sources:
        if source.is_config(path):
            result = source.load_config(path)
            return result.config, bool(result.header.get("package"))
    return None, False
