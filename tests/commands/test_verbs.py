"""`python -m seqlab VERB RUN_FOLDER`: evaluation, and what every verb refuses."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch

from conftest import SMALL_LM
from expect import Command, refused, succeeded, tree
from seqlab.runs.folder.run_folder import RunFolder


@pytest.mark.parametrize("kind", ["sine", "language"])
def test_evaluate_finds_what_training_found_and_changes_nothing(
    seqlab: Command, kind: str, request: pytest.FixtureRequest
) -> None:
    run: RunFolder = request.getfixturevalue(f"{kind}_run")
    before = tree(run.path)
    outcome = succeeded(seqlab("evaluate", str(run.path), "--checkpoint", "last", "--json"))
    found = json.loads(outcome.out)
    result = run.read_result()
    assert found["epoch"] == result["epochs"]
    expected = {n: v for n, v in result["metrics"].items() if n.startswith("val/")}
    assert expected
    for name, value in expected.items():
        assert found["metrics"][name] == pytest.approx(value, rel=1e-6, abs=1e-6)
    assert {"train/loss", "val/loss"} <= set(found["metrics"])
    assert tree(run.path) == before


def test_evaluate_prints_a_table_with_the_numbers_of_the_json(
    seqlab: Command, language_run: RunFolder
) -> None:
    table = seqlab("evaluate", str(language_run.path)).out.splitlines()
    metrics = json.loads(seqlab("evaluate", str(language_run.path), "--json").out)["metrics"]
    assert table[0] == "sample_story_rnn, weights after epoch 2"
    assert {line.split()[0]: line.split()[1] for line in table[1:]} == {
        name: f"{value:,.4f}" for name, value in metrics.items()
    }


def test_score_that_is_not_finite_is_null_in_json(
    seqlab: Command, sine_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlab.commands.evaluate.score", lambda trained: {"val/loss": math.inf})
    outcome = seqlab("evaluate", str(sine_run.path), "--json")
    assert json.loads(outcome.out, parse_constant=pytest.fail)["metrics"] == {"val/loss": None}
    assert seqlab("evaluate", str(sine_run.path)).out.splitlines()[1] == "  val/loss  inf"


def test_names_of_a_run_folder_are_shown_and_not_obeyed(
    seqlab: Command, train: Command, copy: RunFolder
) -> None:
    text = copy.config.read_text().replace("name: sample_story_rnn", r'name: "a\e[2J\rb"')
    copy.config.write_text(text)
    outcome = seqlab("evaluate", str(copy.path))
    assert outcome.out.startswith("a\\x1b[2J\\rb, weights after epoch 2\n")
    outcome = train(f"resume={copy.path}", "trainer.max_epochs=3")
    assert "\na\\x1b[2J\\rb: 3 epochs in " in f"\n{outcome.out}"
    copy.config.write_text(text.replace("task: language_model", r'task: "\e]0;\a"'))
    outcome = seqlab("evaluate", str(copy.path))
    assert outcome.code == 2
    assert not {"\x1b", "\a"} & {*outcome.err}


def test_evaluate_scores_the_checkpoint_that_was_asked_for(
    train: Command, seqlab: Command, tmp_path: Path
) -> None:
    # Fed with its own forecasts, the network is at its best while it knows little.
    words = ["trainer.max_epochs=2", "monitor=val/rmse_multistep", "hydra.run.dir=run"]
    assert train(*words).code == 0
    run = RunFolder(tmp_path / "run")
    assert run.read_result()["best_epoch"] == 1
    epochs = {
        which: json.loads(seqlab("evaluate", "run", "--checkpoint", which, "--json").out)["epoch"]
        for which in ("best", "last", str(run.best))
    }
    assert epochs == {"best": 1, "last": 2, str(run.best): 1}


def test_evaluate_includes_the_test_part(train: Command, seqlab: Command) -> None:
    words = ["data.num_val=100", "trainer.max_epochs=1", "hydra.run.dir=run"]
    assert train(*words).code == 0
    metrics = json.loads(seqlab("evaluate", "run", "--json").out)["metrics"]
    assert metrics["test/loss"] == pytest.approx(
        RunFolder("run").read_result()["metrics"]["test/loss"], rel=1e-6
    )


def test_evaluate_reads_a_corpus_that_has_moved(
    train: Command, seqlab: Command, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("so it goes, and so it went on. " * 100)
    words = ["data=text", "data.path=corpus.txt", *SMALL_LM[3:], "hydra.run.dir=run"]
    assert train("recipe=none", *words).code == 0
    moved = corpus.rename(tmp_path / "moved it's here.txt")
    refused(seqlab("evaluate", "run"), "corpus.txt: there is no such file")
    assert seqlab("evaluate", "run", "--data-path", str(moved)).code == 0
    moved.write_text("another text altogether. " * 100)
    refused(
        seqlab("evaluate", "run", "--data-path", str(moved)),
        f"the text in {moved.name} is not the one that this run was trained on",
        "--data-path FILE",
    )
    assert seqlab("generate", "run", "--num-tokens", "5").code == 0, "it needs no corpus"


def test_data_path_of_a_run_without_a_corpus_is_refused(
    seqlab: Command, sine_run: RunFolder
) -> None:
    refused(seqlab("evaluate", str(sine_run.path), "--data-path", "x"), "data.path", "data=text")


def test_run_of_another_task_is_refused_with_the_right_verb(
    seqlab: Command, sine_run: RunFolder, language_run: RunFolder
) -> None:
    sine, language = str(sine_run.path), str(language_run.path)
    refused(seqlab("generate", sine), "another task", f"python -m seqlab forecast {sine}")
    refused(seqlab("forecast", language), "another task", f"python -m seqlab generate {language}")


@pytest.mark.parametrize("verb", ["evaluate", "generate", "forecast"])
def test_folder_that_is_no_run_is_refused(seqlab: Command, tmp_path: Path, verb: str) -> None:
    refused(seqlab(verb, str(tmp_path / "no")), "there is no run folder", "outputs/")
    refused(seqlab(verb, str(tmp_path)), "is not a run folder: it has no config.yaml")
    job = tmp_path / "0000_seed=0"
    job.mkdir()
    (job / "config.yaml").touch()
    asked = seqlab(verb, str(tmp_path))
    refused(
        asked, f"{tmp_path} holds runs, and is none itself", f"Name one of them, such as {job}."
    )
    (tmp_path / "ledger.jsonl").touch()
    asked = seqlab(verb, str(tmp_path))
    refused(asked, f"{tmp_path} is the folder of a sweep, not of a run", f"such as {job}; to ")


@pytest.mark.parametrize("content", ["{{{", "x: 3", "data: 1\nmodel: 2\ntrainer: 3\n"])
def test_damaged_configuration_is_refused(seqlab: Command, copy: RunFolder, content: str) -> None:
    copy.config.write_text(content)
    refused(seqlab("evaluate", str(copy.path)), "config.yaml")


@pytest.mark.parametrize("size", [0, 1000, -1])
def test_damaged_checkpoint_is_refused(seqlab: Command, copy: RunFolder, size: int) -> None:
    copy.last.write_bytes(copy.last.read_bytes()[:size])
    copy.previous.unlink()
    refused(
        seqlab("generate", str(copy.path), "--checkpoint", "last"),
        f"the checkpoint {copy.last} cannot be loaded",
        "best.ckpt",
    )
    assert seqlab("generate", str(copy.path), "--checkpoint", "best").code == 0


def test_checkpoint_that_is_not_there_is_refused(seqlab: Command, copy: RunFolder) -> None:
    refused(
        seqlab("generate", str(copy.path), "--checkpoint", "no.ckpt"),
        "there is no checkpoint no.ckpt",
        "best, last",  # what could have been meant
    )
    shutil.rmtree(copy.best.parent)
    refused(seqlab("generate", str(copy.path)), "there is no checkpoint", "train it again")


def test_checkpoint_of_another_run_is_refused(
    seqlab: Command, sine_run: RunFolder, language_run: RunFolder
) -> None:
    refused(
        seqlab("forecast", str(sine_run.path), "--checkpoint", str(language_run.last)),
        "config.yaml does not fit the checkpoint",
        "Use a checkpoint of this very run",
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_gpu_on_a_machine_without_one_is_refused(seqlab: Command, language_run: RunFolder) -> None:
    refused(seqlab("evaluate", str(language_run.path), "--device", "gpu"), "--device", "no CUDA")


def test_bidirectional_model_is_warned_of_and_cannot_generate(
    train: Command, seqlab: Command, tmp_path: Path
) -> None:
    outcome = succeeded(train(*SMALL_LM, "model.bidirectional=true", "hydra.run.dir=run"))
    run = RunFolder(tmp_path / "run")
    (warning,) = run.read_result()["warnings"]
    assert "bidirectional" in warning
    assert "not a language model's" in warning
    assert warning in outcome.err
    assert warning in run.log.read_text(encoding="utf-8")
    assert not run.samples.exists()
    assert "seqlab generate" not in outcome.out, "a next step that is refused is no help"
    refused(seqlab("generate", "run"), "bidirectional", "model.bidirectional=false")
    assert seqlab("evaluate", "run").code == 0
