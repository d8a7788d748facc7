"""Every key of every option: values of another type are refused, and the override is named."""

from typing import Any

import pytest
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from seqlab.config.compose.command import hydra_loader
from seqlab.config.compose.naming import register_resolvers
from seqlab.config.folders import conf_dir
from seqlab.config.validate.check import Sources, check, leaves
from seqlab.config.validate.rules import RULES
from seqlab.config.validate.schema import reference_config
from seqlab.system.errors import UserError

GROUPS = ["data", "model", "optimizer", "scheduler", "trainer", "callbacks", "logger"]
WRONG: dict[str, Any] = {
    "text": "neither_this_nor_that",
    "number": -7.25,
    "list": [["x"]],
    "dictionary": {"x": 1},
    "null": None,
    "truth": True,
}
# Texts of the person's own choosing: any text may stand there.
FREE_TEXTS = ("name", "resume", "again", "data.path", "_target_")


def composed(*overrides: str) -> DictConfig:
    register_resolvers()
    with hydra_loader(None) as loader:
        defaults = loader.compute_defaults_list("train", list(overrides), RunMode.RUN)
        return reference_config(defaults.overrides.known_choices, [])


def whole(group: str, option: str) -> DictConfig:
    """Return a configuration with that option that passes the check as it is."""
    overrides = ["experiment=none"]
    content = OmegaConf.load(conf_dir() / group / f"{option}.yaml")
    if group in ("data", "model") and content.task == "language_model":
        overrides += ["data=sample_story", "model=rnn"]
    overrides = [each for each in overrides if not each.startswith(f"{group}=")]
    config = composed(*overrides, f"{group}={option}")
    if OmegaConf.is_missing(config.data, "path"):
        config.data.path = "corpus.txt"
    return config


def keys() -> list[Any]:
    found = {}
    for group in GROUPS:
        for file in sorted((conf_dir() / group).glob("*.yaml")):
            content = OmegaConf.load(file)
            assert isinstance(content, DictConfig)
            content.pop("defaults", None)
            for path, _ in leaves(OmegaConf.create({group: content})):
                if "." in path:
                    found.setdefault(path, (group, file.stem, path))
    found |= {key: ("data", "sine", key) for key in ("name", "seed", "monitor", "resume", "again")}
    return [pytest.param(*value, id=f"{value[1]}: {key}") for key, value in found.items()]


@pytest.mark.parametrize(("group", "option", "path"), keys())
def test_value_of_another_type_is_refused(group: str, option: str, path: str) -> None:
    reference = whole(group, option)
    check(reference, reference, Sources([]))
    default = OmegaConf.select(reference, path)
    messages = {}
    for kind, value in WRONG.items():
        config = reference.copy()
        OmegaConf.update(config, path, value, merge=False)
        typed = f"{path}={value}"
        try:
            check(config, reference, Sources([typed]))
        except UserError as error:
            messages[kind] = str(error)
    refusals = set(messages)
    for message in messages.values():
        assert path in message
        assert "on the command line" in message or "is not set" in message
    rule = RULES.get(path)
    allowed = set()
    if rule is not None:
        allowed = {kind for kind, value in WRONG.items() if rule.allows(value)}
    elif isinstance(default, bool):
        allowed = {"truth"}
    if path.endswith(FREE_TEXTS):
        allowed.add("text")
    if path.endswith("_target_"):
        # Another class may stand there; which ones may is not a question of types.
        allowed.add("text")
        refusals.discard("text")
    if path.endswith("monitor"):
        allowed.discard("text")  # no such metric
    assert refusals == set(WRONG) - allowed
    assert {"list", "dictionary"} <= refusals
    assert allowed <= {"text", "null", "truth"}


def raw(config: DictConfig, path: str) -> Any:
    plain: Any = OmegaConf.to_container(config, resolve=False)
    for part in path.split("."):
        plain = plain[part]
    return plain


# Null has a meaning of Lightning's own there, which is not that of the default.
NULL_BESIDES_A_DEFAULT = {
    "callbacks.samples.temperature",
    "callbacks.weight_averaging.decay",
    "data.path",
    "trainer.check_val_every_n_epoch",
    "trainer.gradient_clip_algorithm",
    "trainer.log_every_n_steps",
    "trainer.num_sanity_val_steps",
}


def test_null_is_allowed_only_where_some_file_has_it_as_default() -> None:
    root = OmegaConf.load(conf_dir() / "train.yaml")
    defaults = {key for key in ("name", "seed", "monitor", "resume", "again") if root[key] is None}
    for group in GROUPS:
        for file in (conf_dir() / group).glob("*.yaml"):
            options = OmegaConf.create({group: OmegaConf.load(file)})
            defaults |= {path for path, _ in leaves(options) if raw(options, path) is None}
    allowed = {path for path, rule in RULES.items() if rule.allows(None)}
    watching = ("callbacks.checkpoints", "callbacks.early_stopping", "scheduler")
    follows_monitor = {f"{key}.monitor" for key in watching}
    assert allowed == defaults | NULL_BESIDES_A_DEFAULT | follows_monitor
