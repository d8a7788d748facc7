"""Words from comments, and the options that a command line chooses."""

from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from hydra.types import RunMode

from seqlab.commands.all_options import all_options
from seqlab.config.compose.command import hydra_loader
from seqlab.config.compose.naming import register_resolvers
from seqlab.config.compose.option_files import Key, Option, OptionFiles, read_option
from seqlab.config.folders import conf_dir

FILE = """\
# @package _global_
# python -m train data=mine     about 1 s
# What it is, e.g. 0.5 of it. More of it.
defaults:
  - base
  - override /model: gru  # not a key's
  - _self_
task: forecasting
_target_: a.B
# First part
length: 10   # time steps,
             # not seconds
name: "a # b"
# Above it,
# in two lines
other: [1, 2]

# Not attached.

last:
nested:      # of the nested
  _target_: a.C
  # Inside
  inner: ${seed}
  more: {a: 1}  # flow
many:
- 1
- 2
"""


def test_words_are_the_comments_beside_or_right_above_a_key() -> None:
    assert read_option(FILE) == Option(
        lines=(
            "python -m train data=mine     about 1 s",
            "What it is, e.g. 0.5 of it. More of it.",
        ),
        task="forecasting",
        keys={
            "length": Key("10", "time steps, not seconds", "First part"),
            "name": Key('"a # b"'),
            "other": Key("[1, 2]", "Above it, in two lines"),
            "last": Key("null"),
            "nested": Key("", "of the nested"),
            "nested.inner": Key("${seed}", "Inside"),
            "nested.more": Key("{a: 1}", "flow"),
            "many": Key("..."),
        },
        defaults=(("", "base", ""), ("model", "gru", "not a key's")),
    )


def test_words_of_an_option_are_the_first_sentence_that_is_no_command() -> None:
    assert read_option(FILE).words == "What it is, e.g. 0.5 of it"
    assert read_option("# Which one? The other.\na: 1\n").words == "Which one?"
    assert read_option("a: 1\n").words == ""


@pytest.mark.parametrize("text", ["", "# Only words.\n", "{}\n", "- 1\n", "# Words.\n{}"])
def test_file_without_keys_has_none(text: str) -> None:
    assert read_option(text).keys == {}


def test_alias_is_not_followed() -> None:
    keys = read_option("a: &x\n  b: 1  # one\n  c: *x\n# Two.\nd: *x\n").keys
    assert keys == {
        "a": Key(""),
        "a.b": Key("1", "one"),
        "a.c": Key("..."),
        "d": Key("...", "Two."),
    }


@pytest.mark.parametrize("group", ["launcher", "sweeper"])
def test_options_in_no_file_are_those_that_hydra_has(group: str) -> None:
    with hydra_loader(None):  # finds the plugins
        stored = ConfigStore.instance().repo["hydra"][group].values()
    known = {
        each.name.removesuffix(".yaml"): each.node for each in stored if each.provider == "seqlab"
    }
    files = all_options(None)
    assert set(files.groups[f"hydra/{group}"]) == set(known)
    for name, node in known.items():
        keys = files.option(f"hydra/{group}", name).keys
        assert set(keys) <= set(node) - {"_target_"}
        assert set(keys) >= set(node) - {"_target_", "params"}


def own(folder: Path, **files: str) -> OptionFiles:
    (folder / "data").mkdir()
    for name, text in files.items():
        (folder / "data" / f"{name}.yaml").write_text(text)
    return OptionFiles(folder)


def test_key_without_words_has_those_of_another_option_for_the_same_task(tmp_path: Path) -> None:
    files = own(tmp_path, mine="task: language_model\nseed: 1\ntau: 2\nstrange: 3\n")
    keys = files.option("data", "mine").keys
    assert keys["seed"] == Key("1", "of the order of the batches")  # not those of a series
    assert keys["tau"] == Key("2", "window: how many values predict the next one")
    assert keys["strange"] == Key("3")


def test_option_with_a_defaults_list_has_the_keys_of_both(tmp_path: Path) -> None:
    files = own(tmp_path, mine="defaults: [sine]\n# Mine.\ntau: 9\n")
    keys = files.option("data", "mine").keys
    assert list(keys)[:2] == ["tau", "length"]
    assert keys["tau"] == Key("9", "Mine.")
    assert keys["length"] == Key("1000", "time steps of the series")


def test_own_file_takes_the_place_of_one_of_the_same_name(tmp_path: Path) -> None:
    files = own(tmp_path, sine="# Mine.\ntau: 9\n")
    assert files.option("data", "sine").words == "Mine"
    assert files.groups["data"] == ["sine", "sample_story", "text", "time_machine"]


WORDS = [
    [],
    ["data=text", "model=gru"],
    ["callbacks=[default,early_stopping]"],
    ["experiment=time_machine_lstm_2_layers", "optimizer=adam"],
    *([f"experiment={file.stem}"] for file in sorted((conf_dir() / "experiment").glob("*.yaml"))),
    *([f"sweep={file.stem}"] for file in sorted((conf_dir() / "sweep").glob("*.yaml"))),
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_options_are_those_that_hydra_chooses(words: list[str]) -> None:
    register_resolvers()
    with hydra_loader(None) as loader:
        defaults = loader.compute_defaults_list("train", words, RunMode.RUN).defaults
    chosen: dict[str, list[str]] = {}
    for each in defaults:
        group, _, option = str(each.config_path).rpartition("/")
        chosen.setdefault(group, []).append(option)
    files = all_options(None)
    for group, options in files.chosen(words).items():
        if group != "experiment":  # others of its group come after it
            assert options == chosen[group][-len(options) :], group
        assert options[-1] == chosen[group][-1], group
