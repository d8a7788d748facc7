"""What answers without training: at once, that is without importing torch, and with exit code 0."""

import re
from pathlib import Path

import pytest
import yaml
from hydra._internal.utils import get_args_parser

from conftest import spawn
from expect import Command, refusals, refused, succeeded, words_of
from processes import probe
from seqlab import __version__
from seqlab.commands.all_options import all_options
from seqlab.commands.main import build_parser, verbs
from seqlab.config.compose.option_files import FLAGS
from seqlab.config.folders import CHOOSING, conf_dir, docs_dir

SINE = """\
data=sine
  A noisy sine wave, cut into windows: x_t = sin(frequency * t) + noise, t = 1
  .. length.

  Keys, set with data.KEY=VALUE
  length=1000     time steps of the series
  frequency=0.01  radians per step
  noise=0.2       standard deviation of the Gaussian noise
  tau=4           window: how many values predict the next one
  num_train=600   windows that train; what comes after them is held out
  num_val=null    windows that validate; null: all that remain, none are tested
  batch_size=16   windows a training step
  seed=${seed}    of the noise and of the order of the batches
"""
GROUPS = sorted(folder.name for folder in conf_dir().iterdir() if folder.is_dir())


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    ("module", "words", "shown"),
    [
        ("train", "--help", "seqlab trains sequence models: python -m train [key=value ...]"),
        ("train", "--help all", "\ntrainer=debug\n"),
        ("train", "--cfg job", "_target_: seqlab.data.sine.SineData"),
        ("train", "--cfg job experiment=time_machine_rnn", "max_tokens: 10000"),
        ("train", "--info defaults", "recipe/sine"),
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


def test_wrong_configuration_is_refused_without_torch(tmp_path: Path) -> None:
    outcome, imported = probe("seqlab.commands.train", "data.tua=3", cwd=tmp_path)
    assert (outcome.code, outcome.out, imported) == (2, "", False)


def test_probe_notices_torch(tmp_path: Path) -> None:
    module = "seqlab.runs.run import run\nfrom seqlab.commands.main"
    outcome, imported = probe(module, "--help", cwd=tmp_path)
    assert (outcome.code, imported) == (0, True)


def test_short_help_names_every_group_with_its_options_the_default_first(train: Command) -> None:
    text = " ".join(train("--help").out.split())
    assert " data what is learned from: sine, sample_story, text, time_machine model the " in text
    for group in GROUPS:
        options = [file.stem for file in (conf_dir() / group).glob("*.yaml")]
        listed = text.partition(f" {group} ")[2].partition(": ")[2]
        assert {each.strip(",") for each in listed.split()[: len(options)]} == set(options)
    assert "hydra/launcher where the jobs of a sweep run: basic, local," in text
    assert "seed=0 Seeds the initial weights" in text
    assert "After training: python -m seqlab VERB: evaluate, generate," in text


def test_flags_of_the_help_are_flags(train: Command) -> None:
    words = [word.strip(",") for names in FLAGS for word in names.split() if word[0] == "-"]
    known = {flag for action in get_args_parser()._actions for flag in action.option_strings}
    assert set(words) <= known
    text = train("--help").out
    assert all(f"  {names}" in text for names in FLAGS)


def test_options_in_the_examples_of_the_help_exist(train: Command) -> None:
    lines = train("--help").out.partition("Examples\n")[2].partition("\n\n")[0].splitlines()
    examples = [ln.strip().split("  ")[0] for ln in lines if ln.startswith("  python -m train")]
    assert len(examples) >= 5
    for example in examples:
        words = example.removeprefix("python -m train").split()
        words = [word for word in words if word not in ("-m", "--cfg", "job") and "," not in word]
        if not any(word.startswith(("resume=", "again=")) for word in words):
            assert train("--cfg", "job", *words).code == 0


def test_help_on_an_option_has_its_comment_and_its_keys(train: Command) -> None:
    assert succeeded(train("--help", "data=sine")).out == SINE
    assert succeeded(train("data=sine", "--help")).out == SINE
    group = train("--help", "data").out
    assert group.startswith("data: what is learned from (help data)\n  sine          A noisy")
    assert group.endswith(f"\n\n{SINE}")


def test_help_on_an_experiment_tells_its_command_and_what_it_sets(train: Command) -> None:
    text = train("--help", "experiment=time_machine_gru").out
    assert text.startswith(
        "experiment=time_machine_gru\n"
        "  python -m train experiment=time_machine_gru  about 80 s on two CPU cores\n"
        "  The chapter's character model with gated recurrent units.\n"
    )
    assert "\n  model=gru\n" in text
    assert "\n  optimizer.lr=1.0\n" in text


def test_help_on_a_key_tells_default_range_and_page(train: Command) -> None:
    expected = (
        "data.tau\n"
        "  window: how many values predict the next one\n"
        "  default  4 (data=sine)\n"
        "  allowed  a whole number of at least 1\n"
        "  more     python -m seqlab help data\n"
    )
    assert train("--help", "data.tau").out == expected
    assert train("--help", "tau").out == expected
    assert train("--help", "data.tau=8").out == expected
    seed = train("--help", "seed").out
    assert seed.startswith("seed\n  Seeds the initial weights")
    assert "help configuration\n" in seed
    worker = train("--help", "workers").out
    assert worker.startswith("hydra.launcher.workers\n  jobs at once; null: one a GPU")
    assert "python -m seqlab help launchers\n" in worker


@refusals(
    ("--help data.tua", "--help data.tua: there is no such group or key", "Did you mean data.tau?"),
    ("--help dat=sine", "--help dat: there is no such group or key", "Did you mean data?"),
    (
        "--help data=sin",
        "data=sin: there is no such data",
        "Did you mean data=sine? There are: ",
    ),
    ("--help xyzzy", "--help xyzzy: there is no such group or key", "--help` names all."),
)
def test_help_on_nothing_is_refused(train: Command, asked: str, message: str, remedy: str) -> None:
    refused(train(*words_of(asked)), message, remedy)


def test_help_on_all_has_every_option(train: Command) -> None:
    text = train("--help", "all").out
    files = all_options(None)
    for group, options in files.groups.items():
        for name in options:
            assert f"\n{group}={name}\n" in text
    assert "\n  checkpoint_every_n_seconds=null\n" in text


@pytest.mark.parametrize("columns", [60, 80])
def test_help_fits_the_terminal(
    train: Command, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = train("--help").out + train("--help", "all").out
    long = [line for line in text.splitlines() if len(line) > columns]
    assert [line for line in long if " " in line.strip() and "{" not in line] == []


def test_own_options_are_explained_like_those_of_seqlab(train: Command, tmp_path: Path) -> None:
    file = tmp_path / "mine" / "data" / "logistic.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "# The logistic map: chaos.\ntask: forecasting\n_target_: logistic.LogisticData\n"
        "growth: 3.9  # of the map\ntau: 2\n"
    )
    own = ("--config-dir", "mine", "--help")
    assert train(*own, "data=logistic").out == (
        "data=logistic\n"
        "  The logistic map: chaos.\n"
        "\n"
        "  Keys, set with data.KEY=VALUE\n"
        "  growth=3.9  of the map\n"
        "  tau=2       window: how many values predict the next one\n"
    )
    assert "  logistic      The logistic map: chaos\n" in train(*own, "data").out
    (tmp_path / "mine" / "of_my_own").mkdir()
    (tmp_path / "mine" / "of_my_own" / "option.yaml").write_text("{}\n")
    short = train(*own).out
    assert ": sine, logistic, sample_story, text, time_machine " in " ".join(short.split())
    assert "\n  of_my_own       option\n" in short
    file.write_text("a: [\n")
    refused(train(*own, "data"), "a configuration file is not YAML")


def test_every_option_and_every_key_has_words() -> None:
    files = all_options(None)
    assert [group for group in files.groups if not files.words_of_group(group)] == []
    for group, options in files.groups.items():
        for name in options:
            option = files.option(group, name)
            assert option.words, f"{group}={name}: its file begins with no comment"
            if group not in CHOOSING:  # they set keys of the others
                silent = [key for key, value in option.keys.items() if not value.words]
                assert silent == [], f"{group}={name}: no comment beside or above {silent}"
    assert [key for key, value in files.root.keys.items() if not value.words] == []


def test_printed_configuration_is_yaml_that_can_be_read_back(train: Command) -> None:
    config = yaml.safe_load(train("--cfg", "job", "optimizer.lr=0.5").out)
    assert config["optimizer"]["lr"] == 0.5
    assert "hydra" not in config


def test_seqlab_help_names_every_verb(tmp_path: Path) -> None:
    done = spawn("-m", "seqlab", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for verb in ("train", *verbs(), "help", "completion"):
        assert re.search(rf"^    {verb}\b", done.stdout, re.MULTILINE)


def test_every_option_of_every_verb_has_words() -> None:
    (choices,) = [each.choices for each in build_parser()._actions if each.choices]
    assert {"evaluate", "help"} <= set(choices)
    for name, verb in choices.items():
        assert verb.description, name
        page = str(verb.epilog).removeprefix("More: python -m seqlab help ")
        assert (docs_dir() / f"{page}.md").is_file(), name
        silent = [action.dest for action in verb._actions if not action.help]
        assert silent == [], f"{name}: no words for {silent}"


def test_seqlab_says_its_version(tmp_path: Path) -> None:
    done = spawn("-m", "seqlab", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"seqlab {__version__}\n")


@refusals(
    ("evaluat run", "there is no verb evaluat", "Did you mean evaluate?"),
    ("frobnicate", "there is no verb frobnicate", "--help` shows what there is."),
    ((), "the following arguments are required: VERB", "--help` shows what there is."),
    (
        "evaluate",
        "the following arguments are required: RUN_FOLDER",
        "`python -m seqlab list` shows what there is.",
    ),
    ("evaluate run --nope", "unrecognized arguments: --nope", "--help` shows what there is."),
    ("generate run --num-tokens many", "invalid int value: 'many'"),
    ("generate x --num-tokens 1.5", "argument --num-tokens: invalid int value"),
    ("evaluate run --device tpu", "invalid choice: 'tpu'"),
)
def test_wrong_command_of_seqlab_is_refused(
    seqlab: Command, asked: str, message: str, remedy: str
) -> None:
    refused(seqlab(*words_of(asked)), message, remedy)


def test_train_is_the_same_module_wherever_python_starts(tmp_path: Path) -> None:
    done = spawn("-c", "import train; print(train.main.__module__)", cwd=tmp_path)
    assert done.stdout.strip() == "seqlab.commands.train", done.stderr
