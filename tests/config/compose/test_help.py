"""What answers without training: at once, that is without importing torch, and with exit code 0."""

from pathlib import Path

import pytest
import yaml

from conftest import spawn
from expect import Command, refusals, refused, words_of
from processes import probe
from seqlab import __version__
from seqlab.config.folders import conf_dir

GROUPS = sorted(folder.name for folder in conf_dir().iterdir() if folder.is_dir())


@pytest.mark.parametrize(
    ("module", "words", "shown"),
    [
        ("train", "--help", "seqlab trains sequence models: python -m train [key=value ...]"),
        ("train", "--cfg job", "_target_: seqlab.data.sine.SineData"),
        ("train", "--cfg job experiment=time_machine_rnn", "max_tokens: 10000"),
        ("train", "--info defaults", "experiment/sine_mlp"),
        ("main", "--help", "usage: "),
        ("main", "--version", "seqlab "),
        ("main", "generate --help", "usage: "),
    ],
)
def test_answer_needs_no_torch_and_leaves_nothing(
    tmp_path: Path, module: str, words: str, shown: str
) -> None:
    outcome, imported = probe(f"seqlab.commands.{module}", *words.split(), cwd=tmp_path)
    assert (outcome.code, imported) == (0, False)
    assert shown in outcome.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("train.py data=s", ["data=sample_story", "data=sine"]),
        ("train.py model=", ["model=gru", "model=lstm", "model=mlp", "model=rnn"]),
        ("train.py optimizer.l", ["optimizer.lr="]),
        ("train.py nothing_like", []),
    ],
)
def test_tab_completion_needs_no_torch(tmp_path: Path, line: str, candidates: list[str]) -> None:
    typed = {"COMP_LINE": line, "COMP_POINT": str(len(line))}
    words = ("-sc", "query=bash")
    outcome, imported = probe("seqlab.commands.train", *words, cwd=tmp_path, **typed)
    assert (outcome.code, imported) == (0, False)
    assert outcome.out.split() == candidates


def test_wrong_configuration_is_refused_without_torch(tmp_path: Path) -> None:
    outcome, imported = probe("seqlab.commands.train", "data.tua=3", cwd=tmp_path)
    assert (outcome.code, outcome.out, imported) == (2, "", False)


def test_probe_notices_torch(tmp_path: Path) -> None:
    module = "seqlab.runs.run import run\nfrom seqlab.commands.main"
    outcome, imported = probe(module, "--help", cwd=tmp_path)
    assert (outcome.code, imported) == (0, True)


def test_help_names_every_group_with_its_options_and_shows_examples(tmp_path: Path) -> None:
    done = spawn("-m", "train", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    for group in GROUPS:
        options = sorted(file.stem for file in (conf_dir() / group).glob("*.yaml"))
        line = next(ln for ln in done.stdout.splitlines() if ln.startswith(f"{group}: "))
        assert sorted(line.removeprefix(f"{group}: ").split(", ")) == options
    assert "python -m train experiment=time_machine_rnn" in done.stdout
    afterwards = "python -m seqlab evaluate|generate|forecast|profile RUN_FOLDER, report SWEEP"
    assert afterwards in done.stdout


def test_options_in_the_examples_of_the_help_exist(train: Command) -> None:
    text = train("--help").out
    examples = [ln.split("  ")[1] for ln in text.splitlines() if ln.startswith("  python -m train")]
    assert len(examples) >= 5
    for example in examples:
        words = example.removeprefix("python -m train").split()
        words = [word for word in words if word not in ("-m", "--cfg", "job") and "," not in word]
        if not any(word.startswith(("resume=", "again=")) for word in words):
            assert train("--cfg", "job", *words).code == 0


def test_printed_configuration_is_yaml_that_can_be_read_back(train: Command) -> None:
    config = yaml.safe_load(train("--cfg", "job", "optimizer.lr=0.5").out)
    assert config["optimizer"]["lr"] == 0.5
    assert "hydra" not in config


def test_seqlab_help_names_every_verb(tmp_path: Path) -> None:
    done = spawn("-m", "seqlab", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for verb in ("evaluate", "generate", "forecast"):
        assert verb in done.stdout


def test_seqlab_says_its_version(tmp_path: Path) -> None:
    done = spawn("-m", "seqlab", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"seqlab {__version__}\n")


@refusals(
    ("evaluat run", "invalid choice: 'evaluat'"),
    ((), "the following arguments are required: VERB"),
    ("evaluate", "the following arguments are required: RUN_FOLDER"),
    ("evaluate run --nope", "unrecognized arguments: --nope"),
    ("generate run --num-tokens many", "invalid int value: 'many'"),
    ("generate x --num-tokens 1.5", "argument --num-tokens: invalid int value"),
    ("evaluate run --device tpu", "invalid choice: 'tpu'"),
)
def test_wrong_command_of_seqlab_is_refused(seqlab: Command, asked: str, message: str) -> None:
    refused(seqlab(*words_of(asked)), message, "--help` shows what there is.")


def test_train_is_the_same_module_wherever_python_starts(tmp_path: Path) -> None:
    done = spawn("-c", "import train; print(train.main.__module__)", cwd=tmp_path)
    assert done.stdout.strip() == "seqlab.commands.train", done.stderr
