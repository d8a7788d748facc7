"""`again=RUN`: a new run with the configuration of an earlier one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import own_class, trained
from expect import Command, Refuses, refusals, succeeded, tree
from made import CONFIGS
from same_runs import ends_like
from seqlab.config.earlier import EARLIER
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import read_ledger

QUICK = ("callbacks=none", "logger=csv")  # of one epoch, as the earlier run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with settings of its own."""
    words = ("model.hidden_size=3", "optimizer=sgd", "optimizer.lr=0.03", "seed=5")
    return trained(tmp_path_factory.mktemp("made"), *words, "trainer.max_epochs=1")


@pytest.fixture
def earlier(made: RunFolder, tmp_path: Path, train: Command) -> RunFolder:
    """A copy of it, `earlier`, in the working folder."""
    return RunFolder(shutil.copytree(made.path, tmp_path / "earlier"))


def config(run: RunFolder) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(run.config.read_text())
    return content


def only_run(folder: Path) -> RunFolder:
    (found,) = folder.rglob("result.json")
    return RunFolder(found.parent)


def test_the_same_once_more(train: Command, earlier: RunFolder, tmp_path: Path) -> None:
    before = tree(earlier.path)
    outcome = succeeded(train("again=earlier"))
    again = only_run(tmp_path / "outputs" / "sine_mlp")
    assert str(again.path.relative_to(tmp_path)) in outcome.out
    assert config(again) == config(earlier) | {"again": str(earlier.path)}
    found, first = again.read_result(), earlier.read_result()
    assert (found["again"], found["seed"]) == (str(earlier.path), 5)
    assert "again" not in first
    assert found["overrides"] == ["again=earlier"]
    assert found["fingerprint"] == first["fingerprint"]
    ends_like(again, earlier)
    assert tree(earlier.path) == before


def test_what_is_typed_overrides(train: Command, earlier: RunFolder) -> None:
    words = (
        "seed=1",
        "optimizer=adam",
        "optimizer.lr=0.002",
        "model.num_layers=2",
        "name=other",
        *QUICK,
    )
    succeeded(train("again=earlier", *words, "hydra.run.dir=new"))
    found = config(RunFolder("new"))
    assert found["name"] == "other"
    assert (found["seed"], found["model"]["hidden_size"], found["model"]["num_layers"]) == (1, 3, 2)
    assert found["optimizer"]["_target_"] == "torch.optim.Adam"
    assert found["optimizer"]["lr"] == 0.002
    assert found["trainer"]["max_epochs"] == 1


def test_data_or_model_of_another_kind_are_in_the_name(
    train: Command, tmp_path: Path, earlier: RunFolder
) -> None:
    gru = CONFIGS / "gru"
    words = ("model=rnn", "model.hidden_size=2", "scheduler=cosine", "~callbacks.samples")
    succeeded(train(f"again={gru}", *words, "trainer.max_epochs=1", "logger=csv"))
    found = config(only_run(tmp_path / "outputs"))
    assert found["name"] == "sample_story_gru_rnn"
    assert (found["model"]["cell"], found["data"]["max_tokens"]) == ("rnn", 2000)
    assert found["scheduler"]["_target_"].endswith("CosineAnnealingLR")
    assert "samples" not in found["callbacks"]


@pytest.mark.parametrize("name", ["sine", "gru", "lstm"])
def test_runs_of_earlier_versions(train: Command, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(CONFIGS / name, tmp_path / name))
    before = tree(folder)
    succeeded(train(f"again={name}", "trainer.max_epochs=1"))
    found = config(only_run(tmp_path / "outputs"))
    first = config(RunFolder(folder))
    assert {group: found[group] for group in ("data", "model", "optimizer", "scheduler")} == {
        group: first[group] for group in ("data", "model", "optimizer", "scheduler")
    }
    assert tree(folder) == before


