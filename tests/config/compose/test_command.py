"""Flags of `python -m train`, Hydra's own keys, and words that cannot be read: no traceback."""

from pathlib import Path

import pytest

from conftest import QUICK, spawn
from expect import Command, Refuses, refusals, refused, succeeded, words_of
from seqlab.runs.folder.run_folder import RunFolder


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
    ("-x", "there is no flag -x", "Keys are typed without dashes, key=value"),
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
    ("data.path=[a,b", "'data.path=[a,b' cannot be read: its brackets", "'data.path=\"[a,b\"'"),
    ("data.tau", "'data.tau' has no value", "Write key=value"),
    ("дата.tau=1", "'дата.tau=1' cannot be read: 'дата.tau' is no key", "letters a to z"),
    ("monitor=${a", "'monitor=\"${a\"' has a reference that cannot be read", "${KEY}"),
    ("monitor=${oc.env:NONE}", "monitor: \"Environment variable 'NONE' not found", "Give it"),
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


@pytest.mark.parametrize(
    "name", ["книга.txt", "My File (1).txt", "it's.txt", "a=b.txt", "[a].txt", "a&b@c", "本 本"]
)
def test_text_is_taken_as_it_was_typed_with_and_without_quotes(refuses: Refuses, name: str) -> None:
    for word in (f"data.path={name}", f'data.path="{name}"'):
        refuses(("data=text", "model=rnn", word), f"data.path={name}: there is no such file")


def test_tilde_is_the_person_s_own_folder(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    words = ("data=text", "model=rnn")
    refused(train(*words, "data.path=~/a.txt"), f"data.path={tmp_path}/a.txt: there is no such")
    refused(train(*words, 'data.path="~/a.txt"'), "data.path=~/a.txt: there is no such file")
    refused(train("resume=~/no run"), f"there is no run folder {tmp_path}/no run")


def test_name_in_another_script_goes_round(train: Command, tmp_path: Path) -> None:
    succeeded(train(*QUICK, "name=книга (1)", "hydra.run.dir=папка/бег"))
    run = RunFolder(tmp_path / "папка" / "бег")
    result = run.read_result()
    assert result["experiment"] == "книга (1)"
    assert 'name="книга (1)"' in result["overrides"]
    succeeded(train(*result["overrides"], "hydra.run.dir=again"))
    assert RunFolder(tmp_path / "again").read_result()["overrides"] == result["overrides"]
    refused(train(f"resume={run.path}", "monitor=б"), "monitor=б in 'monitor=\"б\"' on the command")


@refusals(
    ("seed=1,2", "python -m train -m seed=1,2"),
    ("experiment=sine_mlp,none", "python -m train -m experiment=sine_mlp,none"),
    ("seed=range(1,3)", "python -m train -m 'seed=range(1,3)'"),
    ("data.path=a,b.txt", "a text 'data.path=\"a,b.txt\"'"),
    ("name=книга,б", 'python -m train -m \'name="книга","б"\'. A list is'),
    ("name=книга,б", "a text 'name=\"книга,б\"'"),
)
def test_several_values_without_a_sweep_are_told_how(
    refuses: Refuses, asked: str, message: str
) -> None:
    refuses(asked, ": several values are a sweep", message)
