"""What a person can get wrong on the command line: exit code 2, one clear message, no trace."""

from pathlib import Path

import pytest
import torch

from expect import Command, Refuses, refusals

LM = ["recipe=none", "data=sample_story", "model=rnn"]


@refusals(
    (
        "data.tua=3",
        "unknown key 'data.tua' in 'data.tua=3' on the command line",
        "Did you mean 'data.tau'",
    ),
    ("dta.tau=3", "unknown key 'dta.tau'", "Did you mean 'data.tau'?"),
    ("sede=3", "unknown key 'sede'", "Did you mean 'seed'"),
    ("optimiser.lr=1", "'optimiser.lr'", "Did you mean 'optimizer.lr'?"),
    ("learning_rate=1", "'learning_rate'", "Did you mean 'optimizer.lr'?"),
    ("epochs=3", "'epochs'", "Did you mean 'trainer.max_epochs' or 'trainer.min_epochs'?"),
    (
        "callbacks.early_stopping.patience=3",
        "unknown key 'callbacks.early_stopping.patience'",
        "belongs to callbacks=[default,early_stopping].",
    ),
    (
        "+data.tua=3",
        "unknown key 'data.tua' in '+data.tua=3' on the command line",
        "Did you mean 'data.tau'",
    ),
    ("++trainer.max_epoch=3", "'trainer.max_epoch'", "'trainer.max_epochs'"),
    ("+anything=3", "unknown key 'anything'", "--cfg job"),
    ("~data.tua", "unknown key 'data.tua'", "Did you mean 'data.tau'"),
    ("data.num_steps=9", "'data.num_steps'", "belongs to data=sample_story"),
    ("model.cell=gru", "'model.cell'", "belongs to model=gru, model=lstm"),
    ("optimizer.momentum=0", "'optimizer.momentum'", "optimizer=sgd"),
    ("models=rnn", "'models'", "Did you mean 'model'?"),
    ("experiments=sine_mlp", "'experiments'", "Did you mean 'experiment'?"),
    (
        "data=sin",
        "data=sin: there is no such data",
        "Did you mean data=sine? There are: sample_story, sine, text, time_machine",
    ),
    ("model=lstmm", "there is no such model", "Did you mean model=lstm?"),
    ("trainer=zzz", "there is no such trainer", "There are: ddp, debug, default."),
    (
        "experiment=time_machine_rn",
        "experiment=time_machine_rn: there is no such experiment",
        "Did you mean experiment=time_machine_rnn?",
    ),
    ("hydra.run.dri=x", "'hydra.run.dri'", "'hydra.run.dir'"),
    ("data.tau", "data.tau", "Write key=value"),
    ("data.tau=[1", "'data.tau=[1' cannot be read", "A list is [a,b]"),
    ("data.tau='x", "data.tau='x in", "For example data.tau=4"),
    ("=3", "=3", "key=value"),
    ("model=null", "model=null", "There are: gru, lstm, mlp, rnn"),
    ("model=3", "model=3", "There are: gru, lstm, mlp, rnn"),
    ("~data", "data", "data="),
    ("data.tau=1,2", "data.tau=1,2", "--multirun"),
    ("seed=${nope}", "seed", "nope"),
    ("seed=${oc.env:SEQLAB_NOT_SET}", "seed", "SEQLAB_NOT_SET"),
    ("--config-dir=no/where", "no/where", "not found"),
)
def test_what_does_not_exist_is_named_with_what_does(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    refuses(asked, message, remedy)


@refusals(
    ("data.tau=four", "a whole number of at least 1", "data.tau=4"),
    ("data.tau=4.5", "a whole number of at least 1", "data.tau=4"),
    ("data.tau=", "a whole number of at least 1", "data.tau=4"),
    ("data.tau=null", "a whole number of at least 1", "data.tau=4"),
    ("data.tau=true", "a whole number of at least 1", "data.tau=4"),
    ("data.tau=0", "a whole number of at least 1", "data.tau=4"),
    ("data.length=[1000]", "a whole number of at least 1", "data.length=1000"),
    ("data.batch_size=0", "a whole number of at least 1", "data.batch_size=16"),
    ("data.noise=-0.1", "a number of at least 0", "data.noise=0.2"),
    ("data.num_val=-1", "a whole number of at least 0, or null", "data.num_val=null"),
    ("model.hidden_size=0", "a whole number of at least 1", "model.hidden_size=10"),
    ("model.hidden_size=null", "a whole number of at least 1", "model.hidden_size=10"),
    ("optimizer.lr=0", "a number above 0", "optimizer.lr=0.01"),
    ("optimizer.lr=nan", "a number above 0", "optimizer.lr=0.01"),
    ("optimizer.lr=inf", "a number above 0", "optimizer.lr=0.01"),
    ("optimizer.lr=fast", "a number above 0", "optimizer.lr=0.01"),
    ("optimizer.betas=3", "a list", "optimizer.betas=[0.9, 0.999]"),
    ("optimizer.betas=[0.9,1.5]", "below 1", "optimizer.betas=[0.9, 0.999]"),
    ("optimizer.betas=[0.9]", "must be", "optimizer.betas=[0.9, 0.999]"),
    ("seed=-1", "a whole number of at least 0", "seed=0"),
    ("seed=1.5", "a whole number of at least 0", "seed=0"),
    ("seed=null", "a whole number of at least 0", "seed=0"),
    ("seed=4294967296", "4294967295", "seed=0"),
    ("trainer.max_epochs=0", "a whole number of at least 1", "trainer.max_epochs=10"),
    ("trainer.max_epochs=-1", "a whole number of at least 1", "trainer.max_epochs=10"),
    ("trainer.gradient_clip_val=-1", "above 0, or null", "trainer.gradient_clip_val=null"),
    ("trainer.accelerator=banana", "one of auto, cpu, gpu", "trainer.accelerator=auto"),
    ("trainer.precision=banana", "32-true", "trainer.precision=null"),
    ("trainer.enable_checkpointing=7", "true or false", "trainer.enable_checkpointing=true"),
    ("trainer.max_epochs=[1,2]", "a whole number", "trainer.max_epochs=10"),
    ("name=a/b", "a text without / \\", "name=null"),
    (
        "callbacks.forecasts.horizons=[]",
        "a list, each item a whole",
        "callbacks.forecasts.horizons=[1, 4, 16, 64]",
    ),
    ("callbacks.samples.num_tokens=0", "at least 1", "callbacks.samples.num_tokens=50"),
)
def test_value_of_a_wrong_type_or_out_of_range_is_refused_with_an_example(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    where = f"in {asked!r} on the command line: must be "
    refuses(asked, where, message, f"For example {remedy}")


@refusals(
    ("model.bidirectional=7", "one of true, false"),
    ("model.dropout=1", "a number of at least 0 and below 1"),
    ("model.dropout=-0.1", "a number of at least 0 and below 1"),
    ("model.cell=gruu", "one of rnn, gru, lstm"),
    ("model.num_layers=0", "a whole number of at least 1"),
    ("model.init_std=0", "a number above 0, or null"),
    ("data.val_fraction=1", "a number of at least 0 and below 1"),
    ("data.level=byte", "one of char, word"),
    ("data.max_tokens=1", "a whole number of at least 2, or null"),
    ("data.num_steps=0", "a whole number of at least 1"),
    ("data.sampling=null", "one of sequential, random"),
)
def test_value_of_a_language_model_out_of_range_is_refused(
    refuses: Refuses, asked: str, message: str
) -> None:
    refuses((*LM, asked), f"must be {message}")


def test_data_and_model_for_different_tasks_are_refused(refuses: Refuses) -> None:
    what = "the data are for modelling a language, the model is for forecasting a series"
    choose = "Choose a language model: model=rnn, model=gru or model=lstm."
    refuses("data=sample_story", what, choose)
    refuses("model=gru", "Choose a forecasting model: model=mlp.")


@refusals(
    ((*LM, "data.num_steps=100000"), "data.num_steps=100000 is too long", "or less"),
    ((*LM, "data.batch_size=9999"), "data.batch_size=9999", "data.batch_size=730"),
    (
        (*LM, "data.val_fraction=0.6", "data.test_fraction=0.5"),
        "leave nothing to train on",
        "below 1",
    ),
    ("data.batch_size=601", "600 training windows", "data.batch_size=600"),
    ("data.num_train=997", "need a series of 1001", "data.num_train=996"),
    ("data.num_val=393", "data.num_val=393", "data.num_val=392"),
    ("data=text model=rnn", "data.path is not set", "data.path=FILE"),
    ("trainer.barebones=true", "barebones", "Change the flag"),
    ("trainer.max_time=soon", "trainer.max_time=soon", "DD:HH:MM:SS"),
    ("trainer.strategy=banana", "banana", "auto, ddp"),
    (
        "trainer.check_val_every_n_epoch=null trainer.val_check_interval=0.5",
        "`val_check_interval` should be an integer",
        "Change the flag that it names",
    ),
    ("trainer.min_epochs=20 trainer.max_epochs=5", "min_epochs", "max_epochs"),
    (
        "callbacks.curves._target_=seqlab.callbacks.curves.Curve",
        "callbacks.curves (seqlab.callbacks.curves.Curve) cannot be made",
        "Did you mean Curves?",
    ),
)
def test_values_that_contradict_each_other_are_refused_with_a_remedy(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    refuses(asked, message, remedy)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_gpu_on_a_machine_without_one_is_refused(refuses: Refuses) -> None:
    what = "trainer.accelerator=gpu: PyTorch sees no CUDA GPU on this machine"
    refuses("trainer.accelerator=gpu", what, "trainer.accelerator=auto")


@refusals(
    (None, "there is no such file", "Name an existing text file"),
    (b"", "is empty", "Name a file with text in it"),
    (b" \n\n", "is empty", "Name a file with text in it"),
    (b"\x7fELF\x00\x01" * 100, "is a binary file", "Name a text file in UTF-8"),
    ("ein Text".encode("utf-16") * 100, "UTF-16", "iconv -f UTF-16"),
    ("café\n".encode("latin-1") * 100, "is not UTF-8: byte 3 is 0xe9", "iconv -f CP1252"),
    (b"too short", "is too long for", "or a longer text"),
    (b"1234 5678\n" * 100, "the text has 1 token after", "data.preprocessing=raw"),
)
def test_text_file_that_cannot_be_used_is_refused(
    refuses: Refuses, tmp_path: Path, asked: bytes | None, message: str, remedy: str
) -> None:
    file = tmp_path / "a file.txt"
    if asked is not None:
        file.write_bytes(asked)
    preprocessing = "joined" if remedy == "data.preprocessing=raw" else "raw"
    words = ("data=text", "model=rnn", f"data.preprocessing={preprocessing}", f"data.path={file}")
    refuses(("recipe=none", *words), message, remedy)


def test_folder_instead_of_a_text_file_is_refused(refuses: Refuses, tmp_path: Path) -> None:
    words = ("data=text", "model=rnn", f"data.path={tmp_path}")
    refuses(words, f"data.path={tmp_path} cannot be read: Is a directory")


def test_path_with_spaces_and_colons_is_taken_as_it_is(refuses: Refuses) -> None:
    words = ("data=text", "model=rnn", "data.path=a b: c")
    refuses(words, "data.path=a b: c: there is no such file")


@pytest.mark.parametrize("group", ["callbacks", "logger", "scheduler"])
def test_deleting_a_whole_group_works_or_is_refused(train: Command, group: str) -> None:
    outcome = train(f"~{group}", "trainer.max_epochs=1")
    assert outcome.code in (0, 2)
    assert "Traceback" not in outcome.err
