"""Flags of `python -m train`, Hydra's own keys, and words that cannot be read: no traceback."""

from pathlib import Path

import pytest

from conftest import QUICK, spawn
from expect import Command, Refuses, refusals, words_of


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--version"], "Hydra 1.3"),
        (["--cfg", "job", "--resolve"], "seed: 0\n"),
        (["--cfg", "job", "-p", "optimizer"], "# @package optimizer\n"),
        (["--cfg", "job", "--package", "optimizer.lr"], "0.01\n"),
        (["--cfg", "hydra"], "hydra:\n"),
    ],
    ids=" ".join,
)
def test_flag_of_hydra_answers(
    train: Command, tmp_path: Path, words: list[str], shown: str
) -> None:
    outcome = train(*words)
    assert (outcome.code, outcome.err) == (0, "")
    assert shown in outcome.out
    assert list(tmp_path.iterdir()) == []


def test_help_of_hydra_names_its_flags(tmp_path: Path) -> None:
    done = spawn("-m", "train", "--hydra-help", cwd=tmp_path)  # it sets up logging of its own
    assert (done.returncode, done.stderr) == (0, "")
    assert "== Flags ==" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_run_flag_trains(train: Command, tmp_path: Path) -> None:
    assert train("--run", *QUICK, "hydra.run.dir=run").code == 0
    assert (tmp_path / "run" / "result.json").is_file()


@refusals(
    ("--resolve", "--resolve goes with --cfg", "--cfg job --resolve"),
    ("--package model", "--package goes with --cfg", "--cfg job -p"),
    ("-p model", "--package goes with --cfg", "--cfg job -p"),
    ("--shadow-config", "there is no flag --shadow-config", "--hydra-help"),
    ("--multirn", "there is no flag --multirn", "Did you mean --multirun?"),
    ("--cgf=job", "there is no flag --cgf=job", "Did you mean --cfg?"),
    ("-x", "there is no flag -x", "--hydra-help"),
    ("--cfg", "--cfg/-c: expected one argument", "--hydra-help"),
    ("--cfg jobs", "invalid choice: 'jobs' (choose from 'job'", "--hydra-help"),
    ("--info default", "invalid choice: 'default'", "--hydra-help"),
    ("-m --cfg job", "only one of --run, --multirun, --cfg", "Leave one"),
    ("--config-name=mine", "always train.yaml", "--config-dir=FOLDER"),
    ("--config-path=mine", "always train.yaml", "--config-dir=FOLDER"),
    ("--experimental-rerun=run.pickle", "pickle", "resume=RUN_FOLDER"),
    ("--config-dir=no/where", "no/where: the folder was not found"),
    ("data=sine -m seed=1,2", "'seed=1,2' is cut off", "Write flags first"),
    ("-sc install=bash", "--shell-completion is Hydra's", "`python -m seqlab completion bash`"),
)
def test_flag_that_does_not_fit_is_refused(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    refuses(asked, message, remedy)


@pytest.mark.parametrize("sweep", [[], ["-m"]], ids=["run", "sweep"])
@refusals(
    ("+hydra.run.dri=x", "unknown key 'hydra.run.dri'", "Did you mean 'hydra.run.dir'"),
    ("++hydra.swep.dir=x", "unknown key 'hydra.swep.dir'", "'hydra.sweep.dir'"),
    ("hydra.jobb.name=x", "unknown key 'hydra.jobb.name'", "'hydra.job.name'"),
    ("+hydra.foo=1", "unknown key 'hydra.foo' in '+hydra.foo=1'"),
    ("~hydra.callbacks.preflight", "hydra.callbacks.preflight keeps", "Leave it"),
    ("hydra.callbacks.preflight._target_=x.Y", "hydra.callbacks.preflight keeps", "Leave it"),
    ("hydra.mode=FAST", "'hydra.mode=FAST' cannot be: Invalid value 'FAST'"),
    ("hydra.run.dir=[a]", "'hydra.run.dir=[a]' cannot be: Cannot convert 'list' to string"),
    ("hydra/launcher=joblob", "hydra/launcher=joblob: there is no such"),
    ("optimizer=[adam,sgd]", "there is one optimizer in a run", "-m optimizer=A,B"),
    (("data.path=a (1).txt",), "'data.path=a (1).txt' cannot be read", "'data.path=\"a (1).txt\"'"),
    ("data.path=a=b.txt", "cannot be read", "'data.path=\"a=b.txt\"'"),
    ("data.path=[a].txt", "cannot be read", "'data.path=\"[a].txt\"'"),
    ("data.path=~/a.txt", "cannot be read", "data.path=$HOME/a.txt"),
    ("data.tau", "'data.tau' has no value", "Write key=value"),
)
def test_word_that_hydra_would_swallow_or_choke_on_is_refused(
    refuses: Refuses, sweep: list[str], asked: str, message: str, remedy: str
) -> None:
    refuses((*sweep, *words_of(asked)), message, remedy)


def test_run_that_would_change_the_working_folder_is_refused(refuses: Refuses) -> None:
    refuses("hydra.job.chdir=true", "hydra.job.chdir=true", "hydra.run.dir")


@pytest.mark.parametrize("word", ["hydra.verbose=false"])
def test_key_that_hydra_leaves_open_is_taken(train: Command, word: str) -> None:
    assert train(word, *QUICK).code == 0


@pytest.mark.parametrize("name", ["a (1).txt", "a b:c.txt", "it's.txt", "a=b,c.txt", "[a].txt"])
def test_quotes_that_the_message_advises_work(refuses: Refuses, name: str) -> None:
    words = ("data=text", "model=rnn", f'data.path="{name}"')
    refuses(words, f"data.path={name}: there is no such file")


@refusals(
    ("seed=1,2", "python -m train -m seed=1,2"),
    ("experiment=sine_mlp,none", "python -m train -m experiment=sine_mlp,none"),
    ("seed=range(1,3)", "python -m train -m seed=range(1,3)"),
    ("data.path=a,b.txt", "a text 'data.path=\"a,b.txt\"'"),
)
def test_several_values_without_a_sweep_are_told_how(
    refuses: Refuses, asked: str, message: str
) -> None:
    refuses(asked, f"{asked}: several values are a sweep", message)