def test_sweep_over_it(train: Command, earlier: RunFolder, tmp_path: Path) -> None:
    words = ("-m", "again=earlier", "optimizer.lr=0.1", *QUICK)
    succeeded(train(*words))
    (sweep,) = (tmp_path / "outputs" / "sine_mlp").iterdir()
    assert sweep.name.startswith("sweep_")
    rows = read_ledger(sweep).in_order
    assert [row.parameters for row in rows] == [
        {"again": "earlier", "optimizer.lr": 0.1, "callbacks": "none", "logger": "csv"}
    ]
    for row in rows:
        found = config(RunFolder(sweep / row.folder))
        assert (found["model"]["hidden_size"], found["seed"]) == (3, 5)
        assert found["again"] == str(earlier.path)
    assert ", 1 of them before; " in succeeded(train(*words)).out
    # Changed meanwhile, the run is another one.
    earlier.config.write_text(
        earlier.config.read_text().replace("hidden_size: 3", "hidden_size: 2")
    )
    assert "of them before" not in succeeded(train(*words)).out
    hidden = [config(RunFolder(sweep / row.folder)) for row in read_ledger(sweep).current]
    assert [each["model"]["hidden_size"] for each in hidden] == [2]


def test_sweep_over_several_runs(train: Command, earlier: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(earlier.path, tmp_path / "lr=0.1")
    succeeded(train("-m", "again=earlier,lr=0.1", "seed=1,2", "name=both", *QUICK))
    runs = [
        config(RunFolder(file.parent))
        for file in sorted(tmp_path.glob("outputs/both/*/config.yaml"))
    ]
    assert [(each["again"], each["seed"]) for each in runs] == [
        (str(earlier.path), 1),
        (str(earlier.path), 2),
    ]  # the second run's are the same: counted once
    rows = read_ledger(tmp_path / "outputs" / "both").in_order
    assert [row.parameters["again"] for row in rows] == ["earlier", "earlier"]


@pytest.mark.parametrize("name", ["0003_lr=0.1_seed=2", "a, b", "a (1)", 'q"q'])
def test_folder_with_an_odd_name(
    train: Command, earlier: RunFolder, tmp_path: Path, name: str
) -> None:
    earlier.path.rename(tmp_path / name)
    succeeded(train(f"again={name}", *QUICK))
    assert only_run(tmp_path / "outputs").read_result()["again"] == str(tmp_path / name)


def test_resumed_like_any_other(train: Command, earlier: RunFolder) -> None:
    succeeded(train("again=earlier", "hydra.run.dir=new"))
    succeeded(train("resume=new", "trainer.max_epochs=2"))
    found = RunFolder("new").read_result()
    assert (found["epochs"], found["again"]) == (2, str(earlier.path))


def test_own_classes_and_options(train: Command, earlier: RunFolder, tmp_path: Path) -> None:
    code = "from torch import nn\nclass Half(nn.Linear):\n    def __init__(self, num_inputs):\n"
    code += "        super().__init__(num_inputs, 1)\n"
    code += "    def forward(self, windows):\n        return super().forward(windows).squeeze(-1)\n"
    option = "task: forecasting\n_target_: half_of_again.Half\n"
    own_class(tmp_path, "half_of_again", code, "model/half", option)
    words = ("--config-dir=mine", "again=earlier", "model=half", "hydra.run.dir=new", *QUICK)
    succeeded(train(*words))
    assert config(RunFolder("new"))["name"] == "sine_mlp_half"
    succeeded(train("again=new", "hydra.run.dir=newer"))
    assert config(RunFolder("newer"))["model"]["_target_"] == "half_of_again.Half"


def test_configuration_is_printed_and_nothing_is_left_of_it(
    train: Command, earlier: RunFolder
) -> None:
    shown = succeeded(train("again=earlier", "--cfg", "job", "-p", "optimizer")).out
    assert yaml.safe_load(shown)["lr"] == 0.03
    assert not EARLIER
    assert "again_" not in train("--help").out


@refusals(
    ("again=nowhere", "there is no run folder nowhere", "they lie under outputs/"),
    ("again=.", ". holds runs, and is none itself", "Name one of them, such as"),
    ("again=s3://bucket/run", "again=s3://bucket/run is a URL", "Download it"),
    (
        "again=earlier resume=earlier",
        "resume=earlier and again=earlier: resume continues a run in its own folder, again "
        "starts a new one",
        "Leave one out: python -m train resume=earlier, or python -m train again=earlier.",
    ),
    (
        "again=earlier experiment=sine_mlp",
        "experiment=sine_mlp and again=earlier: each of them brings a whole configuration",
        "Leave one out; keys and groups go with again, and -m with key=value,value.",
    ),
    ("again=earlier experiment=none", "experiment=none and again=earlier", "Leave one out"),
    ("-m again=earlier sweep=tau", "sweep=tau and again=earlier", "Leave one out"),
    ("again=earlier model.hidden=3", "unknown key 'model.hidden'", "'model.hidden_size'"),
    ("again=earlier optimizer.betas=3", "unknown key 'optimizer.betas'", "optimizer=adam"),
    ("again=earlier model=gru", "the data are for forecasting a series", "model=mlp"),
    ("again=earlier seed=-1", "seed=-1 in 'seed=-1' on the command line", ""),
    ("-m again=earlier,nowhere seed=1,2", "there is no run folder nowhere", ""),
    ("-m again=earlier seed=1,2 optimizer.lr=x", "optimizer.lr=x", ""),
)  # fmt: skip
def test_what_is_wrong_is_refused(
    refuses: Refuses, earlier: RunFolder, asked: str, message: str, remedy: str
) -> None:
    refuses(asked, message, remedy)


def test_value_of_the_earlier_run_is_found_where_it_stands(
    refuses: Refuses, earlier: RunFolder
) -> None:
    text = earlier.config.read_text().replace("lr: 0.03", "lr: -1")
    earlier.config.write_text(text)
    refuses("again=earlier", "optimizer.lr=-1 in earlier/config.yaml: must be")


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("model: {task: forecasting, _target_: os.system, command: 'touch trap'}\n", "os.system"),
        ("callbacks: {x: {_target_: os.system, command: 'touch trap'}}\n", "os.system"),
        ("hydra: {run: {dir: trap}}\n", "earlier/config.yaml has hydra, which no run's has"),
        ("evil: 1\n", "unknown key 'evil' in earlier/config.yaml"),
        ("evil: !!python/object/apply:os.system ['touch trap']\n", "python/object/apply"),
        ("data: {defaults: [/experiment: none], task: a, _target_: b}\n", "data.defaults"),
        ("defaults: [override /model: gru]\n", "earlier/config.yaml has defaults, which"),
        ("name: ../../outside\n", "name=../../outside in earlier/config.yaml: must be a text"),
        ("optimizer: &a {_target_: *a}\n", "alias"),
    ],
)
def test_configuration_of_someone_else_starts_nothing(
    refuses: Refuses, earlier: RunFolder, tmp_path: Path, addition: str, message: str
) -> None:
    kept = config(earlier)
    kept.pop(addition.partition(":")[0], None)
    earlier.config.write_text(yaml.safe_dump(kept) + addition)
    refuses("again=earlier", message)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("name", ["null", "${oc.env:HOME}", "${seed}"])
