"""`python -m train --help`, at once."""

from pathlib import Path
from string import Template

from omegaconf import OmegaConf

from seqlab.config.folders import ROOT, conf_dir


def help_text(config_dir: Path | None) -> str:
    """Return what Hydra would print for `--help`: train.yaml's own text, and every option.

    Hydra composes first and then looks through its own groups too, which takes three times as
    long as to start at all.
    """
    whole = OmegaConf.load(conf_dir() / f"{ROOT}.yaml")
    lines = [f"{group}: {', '.join(options)}\n" for group, options in _groups(config_dir)]
    return Template(whole.hydra.help.template).substitute(APP_CONFIG_GROUPS="".join(lines))


def _groups(config_dir: Path | None) -> list[tuple[str, list[str]]]:
    found: dict[str, set[str]] = {}
    for folder in filter(None, (conf_dir(), config_dir)):
        for file in folder.rglob("*.yaml"):
            group = file.parent.relative_to(folder).as_posix()
            if group != "." and not group.startswith("hydra"):
                found.setdefault(group, set()).add(file.stem)
    return [(group, sorted(found[group])) for group in sorted(found)]
