"""Models and configuration files of the person's own, in folders of their own."""

from pathlib import Path

import pytest

from conftest import CONSOLE_SCRIPT, own_class, spawn
from expect import Command, Refuses, refused

BIGRAM = """
from torch import nn

class Bigram(nn.Module):
    def __init__(self, vocabulary_size, scale=0.1):
        super().__init__()
        self.logits = nn.Embedding(vocabulary_size, vocabulary_size)

    def forward(self, tokens, state=None):
        return self.logits(tokens), state
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Words that choose the folder `mine`, which holds `model=own_bigram` and `model=own_typo`."""
    for name, rest in (("own_bigram", "Bigram\nscale: 0.1\n"), ("own_typo", "Bigrm\n")):
        content = f"task: language_model\n_target_: own_bigram.{rest}"
        own_class(tmp_path, "own_bigram", BIGRAM, f"model/{name}", content)
    monkeypatch.syspath_prepend(str(tmp_path))
    return ["--config-dir", "mine", "data=sample_story"]


@pytest.mark.parametrize("flag", [["--config-dir", "mine"], ["--config-dir=mine"], ["-cd", "mine"]])
def test_unknown_key_of_an_own_model_gets_the_nearest_spelling(
    refuses: Refuses, own: list[str], flag: list[str]
) -> None:
    words = (*flag, "data=sample_story", "model=own_bigram", "model.scal=3")
    refuses(words, "unknown key 'model.scal'", "Did you mean 'model.scale'?")


def test_misspelt_own_option_gets_the_nearest_spelling(train: Command, own: list[str]) -> None:
    refused(train(*own, "model=own_bigrm"), "Did you mean model=own_bigram?", "gru, lstm, mlp")


def test_class_that_is_not_there_is_named_as_the_reason(train: Command, own: list[str]) -> None:
    refused(train(*own, "model=own_typo"), "own_bigram.Bigrm", "own_bigram has no class Bigrm")


def test_console_script_finds_a_model_in_the_working_folder(
    train: Command, tmp_path: Path, own: list[str]
) -> None:
    words = [*own, "model=own_bigram", "trainer.max_epochs=1", "hydra.run.dir=run"]
    assert train(*words).code == 0
    done = spawn(CONSOLE_SCRIPT, "evaluate", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "val/perplexity" in done.stdout


@pytest.mark.parametrize("values", ["0.01,-1", "-1,0.01"])
def test_sweep_with_one_bad_value_is_refused_before_any_job_starts(
    refuses: Refuses, values: str
) -> None:
    refuses(f"-m optimizer.lr={values}", "optimizer.lr=-1")


def test_sweep_of_which_one_job_cannot_be_built_runs_the_others(
    train: Command, tmp_path: Path
) -> None:
    outcome = train("-m", "data.num_train=600,9999", "trainer.max_epochs=1", "callbacks=none")
    assert outcome.code == 1
    assert "data.num_train=9999" in outcome.out
    assert len(list(tmp_path.rglob("result.json"))) == 1


@pytest.mark.parametrize(
    "word", ["~trainer.max_epochs", "~trainer.accelerator", "~data.task", "~model.task", "~seed"]
)
def test_deleted_key_that_is_needed_is_named(refuses: Refuses, word: str) -> None:
    refuses(word, f"{word[1:]} was deleted", word)


def test_unknown_task_is_refused_with_those_that_exist(train: Command, own: list[str]) -> None:
    outcome = train(*own, "model=own_bigram", "model.task=language_modell")
    refused(outcome, "model.task=language_modell", "forecasting or task: language_model")


def test_own_data_set_that_breaks_ends_without_traceback_or_folder(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object) -> None:
        raise RuntimeError("the sensor is unplugged")

    monkeypatch.setattr("seqlab.data.sine.SineData.make_series", broken)
    outcome = train()
    assert outcome.code == 1
    assert "the sensor is unplugged" in outcome.err
    assert "Traceback" not in outcome.err
    assert list(tmp_path.iterdir()) == []


OWN = "# @package _global_\ndefaults:\n  - override /data: sample_story\nseed: 3\n"


@pytest.mark.parametrize(
    ("content", "message", "remedy"),
    [
        (b"\xef\xbb\xbf" + OWN.encode(), "mine.yaml begins with a byte order mark", "UTF-8"),
        (OWN.encode("utf-16"), "mine.yaml is not UTF-8: invalid start byte", "Save it as UTF-8"),
        (OWN.encode() + b"name: s\xf6\n", "mine.yaml is not UTF-8", "Save it as UTF-8"),
        (OWN.replace("  -", "\t-").encode(), 'mine.yaml", line 3', "Indent with spaces"),
    ],
    ids=["bom", "utf-16", "latin-1", "tab"],
)
def test_own_file_of_another_encoding_is_named(
    train: Command, tmp_path: Path, content: bytes, message: str, remedy: str
) -> None:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/mine.yaml").write_bytes(content)
    refused(train("--config-dir=conf", "experiment=mine"), message, remedy)


def test_own_file_with_windows_line_ends_is_read(train: Command, tmp_path: Path) -> None:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    text = f"{OWN}model: {{nothing: 1}}\n".replace("\n", "\r\n")
    (tmp_path / "conf/experiment/mine.yaml").write_bytes(text.encode())
    refused(
        train("--config-dir=conf", "experiment=mine"), "'model.nothing' in experiment/mine.yaml"
    )
