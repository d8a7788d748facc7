"""Run folders that earlier versions left: they are evaluated, continued and resumed as before.

Each lies in `version_0_1_0`, as that version wrote it. Beside it, NAME.csv holds the metrics with
which that version went on to the fourth epoch: `lstm` was stopped within its second one.
"""

import json
import shutil
from pathlib import Path

import pytest

from expect import Command, rows_of, succeeded

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
    succeeded(train(f"resume={run}", "trainer.max_epochs=4"))
    found, expected = rows_of(run / "metrics.csv"), rows_of(EARLIER / f"{run.name}.csv")
    assert [row["epoch"] for row in found] == ["1", "2", "3", "4"]
    for row, wanted in zip(found, expected, strict=True):
        for name, value in wanted.items():
            if not name.endswith("_per_second"):
                assert float(row[name]) == pytest.approx(float(value), rel=1e-4), name
