"""A hostile configuration, in a run folder or an experiment file: refused, and nothing runs."""

import sys
import time
from contextlib import suppress
from typing import Any

import pytest
import yaml
from attacks import ATTACKS, Attack, Trap, filled, set_in, unguarded

from expect import Command, Commands, refused, tree
from processes import probe
from seqlab.runs.build import build
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import UserError

pytest_plugins = ["hostile"]


EVERY = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


@pytest.fixture
def reachable(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> Trap:
    """The trap, its modules importable and not imported yet."""
    monkeypatch.syspath_prepend(str(trap.folder))
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    return trap


def test_the_collection_is_large() -> None:
    assert len(ATTACKS) >= 45
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.runs], ids=lambda attack: attack.name
)
def test_attack_works_where_nothing_guards(attack: Attack, reachable: Trap) -> None:
    with suppress(Exception):  # what comes after the attack may well fail
        unguarded(filled(attack.node, reachable))
    deadline = time.monotonic() + 20  # some start a process and do not wait for it
    while not reachable.sprung and time.monotonic() < deadline:
        time.sleep(0.01)
    assert reachable.sprung


@EVERY
def test_run_folder_with_the_attack_is_refused_by_every_command(
    attack: Attack,
    reachable: Trap,
    texts: RunFolder,
    config: dict[str, Any],
    commands: Commands,
) -> None:
    texts.config.write_text(yaml.safe_dump(attack.applied(config, reachable)))
    before = tree(texts.path)
    for outcome in commands(texts):
        refused(outcome)
    assert not reachable.sprung
    assert tree(texts.path) == before


@EVERY
def test_attack_that_reaches_the_builder_is_refused_there(
    attack: Attack, reachable: Trap, config: dict[str, Any]
) -> None:
    role, _, rest = attack.place.partition(".")
    changed = attack.applied(config, reachable)[role]
    if role in ("callbacks", "logger") and rest:
        name = rest.partition(".")[0]
        role, changed = f"{role}.{name}", changed[name]
    with pytest.raises(UserError):
        build(changed, role)
    assert not reachable.sprung


