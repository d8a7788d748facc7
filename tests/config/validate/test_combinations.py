"""Names and values that are right one by one, and do not fit together.

Each is refused with one message that names the override or the file, before torch is imported.
"""

from pathlib import Path

import pytest

from expect import Command, Refuses, refusals, refused, words_of
from processes import probe
from seqlab.config.validate.combinations import _METRICS
from seqlab.runs.folder.run_folder import RunFolder

LM = ["data=sample_story", "model=rnn"]


@refusals(
    (
        "monitor=val/los",
        "monitor=val/los in 'monitor=val/los' on the command line: there is no such",
        "Did you mean val/loss? There are: train/loss, ",
    ),
    ("monitor=loss", "no such metric", "Did you mean val/loss?"),
    ("monitor=train/los", "no such metric", "Did you mean train/loss?"),
    ("monitor=val/perplexity", "in forecasting a series", "val/rmse@64"),
    ("monitor=val/rmse@3", "no such metric", "val/rmse@4"),
    ("monitor=test/loss", "no such metric", "There are: "),
    (
        (*LM, "monitor=val/rmse@4"),
        "in modelling a language",
        "val/bits_per_token, val/loss, val/perplexity",
    ),
    (
        "callbacks.checkpoints.monitor=val/lss",
        "callbacks.checkpoints.monitor=val/lss in 'callbacks",
        "Did you mean val/loss?",
    ),
    (
        "monitor=val/loss data.num_val=0",
        "monitor=val/loss in 'monitor=val/loss' on the command line: never measured, "
        "since data.num_val=0",
        "Use monitor=train/loss",
    ),
    (
        (*LM, "monitor=val/loss", "data.val_fraction=0"),
        "since data.val_fraction=0",
        "hold something out",
    ),
    (
        "monitor=val/loss trainer.limit_val_batches=0",
        "since trainer.limit_val_batches=0",
        "hold something out",
    ),
    (
        "data=sample_story",
        "(data in 'data=sample_story' on the command line, model in the configuration)",
        "Choose a language model",
    ),
    (
        "experiment=time_machine_rnn model=mlp",
        "model in 'model=mlp' on the command line)",
        "Choose a language model",
    ),
    (
        "experiment=time_machine_rnn data=sine",
        "unknown key 'data.max_tokens' in experiment/time_machine_rnn.yaml",
        "belongs to data=sample_story",
    ),
    (
        "trainer.min_steps=9 trainer.max_steps=3",
        "trainer.min_steps=9 in 'trainer.min_steps=9' on the command line is more",
        "Use trainer.max_steps=9 or more",
    ),
    ("data=text model=rnn", "data.path is not set", "data.path=FILE"),
    ("data=text model=rnn data.path=null", "data.path is not set", "data.path=FILE"),
    (
        "data=text model=rnn data.path=no.txt",
        "data.path=no.txt: there is no such file",
        "Name an existing text file",
    ),
    (
        "experiment=time_machine_rnn data.path=no.txt",
        "data.path=no.txt: there is no such file",
        "Name an existing text file",
    ),
    ("~optimizer._partial_", "optimizer._partial_ was deleted", "Leave it"),
    (
        "callbacks.samples=null",
        "callbacks.samples in 'callbacks.samples=null' on the command line: it has",
        "'~callbacks.samples'",
    ),
    ("optimizer.betas={x:1}", "'optimizer.betas={x:1}' cannot be: "),
    (("model.cell=grru", *LM), "one of rnn, gru", "Did you mean model.cell=gru?"),
)
def test_what_does_not_fit_is_refused_without_torch(
    tmp_path: Path, asked: str, message: str, remedy: str
) -> None:
    outcome, imported = probe("seqlab.commands.train", *words_of(asked), cwd=tmp_path)
    refused(outcome, message, remedy)
    assert not imported
    assert list(tmp_path.iterdir()) == []


def test_metric_of_an_own_callback_may_be_monitored(train: Command) -> None:
    own = "+callbacks.mine._target_=lightning.pytorch.callbacks.ModelSummary"
    outcome = train(own, "monitor=val/of_my_own", "trainer.max_epochs=1")
    assert outcome.code == 1  # it is not logged after all, as the run itself finds out
    assert "monitor=val/of_my_own: there is no such metric" in outcome.err


def test_known_metrics_are_those_that_a_run_measures(
    sine_run: RunFolder, language_run: RunFolder
) -> None:
    for run, task in ((sine_run, "forecasting"), (language_run, "language_model")):
        names = {name for name in run.read_metrics() if name.startswith(("train/", "val/"))}
        assert set(_METRICS[task]) <= names
        more = {name for name in names - set(_METRICS[task]) if name.startswith("val/")}
        assert all(name.startswith("val/rmse@") for name in more)


def test_data_folder_that_is_a_file_is_refused(
    refuses: Refuses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("text")
    monkeypatch.setenv("SEQLAB_DATA", str(file))
    what = f"SEQLAB_DATA={file} is not a folder"
    refuses("experiment=time_machine_rnn", what, f"data.path={file}")
