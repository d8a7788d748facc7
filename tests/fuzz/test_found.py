"""What the fuzz has found, each with the very line."""

from pathlib import Path

import pytest

from expect import Command, Refuses, refusals, refused, succeeded
from seqlab.runs.folder.run_folder import RunFolder


@refusals(
    ("--info nothing", "argument --info/-i: invalid choice: 'nothing'"),
    ("--nonsense", "there is no flag --nonsense"),
    ("data.tau=5 -m seed=1,2", "'seed=1,2' is cut off from the other", "Write flags first"),
    ("--config-name=data/sine", "no --config-path, no --config-name", "--config-dir=FOLDER"),
    ("--config-path=/", "no --config-path, no --config-name"),
    ("--experimental-rerun nowhere ~seed=1", "--experimental-rerun would execute"),
    ("--cfg job -p no.where", "unknown key 'no.where' behind --package"),
    ("~hydra.callbacks.preflight", "keeps a run out of the folder of another"),
    ("hydra.callbacks=null", "'hydra.callbacks=null' cannot be"),
    (
        "data.num_val=null optimizer.betas.a.b.c=-inf",
        "'optimizer.betas.a.b.c=-inf' cannot be applied: Index 'a' (str) is not an int",
    ),
    (
        ("hydra.sweeper.params={seed: 1}", "data.num_val=null"),
        "'hydra.sweeper.params={seed: 1}' cannot be applied",
    ),
    (("trainer.detect_anomaly=false", f"resume={'x' * 5000}"), "there is no run folder"),
    (
        "experiment={} model=lstm data=sample_story",
        "experiment={}: there is no such experiment",
        "There are: none, sine_mlp",
    ),
    (
        "data=sample_story model=rnn recipe=none trainer=../data/sine",
        "trainer._target_=seqlab.data.sine.SineData may not be instantiated",
    ),
    ((f"hydra.run.dir={'x' * 5000}",), "File name too long", "hydra.run.dir=FOLDER"),
    ("-m ++hydra.job.env_set.SEQLAB_FUZZ=${oc.decode:3}", "hydra.job.env_set"),
)
def test_line_is_refused_in_words_and_leaves_nothing(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    refuses(asked, message, remedy)


@pytest.mark.parametrize(
    "options",
    [
        ["--temperature", "1e-300"],
        ["--temperature", "1e-45"],
        ["--temperature", "1e300"],
        ["--top-p", "1e-300"],
        ["--temperature", "1e-300", "--top-k", "2"],
    ],
    ids=" ".join,
)
def test_generation_with_extreme_options_makes_text(
    seqlab: Command, language_run: RunFolder, options: list[str]
) -> None:
    outcome = succeeded(seqlab("generate", str(language_run.path), "--num-tokens", "3", *options))
    greedy = seqlab("generate", str(language_run.path), "--num-tokens", "3", "--greedy")
    if options[-1] != "1e300":
        assert outcome.out == greedy.out


def test_prefix_that_is_not_text_is_refused(seqlab: Command, language_run: RunFolder) -> None:
    outcome = seqlab("generate", str(language_run.path), "--prefix", "\udcff")
    refused(outcome, "--prefix is not text in UTF-8")


@pytest.mark.parametrize("task", ["[]", "{a: 1}", "3", "null"])
def test_task_that_is_no_word_is_refused(
    seqlab: Command, language_run: RunFolder, tmp_path: Path, task: str
) -> None:
    text = language_run.config.read_text().replace("task: language_model", f"task: {task}")
    (tmp_path / "config.yaml").write_text(text)
    refused(seqlab("generate", str(tmp_path)), "data.task=", "there is no such task")