def test_run_without_a_name_of_its_own_has_that_of_the_folder_above(
    train: Command, earlier: RunFolder, tmp_path: Path, name: str
) -> None:
    text = earlier.config.read_text().replace("name: sine_mlp", f"name: {name}")
    earlier.config.write_text(text)
    shutil.move(earlier.path, tmp_path / "above" / "it")
    succeeded(train("again=above/it", "trainer.max_epochs=1", *QUICK))
    assert only_run(tmp_path / "outputs").path.parent.name == "above"


def test_folder_that_leads_elsewhere_is_refused(refuses: Refuses, earlier: RunFolder) -> None:
    (earlier.path / "passwd").symlink_to("/etc/passwd")
    refuses("again=earlier", "is a link that leads out of the run folder: nothing in it was used")


def test_secret_stays_a_reference(
    train: Command, earlier: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLAB_TEST_NOISE", "0.125")
    text = earlier.config.read_text().replace(
        "noise: 0.2", "noise: ${oc.decode:${oc.env:SEQLAB_TEST_NOISE}}"
    )
    earlier.config.write_text(text)
    succeeded(train("again=earlier", "hydra.run.dir=new", *QUICK))
    written = RunFolder("new").config.read_text() + json.dumps(RunFolder("new").read_result())
    assert "${oc.env:SEQLAB_TEST_NOISE}" in written
    assert "0.125" not in written
