"""What a project allows, in seqlab_project.py, and when that file is read."""

import sys
from pathlib import Path
from typing import Any

import pytest
from attacks import Trap

import seqlab as package
from conftest import CONSOLE_SCRIPT, spawn
from expect import Command, refusal, refusals, refused
from seqlab.config.validate.allowlist import check_node, find
from seqlab.runs.build import build
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import UserError

pytest_plugins = ["hostile"]


OWN = """
import os
from functools import partial
from pathlib import Path
from torch import nn
from torch.nn import Linear

class Net(nn.Module):
    def __init__(self, vocabulary_size=3, part=None):
        super().__init__()
        self.part = part

class Helper:
    def __init__(self, size=1):
        self.size = size

def function():
    raise AssertionError("called")

instance = Net()
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "safety_own.py").write_text(OWN)
    folder = tmp_path / "safety_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("from safety_package.inner import Net\n")
    (folder / "inner.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))


def node(target: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": target, **arguments}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("safety_own", "safety_own.Net"),
        ("safety_own.Net", "safety_own.Net"),
        ("safety_package", "safety_package.Net"),
        ("safety_package", "safety_package.inner.Net"),
        ("safety_package.inner", "safety_package.inner.Net"),
        ("safety_package.Net", "safety_package.Net"),
    ],
)
def test_allowed_name_can_be_instantiated(own: None, name: str, target: str) -> None:
    with refusal("may not be instantiated"):
        build(node(target), "model")
    package.allow(name)
    assert type(build(node(target), "model")).__name__ == "Net"


@refusals(
    ("safety_own.function", "may not be instantiated"),
    ("safety_own.instance", "may not be instantiated"),
    ("safety_own.Linear", "may not be instantiated"),
    ("safety_own.partial", "may not be instantiated"),
    ("safety_own.Path", "may not be instantiated"),
    ("safety_own.os", "may not be instantiated"),
    ("safety_own.os.system", "cannot be made: No module named"),
    ("safety_own.Helper", "model._target_=safety_own.Helper is not a network"),
    ("safety_own.Nett", "safety_own has no class Nett"),
    ("safety_own2.Net", "may not be instantiated"),
    ("safety_ow", "is no name of a class"),
)
def test_of_an_allowed_module_only_its_own_classes_of_the_role(
    own: None, asked: str, message: str
) -> None:
    package.allow("safety_own")
    with refusal(message):
        build(node(asked), "model")


def test_class_that_was_allowed_alone_opens_nothing_else(own: None) -> None:
    package.allow("safety_own.Helper")
    for target in ("safety_own.Net", "safety_own.Helper.__init__", "safety_own.HelperX"):
        with pytest.raises(UserError):
            build(node(target), "model")
    package.allow("safety_own.Path")
    with refusal("may not be instantiated"):
        find("safety_own.Path", "model", "model", part=True)


def test_part_of_a_model_is_built_too(own: None) -> None:
    package.allow("safety_own")
    part = {"a": [node("safety_own.Helper", size=4)]}
    made = build(node("safety_own.Net", part=part), "model", vocabulary_size=2)
    assert made.part["a"][0].size == 4
    mlp = node("seqlab.models.mlp.MLP", num_inputs=2)
    assert type(build(node("safety_own.Net", part=mlp), "model").part).__name__ == "MLP"
    later = build(node("safety_own.Net", part=mlp | {"_partial_": True}), "model").part
    assert later(hidden_size=3).layers[0].out_features == 3


@pytest.mark.parametrize("name", ["", "a..b", "a b", "a.b()", "..", 7, None, "*"])
def test_what_is_no_name_cannot_be_allowed(name: Any) -> None:
    with refusal("not a name"):
        package.allow(name)


@pytest.mark.parametrize("name", ["os", "subprocess", "builtins", "importlib.util", "pathlib.Path"])
def test_modules_of_python_itself_stay_closed(name: str) -> None:
    with refusal("stay closed"):
        package.allow(name)


@pytest.mark.parametrize(
    ("role", "target"),
    [
        ("optimizer", "torch.optim.SGD"),
        ("optimizer", "torch.optim.adam.Adam"),
        ("optimizer", "torch.optim.Muon"),
        ("scheduler", "torch.optim.lr_scheduler.OneCycleLR"),
        ("trainer", "lightning.pytorch.Trainer"),
        ("trainer", "lightning.pytorch.trainer.trainer.Trainer"),
        ("callbacks", "lightning.pytorch.callbacks.EarlyStopping"),
        ("callbacks", "lightning.pytorch.callbacks.early_stopping.EarlyStopping"),
        ("callbacks", "seqlab.callbacks.curves.Curves"),
        ("logger", "seqlab.loggers.metrics_csv.MetricsCSV"),
        ("data", "seqlab.data.sine.SineData"),
        ("model", "seqlab.models.recurrent.RecurrentNetwork"),
    ],
)
def test_what_comes_with_seqlab_is_found(role: str, target: str) -> None:
    assert find(target, role, role).__name__ == target.rpartition(".")[2]


def test_every_named_class_exists() -> None:
    from seqlab.config.validate.allowlist import ROLES

    for role, rule in ROLES.items():
        for part, sources in ((False, rule.sources), (True, rule.parts)):
            for source in sources:
                for name in source.names:
                    target = f"{source.package}.{name}"
                    if target != "torchmetrics.Perplexity":
                        assert find(target, role, role, part=part).__name__ == name


def test_misspelt_class_gets_the_nearest_spelling() -> None:
    with pytest.raises(UserError) as caught:
        check_node(node("torch.optim.Adm", _partial_=True), "optimizer", "optimizer")
    assert "Did you mean torch.optim.Adam?" in caught.value.hint
    assert 'seqlab.allow("my_module")' in caught.value.hint


def test_callback_of_lightning_by_name_trains(train: Command) -> None:
    early = "{_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val/loss}"
    assert train(f"+callbacks.early={early}", "trainer.max_epochs=1", "logger=csv").code == 0


def test_allow_imports_neither_torch_nor_hydra(tmp_path: Path) -> None:
    heavy = "{'torch', 'hydra', 'omegaconf'} & {*sys.modules}"
    code = f"import sys; from seqlab import allow; allow('x'); print({heavy})"
    assert spawn("-c", code, cwd=tmp_path).stdout == "set()\n"


@refusals(
    ("1 / 0\n", "seqlab_project.py breaks: ZeroDivisionError: division by zero"),
    ("x = = 1\n", "seqlab_project.py breaks: SyntaxError: invalid syntax"),
    ('import seqlab\nseqlab.allow("os")\n', "seqlab_project.py: seqlab.allow('os')"),
)
def test_project_file_that_breaks_is_one_message(
    asked: str, message: str, train: Command, seqlab: Command, tmp_path: Path
) -> None:
    (tmp_path / "seqlab_project.py").write_text(asked)
    refused(train(), message)
    refused(seqlab("evaluate", "run"), message)
    assert [file.name for file in tmp_path.iterdir()] == ["seqlab_project.py"]


def _hostile_project(trap: Trap, folder: Path) -> None:
    for name in ("seqlab_project.py", "yaml.py", "torch.py", "rich.py", "litmodels.py"):
        (folder / name).write_text(f"{trap.code}\n")


@pytest.mark.parametrize("place", [".", "checkpoints"])
def test_project_file_in_a_run_folder_is_not_read(
    place: str,
    trap: Trap,
    series: RunFolder,
    seqlab: Command,
    train: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = series.path / place
    _hostile_project(trap, folder)
    monkeypatch.chdir(folder)
    path = str(series.path)
    assert seqlab("forecast", path).code == 0
    assert train(f"resume={path}", "trainer.max_epochs=1").code == 0
    assert not trap.sprung
    assert str(folder) not in sys.path
    series.config.unlink()  # then only the command says that this is a run folder
    refused(seqlab("forecast", path), "it has no config.yaml")
    assert not trap.sprung


def test_console_script_in_a_hostile_run_folder_runs_nothing_of_it(
    trap: Trap, series: RunFolder
) -> None:
    _hostile_project(trap, series.path)
    done = spawn(CONSOLE_SCRIPT, "evaluate", ".", cwd=series.path)
    assert done.returncode == 0, done.stderr
    assert not trap.sprung


def test_working_folder_never_comes_before_the_libraries_for_the_console_script(
    trap: Trap, series: RunFolder
) -> None:
    _hostile_project(trap, trap.folder)
    (trap.folder / "seqlab_project.py").unlink()
    done = spawn(CONSOLE_SCRIPT, "evaluate", str(series.path), cwd=trap.folder)
    assert done.returncode == 0, done.stderr  # all that a verb imports was imported
    assert not trap.sprung


def test_hostile_folder_in_a_process_of_its_own(trap: Trap, series: RunFolder) -> None:
    text = series.config.read_text()
    series.config.write_text(text.replace("seqlab.models.mlp.MLP", "os.system"))
    for words in (("seqlab", "evaluate"), ("seqlab", "forecast")):
        done = spawn("-m", *words, str(series.path), cwd=trap.folder)
        assert done.returncode == 2
        assert done.stderr.startswith("error: model._target_=os.system may not be instantiated\n")
        assert len(done.stderr.splitlines()) == 2
    done = spawn("-m", "train", f"resume={series.path}", cwd=trap.folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 2)
    assert not trap.sprung
