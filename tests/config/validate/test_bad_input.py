"""What a person can get wrong on the command line: exit code 2, one clear message, no trace."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from conftest import Outcome
from expect import one, refused

Train = Callable[..., Outcome]

LM = ["experiment=none", "data=sample_story", "model=rnn"]


@pytest.fixture
def refuses(train: Train, tmp_path: Path) -> Callable[..., str]:
    """Run a command that has to be refused, and return its message."""

    def call(*words: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        outcome = train(*words)
        refused(outcome)
        assert sorted(tmp_path.rglob("*")) == before, "a refused command wrote something"
        return outcome.err

    return call


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        one(
            "data.tua=3",
            message="unknown key 'data.tua' in 'data.tua=3' on the command line",
            remedy="Did you mean 'data.tau'",
        ),
        one("dta.tau=3", message="unknown key 'dta.tau'", remedy="Did you mean 'data.tau'?"),
        one("sede=3", message="unknown key 'sede'", remedy="Did you mean 'seed'"),
        one("optimiser.lr=1", message="'optimiser.lr'", remedy="Did you mean 'optimizer.lr'?"),
        one("learning_rate=1", message="'learning_rate'", remedy="`python -m train --cfg job`"),
        one(
            "+data.tua=3",
            message="unknown key 'data.tua' in '+data.tua=3' on the command line",
            remedy="Did you mean 'data.tau'",
        ),
        one("++trainer.max_epoch=3", message="'trainer.max_epoch'", remedy="'trainer.max_epochs'"),
        one("+anything=3", message="unknown key 'anything'", remedy="--cfg job"),
        one("~data.tua", message="unknown key 'data.tua'", remedy="Did you mean 'data.tau'"),
        one("data.num_steps=9", message="'data.num_steps'", remedy="belongs to data=sample_story"),
        one("model.cell=gru", message="'model.cell'", remedy="belongs to model=gru, model=lstm"),
        one("optimizer.momentum=0", message="'optimizer.momentum'", remedy="optimizer=sgd"),
        one("models=rnn", message="'models'", remedy="Did you mean 'model'?"),
        one("experiments=sine_mlp", message="'experiments'", remedy="Did you mean 'experiment'?"),
        one(
            "data=sin",
            message="data=sin: there is no such data",
            remedy="Did you mean data=sine? There are: sample_story, sine, text, time_machine",
        ),
        one("model=lstmm", message="there is no such model", remedy="Did you mean model=lstm?"),
        one(
            "trainer=zzz",
            message="there is no such trainer",
            remedy="There are: ddp, debug, default.",
        ),
        one(
            "experiment=time_machine_rn",
            message="experiment=time_machine_rn: there is no such experiment",
            remedy="Did you mean experiment=time_machine_rnn?",
        ),
        one("hydra.run.dri=x", message="'hydra.run.dri'", remedy="'hydra.run.dir'"),
        one("data.tau", message="data.tau", remedy="Write key=value"),
        one("data.tau=[1", message="'[1'", remedy="Write key=value"),
        one("data.path='x", message="data.path='x", remedy="Write key=value"),
        one("=3", message="=3", remedy="key=value"),
        one("model=null", message="model=null", remedy="There are: gru, lstm, mlp, rnn"),
        one("model=3", message="model=3", remedy="There are: gru, lstm, mlp, rnn"),
        one("~data", message="data", remedy="data="),
        one("data.tau=1,2", message="data.tau=1,2", remedy="--multirun"),
        one("seed=${nope}", message="seed", remedy="nope"),
        one("seed=${oc.env:SEQLAB_NOT_SET}", message="seed", remedy="SEQLAB_NOT_SET"),
        one("--config-dir=no/where", message="no/where", remedy="not found"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(
    refuses: Callable[..., str], words: tuple[str, ...], message: str, remedy: str
) -> None:
    text = refuses(*words)
    assert message in text
    assert remedy in text


@pytest.mark.parametrize(
    ("word", "allowed", "example"),
    [
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
        ("callbacks.forecasts.horizons=[]", "a list, each item a whole", "horizons=[1, 4, 16, 64]"),
        ("callbacks.samples.num_tokens=0", "at least 1", "callbacks.samples.num_tokens=50"),
    ],
)
def test_value_of_a_wrong_type_or_out_of_range_is_refused_with_an_example(
    refuses: Callable[..., str], word: str, allowed: str, example: str
) -> None:
    text = refuses(word)
    assert f"in {word!r} on the command line: must be " in text
    assert allowed in text
    assert f"For example {example}" in text or f"For example callbacks.forecasts.{example}" in text


@pytest.mark.parametrize(
    ("word", "allowed"),
    [
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
    ],
)
def test_value_of_a_language_model_out_of_range_is_refused(
    refuses: Callable[..., str], word: str, allowed: str
) -> None:
    assert f"must be {allowed}" in refuses(*LM, word)


def test_data_and_model_for_different_tasks_are_refused(refuses: Callable[..., str]) -> None:
    text = refuses("data=sample_story")
    assert "the data are for modelling a language, the model is for forecasting a series" in text
    assert "Choose a language model: model=rnn, model=gru or model=lstm." in text
    assert "Choose a forecasting model: model=mlp." in refuses("model=gru")


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        one(
            *LM,
            "data.num_steps=100000",
            message="data.num_steps=100000 is too long",
            remedy="or less",
        ),
        one(
            *LM,
            "data.batch_size=9999",
            message="data.batch_size=9999",
            remedy="data.batch_size=730",
        ),
        one(
            *LM,
            "data.val_fraction=0.6",
            "data.test_fraction=0.5",
            message="leave nothing to train on",
            remedy="below 1",
        ),
        one("data.batch_size=601", message="600 training windows", remedy="data.batch_size=600"),
        one("data.num_train=997", message="need a series of 1001", remedy="data.num_train=996"),
        one("data.num_val=393", message="data.num_val=393", remedy="data.num_val=392"),
        one("data=text", "model=rnn", message="data.path is not set", remedy="data.path=FILE"),
        one("trainer.barebones=true", message="barebones", remedy="Change the flag"),
        one("trainer.max_time=soon", message="trainer.max_time=soon", remedy="DD:HH:MM:SS"),
        one("trainer.strategy=banana", message="banana", remedy="auto, ddp"),
        one(
            "trainer.check_val_every_n_epoch=null",
            "trainer.val_check_interval=0.5",
            message="`val_check_interval` should be an integer",
            remedy="Change the flag that it names",
        ),
        one(
            "trainer.min_epochs=20",
            "trainer.max_epochs=5",
            message="min_epochs",
            remedy="max_epochs",
        ),
        one(
            "callbacks.curves._target_=seqlab.callbacks.curves.Curve",
            message="callbacks.curves (seqlab.callbacks.curves.Curve) cannot be made",
            remedy="SEQLAB_TRACEBACK=1",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_a_remedy(
    refuses: Callable[..., str], words: tuple[str, ...], message: str, remedy: str
) -> None:
    text = refuses(*words)
    assert message in text
    assert remedy in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_gpu_on_a_machine_without_one_is_refused(refuses: Callable[..., str]) -> None:
    text = refuses("trainer.accelerator=gpu")
    assert "trainer.accelerator=gpu: PyTorch sees no CUDA GPU on this machine" in text
    assert "trainer.accelerator=auto" in text


@pytest.mark.parametrize(
    ("content", "message", "remedy"),
    [
        (None, "there is no such file", "Name an existing text file"),
        (b"", "is empty", "Name a file with text in it"),
        (b" \n\n", "is empty", "Name a file with text in it"),
        (b"\x7fELF\x00\x01" * 100, "is a binary file", "Name a text file in UTF-8"),
        ("ein Text".encode("utf-16") * 100, "UTF-16", "iconv -f UTF-16"),
        ("café\n".encode("latin-1") * 100, "is not UTF-8: byte 3 is 0xe9", "iconv -f ISO-8859-1"),
        (b"too short", "is too long for", "or a longer text"),
        (b"1234 5678\n" * 100, "the text has 1 tokens", "data.preprocessing=raw"),
    ],
    ids=["missing", "empty", "blank", "binary", "utf-16", "latin-1", "short", "no-letters"],
)
def test_text_file_that_cannot_be_used_is_refused(
    refuses: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes | None,
    message: str,
    remedy: str,
) -> None:
    file = tmp_path_factory.mktemp("text") / "a file.txt"
    if content is not None:
        file.write_bytes(content)
    preprocessing = "joined" if remedy == "data.preprocessing=raw" else "raw"
    text = refuses(
        "experiment=none",
        "data=text",
        "model=rnn",
        f"data.path={file}",
        f"data.preprocessing={preprocessing}",
    )
    assert message in text
    assert remedy in text


def test_folder_instead_of_a_text_file_is_refused(
    refuses: Callable[..., str], tmp_path: Path
) -> None:
    text = refuses("data=text", "model=rnn", f"data.path={tmp_path}")
    assert f"data.path={tmp_path} cannot be read: Is a directory" in text


def test_path_with_spaces_and_colons_is_taken_as_it_is(refuses: Callable[..., str]) -> None:
    assert "data.path=a b: c: there is no such file" in refuses(
        "data=text", "model=rnn", "data.path=a b: c"
    )


@pytest.mark.parametrize("group", ["callbacks", "logger", "scheduler"])
def test_deleting_a_whole_group_works_or_is_refused(train: Train, group: str) -> None:
    outcome = train(f"~{group}", "trainer.max_epochs=1")
    assert outcome.code in (0, 2)
    assert "Traceback" not in outcome.err