@pytest.mark.parametrize("attack", ATTACKS[::6], ids=lambda attack: attack.name)
def test_experiment_file_with_the_attack_is_refused(
    attack: Attack, trap: Trap, train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trap.folder)
    folder = trap.folder / "mine" / "experiment"
    folder.mkdir(parents=True)
    content = attack.applied({}, trap)
    (folder / "evil.yaml").write_text(f"# @package _global_\n{yaml.safe_dump(content)}")
    before = tree(trap.folder)
    refused(train("--config-dir", "mine", "experiment=evil", "hydra.run.dir=run"))
    assert not trap.sprung
    assert tree(trap.folder) == before


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("model._target_", "${oc.env:ATTACK}", "may not be instantiated"),
        ("model._target_", "${name}", "is no name of a class"),
        ("model._target_", "${oc.decode:'os.system'}", "model._target_=os.system may not be"),
        ("model._target_", "${oc.select:nothing,os.system}", "may not be instantiated"),
        ("model._target_", ["os.system"], "is no name of a class"),
        ("model._target_", {"a": "os.system"}, "is no name of a class"),
        ("model._target_", 7, "is no name of a class"),
        ("model._target_", None, "is no name of a class"),
        ("model._target_", "os", "is no name of a class"),
        ("model._target_", "..os.system", "is no name of a class"),
        ("model._target_", "os.system\n", "is no name of a class"),
        ("model._target_", "file:///tmp/evil.py", "is no name of a class"),
        ("model._target_", "torch.optim.SGD", "may not be instantiated"),
        ("model._target_", "seqlab.data.sine.SineData", "may not be instantiated"),
        ("model._target_", "seqlab.models", "may not be instantiated"),
        ("model._target_", "seqlab.models.recurrent.nn.Module", "cannot be made: No module"),
        ("model._target_", "seqlab.models.recurrent.State", "may not be instantiated"),
        ("callbacks.curves._target_", "seqlab.callbacks.curves.Callback", "may not be"),
        ("callbacks.curves._target_", "seqlab.callbacks.stop_on_signal.Interrupted", "may not be"),
        ("callbacks.curves._target_", "seqlab.callbacks.curves.artifacts_of", "may not be"),
        ("data._target_", "seqlab.data.text.Path", "may not be instantiated"),
        ("data._target_", "seqlab.data.tokens.vocabulary.Vocabulary", "may not be instantiated"),
        ("optimizer._target_", "torch.optim.swa_utils.SWALR", "may not be instantiated"),
        ("optimizer._target_", "torch.optim.Optimizer", "may not be instantiated"),
        ("optimizer._partial_", False, "optimizer._partial_=false"),
        ("optimizer._partial_", "yes", "optimizer._partial_=yes"),
        ("model._partial_", True, "model._partial_ has to be false"),
        ("model._args_", [1], "model._args_ has no meaning here"),
        ("model._recursive_", False, "model._recursive_ has no meaning here"),
        ("model._convert_", "object", "model._convert_ has no meaning here"),
        ("model._mode_", "x", "model._mode_ has no meaning here"),
        ("trainer.default_root_dir", "/elsewhere", "trainer.default_root_dir is not for"),
        ("trainer.logger", True, "trainer.logger is not for"),
        ("trainer.callbacks", ["x"], "trainer.callbacks is not for"),
        ("trainer.model_registry", "mine", "trainer.model_registry=mine"),
        ("logger.csv.save_dir", "/elsewhere", "logger.csv.save_dir is not for"),
        ("trainer.strategy", "os.system", "os.system"),
        ("trainer.profiler", "os.system", "trainer.profiler=os.system"),
        ("name", "../../elsewhere", "name=../../elsewhere"),
        ("model.loop", "${model.loop}", "model"),
        ("callbacks._target_", "seqlab.callbacks.curves.Curves", "callbacks._target_ may not"),
    ],
)
def test_trick_in_a_run_folder_is_refused_with_its_reason(
    place: str,
    value: Any,
    message: str,
    texts: RunFolder,
    config: dict[str, Any],
    train: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATTACK", "os.system")
    set_in(config, place, value)
    texts.config.write_text(yaml.safe_dump(config))
    refused(train(f"resume={texts.path}", "trainer.max_epochs=3"), message)


@pytest.mark.parametrize("group", ["hydra.callbacks.evil", "hydra.launcher.evil", "hydra.evil"])
def test_hydra_may_not_be_told_to_start_something(trap: Trap, train: Command, group: str) -> None:
    node = f"{{_target_: os.system, command: {trap.command}}}"
    unknown = "unknown key 'hydra.evil'"  # Hydra itself reads it nowhere
    known = f"{group}._target_=os.system may not be instantiated"
    refused(train(f"+{group}={node}"), unknown if group == "hydra.evil" else known)
    assert not trap.sprung


@pytest.mark.parametrize("group", ["job_logging", "hydra_logging"])
@pytest.mark.parametrize(
    "node",
    [
        "{version: 1, root: {}, handlers: {evil: {(): os.system, command: COMMAND}}}",
        "{version: 1, root: {}, handlers: {evil: {class: os.system, command: COMMAND}}}",
        "{version: 1, root: {}, x: 'ext://evil.evil'}",
    ],
)
def test_logging_may_not_be_told_to_start_something(
    trap: Trap, train: Command, monkeypatch: pytest.MonkeyPatch, group: str, node: str
) -> None:
    folder = trap.folder / "mine" / "experiment"
    folder.mkdir(parents=True)
    body = node.replace("COMMAND", trap.command)
    (folder / "evil.yaml").write_text(f"# @package _global_\nhydra:\n  {group}: {body}\n")
    refused(train("--config-dir", str(trap.folder / "mine"), "experiment=evil"), f"hydra.{group}")
    assert not trap.sprung


def test_configuration_may_not_change_the_environment(train: Command) -> None:
    refused(train("+hydra.job.env_set.PATH=/evil"), "hydra.job.env_set", "in the shell")


@pytest.mark.parametrize(
    ("module", "words"), [("train", ["model._target_=os.system"]), ("main", ["evaluate", "."])]
)
def test_name_is_refused_before_torch_is_imported(
    module: str, words: list[str], texts: RunFolder
) -> None:
    text = texts.config.read_text()
    texts.config.write_text(text.replace("seqlab.models.recurrent.RecurrentNetwork", "os.x"))
    outcome, imported = probe(f"seqlab.commands.{module}", *words, cwd=texts.path)
    refused(outcome, "may not be instantiated", "seqlab_project.py")
    assert not imported
