"""Every YAML file: it composes, it can be run, and it says what it has to say."""

import importlib
import inspect
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import Trainer

from composed import checked
from seqlab.config.compose.jobs import Grid
from seqlab.config.folders import conf_dir
from seqlab.config.space.reading import read_space
from seqlab.config.validate.schedule import SCHEDULE_KEYS

CONF = conf_dir()
FILES = sorted(CONF.rglob("*.yaml"))
ALONE = ("default", "none")  # options of callbacks that need no other
EXPERIMENTS = [file for file in sorted((CONF / "experiment").glob("*.yaml")) if file.stem != "none"]
# Flags that are seqlab's own, beside the Trainer's arguments.
OURS = {"checkpoint_every_n_steps", "checkpoint_every_n_seconds", "cuda_graph", "tf32"}
NOT_ARGUMENTS = ("_target_", "_partial_", "task", "defaults")
# The Trainer's arguments that are the run folder's business.
OWN_FLAGS = {"logger", "callbacks", "default_root_dir"}


def options(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def content(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def task(group: str, option: str) -> str:
    return str(content(CONF / group / f"{option}.yaml")["task"])


PAIRS = [
    (data, model)
    for data, model in product(options("data"), options("model"))
    if task("data", data) == task("model", model)
]


@pytest.mark.parametrize("experiment", options("experiment"))
def test_experiment_composes_and_passes_the_check(experiment: str) -> None:
    config = checked(f"experiment={experiment}")
    assert config["data"]["task"] == config["model"]["task"]


@pytest.mark.parametrize(("data", "model"), PAIRS)
def test_every_data_option_composes_with_every_model_of_its_task(data: str, model: str) -> None:
    named = [f"data.path={CONF / 'train.yaml'}"] if data == "text" else []
    config = checked("experiment=none", f"data={data}", f"model={model}", *named)
    assert config["data"]["_target_"] == content(CONF / "data" / f"{data}.yaml")["_target_"]
    assert config["model"]["_target_"] == content(CONF / "model" / f"{model}.yaml")["_target_"]


def test_every_data_and_model_option_has_a_partner() -> None:
    assert {data for data, _ in PAIRS} == set(options("data"))
    assert {model for _, model in PAIRS} == set(options("model"))


@pytest.mark.parametrize(
    ("group", "option"),
    [(group, option) for group in ("trainer", "callbacks", "logger") for option in options(group)],
)
def test_option_composes_with_either_task(group: str, option: str) -> None:
    chosen = f"[default,{option}]" if group == "callbacks" and option not in ALONE else option
    checked(f"{group}={chosen}")
    checked("experiment=none", "data=sample_story", "model=rnn", f"{group}={chosen}")


@pytest.mark.parametrize(
    ("optimizer", "scheduler"), list(product(options("optimizer"), options("scheduler")))
)
def test_every_optimizer_composes_with_every_scheduler(optimizer: str, scheduler: str) -> None:
    config = checked(f"optimizer={optimizer}", f"scheduler={scheduler}")
    assert config["optimizer"]["_partial_"] is True
    assert config["scheduler"].get("_partial_", True) is True


def test_every_group_has_a_test_here() -> None:
    groups = {folder.name for folder in CONF.iterdir() if folder.is_dir()}
    tested = {"data", "model", "optimizer", "scheduler", "trainer", "callbacks", "logger"}
    assert groups == tested | {"recipe", "experiment", "sweep"}


def test_trainer_declares_every_flag_of_lightning_and_no_other() -> None:
    declared = set(content(CONF / "trainer" / "default.yaml")) - {"_target_"}
    flags = set(inspect.signature(Trainer.__init__).parameters) - {"self"}
    assert declared == flags - OWN_FLAGS | OURS


def test_bare_command_runs_the_noisy_sine() -> None:
    config = checked()
    assert config == checked("experiment=sine_mlp")
    assert config["data"]["_target_"] == "seqlab.data.sine.SineData"
    assert config["model"]["_target_"] == "seqlab.models.mlp.MLP"
    assert config["seed"] == 0


def test_seed_reaches_the_data() -> None:
    assert checked("seed=7")["data"]["seed"] == 7


def test_option_none_of_experiment_leaves_no_key_behind() -> None:
    assert set(checked("experiment=none")) == set(checked())


def targets() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield file, target and argument names of every `_target_`."""
    for file in FILES:
        for node in _nodes(content(file)):
            names = tuple(key for key in node if key not in NOT_ARGUMENTS)
            yield str(file.relative_to(CONF)), node["_target_"], names


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "_target_" in node:
            yield node
        for value in node.values():
            yield from _nodes(value)


def _parameters(target: Any) -> set[str]:
    """Return what a class takes; through `**options` also what its base classes take."""
    names: set[str] = set()
    for cls in inspect.getmro(target):
        found = inspect.signature(cls.__init__).parameters.values()
        names |= {p.name for p in found if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        if not any(p.kind is p.VAR_KEYWORD for p in found):
            break
    return names - {"self"}


@pytest.mark.parametrize(("file", "target", "names"), list(targets()))
def test_target_can_be_imported_and_takes_the_declared_keys(
    file: str, target: str, names: tuple[str, ...]
) -> None:
    module, _, name = target.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert inspect.isclass(found)
    ours = {*OURS, *(SCHEDULE_KEYS if file.startswith("scheduler/") else ())}
    assert set(names) - _parameters(found) - ours == set()


def header(file: Path) -> str:
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line)
    return "\n".join(lines)


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.stem)
def test_experiment_header_has_command_running_time_and_expected_value(file: Path) -> None:
    text = header(file)
    assert text.startswith("# @package _global_\n"), "its keys would land under `experiment`"
    assert re.search(r"# python -m train( |$)", text, re.MULTILINE), "a command"
    assert re.search(r"about \d+(\.\d+)? (s|min|h)\b", text), "a running time"
    assert re.search(r"Expected: (train|val|test)/[\w@]+ \d", text), "an expected metric"


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.stem)
def test_experiment_header_names_its_own_experiment(file: Path) -> None:
    named = re.findall(r"python -m train(?: experiment=(\w+))?", header(file))
    assert named, "no command"
    assert {name or bare_name() for name in named} == {file.stem}


def bare_name() -> str:
    """Return what a run without any word is called."""
    chosen = {k: v for each in content(CONF / "train.yaml")["defaults"] for k, v in pairs(each)}
    return f"{chosen['data']}_{chosen['model']}"


def pairs(entry: Any) -> Any:
    return entry.items() if isinstance(entry, dict) else ()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CONF)))
def test_each_file_chooses_options_of_the_groups_below_it(file: Path) -> None:
    group, defaults = file.parent.name, content(file).get("defaults") or []
    siblings = [each for each in defaults if isinstance(each, str)]
    overrides = [key for each in defaults for key, _ in pairs(each)]
    if file == CONF / "train.yaml":
        return
    assert set(siblings) <= set(options(group)) - {file.stem}, "only variants of options beside it"
    if group == "sweep":
        assert overrides in ([], ["override /experiment"], ["override /experiment", SEARCHES])
    elif group == "data":
        assert overrides == ["override /recipe@_global_.recipe"]
    elif group == "recipe":
        assert set(overrides) <= {"override /optimizer", "override /scheduler"}
    elif group != "experiment":
        assert overrides == []


SEARCHES = "override /hydra/sweeper"
SWEEPS = [file for file in sorted((CONF / "sweep").glob("*.yaml")) if file.stem != "none"]
SEARCH_FILES = [file for file in SWEEPS if SEARCHES in file.read_text(encoding="utf-8")]
GRIDS = [file for file in SWEEPS if file not in SEARCH_FILES]


@pytest.mark.parametrize("file", GRIDS, ids=lambda file: file.stem)
def test_every_job_of_a_sweep_composes_and_passes_the_check(file: Path) -> None:
    whole = content(file)
    assert whole["name"] == file.stem
    assert whole["hydra"]["mode"] == "MULTIRUN"
    experiment = whole["defaults"][0]["override /experiment"]
    params = whole["hydra"]["sweeper"]["params"]
    grid = Grid([f"{key}={values}" for key, values in params.items()])
    assert grid.varied[-1] == "seed"
    jobs = [job for job in grid if job.parameters["seed"] == 0]
    assert 1 < len(jobs) < len(grid)
    for job in jobs:
        checked(f"experiment={experiment}", *job.overrides)


@pytest.mark.parametrize("file", SEARCH_FILES, ids=lambda file: file.stem)
def test_the_edges_of_a_search_compose_and_pass_the_check(file: Path) -> None:
    whole = content(file)
    assert whole["name"] == file.stem
    assert whole["hydra"]["mode"] == "MULTIRUN"
    assert whole["defaults"][1] == {SEARCHES: "optuna_search"}
    experiment = whole["defaults"][0]["override /experiment"]
    space = read_space(whole["hydra"]["sweeper"]["params"], [])
    for values in space.corners():
        checked(f"experiment={experiment}", *space.assignments(values)[0].overrides)


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_sweep_header_has_its_command_and_its_question(file: Path) -> None:
    command, *rest = header(file).splitlines()[1:]
    assert command.startswith(f"# python -m train sweep={file.stem}")
    assert rest[0].endswith(("?", ".")), rest
