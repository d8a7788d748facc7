"""Run folders that earlier versions left: they are evaluated, continued and resumed as before.

Each lies in `version_0_1_0`, as that version wrote it. Beside it, NAME.csv holds the metrics with
which that version went on to the fourth epoch: `lstm` was stopped within its second one.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import SMALL_LM
from expect import Command, rows_of, succeeded
from seqlab.data.text import LETTERS, TextData
from seqlab.runs.build import as_it_was
from seqlab.runs.folder.run_folder import RunFolder

EARLIER = Path(__file__).parent / "version_0_1_0"
RUNS = sorted(folder.name for folder in EARLIER.iterdir() if folder.is_dir())
EPOCHS_AND_SCORES = {
    "sine": (2, {"val/loss": 0.16712, "val/rmse@4": 0.42873}),
    "gru": (2, {"val/perplexity": 16.52034}),
    "lstm": (1, {"val/perplexity": 18.49874}),
}


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of one of the folders."""
    return Path(shutil.copytree(EARLIER / request.param, tmp_path / request.param))


@pytest.mark.parametrize("run", RUNS, indirect=True)
def test_earlier_run_is_evaluated(run: Path, seqlab: Command) -> None:
    done = succeeded(seqlab("evaluate", str(run), "--device", "cpu", "--json"))
    found = json.loads(done.out)
    epoch, scores = EPOCHS_AND_SCORES[run.name]
    assert found["epoch"] == epoch
    assert {name: found["metrics"][name] for name in scores} == pytest.approx(scores, rel=1e-4)


@pytest.mark.parametrize("run", ["gru", "lstm"], indirect=True)
def test_earlier_language_model_generates(run: Path, seqlab: Command) -> None:
    done = seqlab("generate", str(run), "--prefix", "the sea", "--greedy", "--num-tokens", "10")
    assert done.code == 0, done.err
    assert done.out.startswith("the sea")
    assert len(done.out) == len("the sea") + 10 + 1


@pytest.mark.parametrize("run", ["sine"], indirect=True)
def test_earlier_forecaster_forecasts(run: Path, seqlab: Command) -> None:
    succeeded(seqlab("forecast", str(run), "--steps", "5"))
    assert len(rows_of(next(run.glob("forecast_*.csv")))) == 5


@pytest.mark.parametrize("run", RUNS, indirect=True)
def test_earlier_run_is_resumed(run: Path, train: Command) -> None:
    flag = "trainer.cuda_graph=off"  # which that version did not have
    succeeded(train(f"resume={run}", "trainer.max_epochs=4", flag))
    found, expected = rows_of(run / "metrics.csv"), rows_of(EARLIER / f"{run.name}.csv")
    assert [row["epoch"] for row in found] == ["1", "2", "3", "4"]
    for row, wanted in zip(found, expected, strict=True):
        for name, value in wanted.items():
            if not name.endswith("_per_second"):
                assert float(row[name]) == pytest.approx(float(value), rel=1e-4), name


def test_earlier_run_on_letters_from_a_to_z_keeps_to_them(
    tmp_path: Path, train: Command, seqlab: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.txt").write_text("Déjà vu — où est l'été ? " * 200, encoding="utf-8")
    words = [word for word in SMALL_LM if word != "data=sample_story"]
    words = ["data=text", "data.path=text.txt", "data.preprocessing=joined", *words]
    with monkeypatch.context() as earlier:
        built, state = TextData.__init__, TextData.state_dict

        def as_before(self: TextData, **options: Any) -> None:
            built(self, **options | {"preprocessing": "joined_a_to_z"})

        def without_letters(self: TextData) -> dict[str, Any]:
            return {name: value for name, value in state(self).items() if name != LETTERS}

        earlier.setattr(TextData, "__init__", as_before)
        earlier.setattr(TextData, "state_dict", without_letters)
        succeeded(train(*words, "hydra.run.dir=run"))
    run = RunFolder(tmp_path / "run")
    before = _tokens(run)
    assert "é" not in before
    scores = json.loads(succeeded(seqlab("evaluate", "run", "--json")).out)["metrics"]
    assert scores["val/loss"] == pytest.approx(run.read_result()["metrics"]["val/loss"], rel=1e-4)
    for epochs in (3, 4):  # the second time from a checkpoint that says which letters it is about
        succeeded(train("resume=run", f"trainer.max_epochs={epochs}"))
        assert _tokens(run) == before
    succeeded(train(*words, "hydra.run.dir=new"))
    assert "é" in _tokens(RunFolder(tmp_path / "new"))


def _tokens(run: RunFolder) -> list[str]:
    content = torch.load(run.last, weights_only=True)
    tokens: list[str] = content["TextData"]["vocabulary"]["tokens"]
    return tokens


def test_only_a_run_on_letters_is_taken_as_it_was() -> None:
    data = {"_target_": "seqlab.data.text.TextData", "preprocessing": "joined"}
    earlier = {"TextData": {}}
    now = {"TextData": {LETTERS: "of every script"}}
    config = {"data": data}
    assert as_it_was(config, earlier) == {"data": data | {"preprocessing": "joined_a_to_z"}}
    assert as_it_was(config, now) is as_it_was(config, {}) is config
    raw = {"data": data | {"preprocessing": "raw"}}
    assert as_it_was(raw, earlier) is raw
    series = {"data": {"_target_": "seqlab.data.sine.SineData"}}
    assert as_it_was(series, {"SineData": {}}) is series
