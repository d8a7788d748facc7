"""The command that runs a setting again."""

import shlex
from dataclasses import replace

import pytest

from made import STARTED, job
from seqlab.config.compose.jobs import Grid
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.best_command import rerun_command


def rows(*overrides: list[str]) -> list[Row]:
    return [
        job(i, overrides=words, parameters={"seed": int(words[-1].partition("=")[2])})
        for i, words in enumerate(overrides)
    ]


def test_several_seeds_are_one_sweep() -> None:
    words = ["model=gru", "optimizer.lr=0.1"]
    made = rows([*words, "seed=1"], [*words, "seed=2"])
    assert rerun_command(made, STARTED, "lr_grid") == (
        "python -m train -m model=gru optimizer.lr=0.1 seed=1,2 name=lr_grid_again"
    )


def test_one_seed_is_one_run() -> None:
    assert rerun_command(rows(["model=gru", "seed=7"]), STARTED, "lr_grid") == (
        "python -m train model=gru seed=7 name=lr_grid_again"
    )


def test_no_seed_is_one_run() -> None:
    made = [job(0, overrides=["model=gru"], parameters={"model": "gru"})]
    assert rerun_command(made, None, "lr_grid") == "python -m train model=gru name=lr_grid_again"


def test_folders_of_the_sweep_are_left_out() -> None:
    made = rows(["name=lr_grid", "hydra.sweep.dir=here", "hydra.run.dir=there", "+seed=3"])
    assert rerun_command(made, STARTED, "lr_grid") == "python -m train seed=3 name=lr_grid_again"


@pytest.mark.parametrize(
    "word", ["data.path='a b.txt'", 'a="$HOME; rm"', "x=${y}", "a=<script>", "a='it\\'s'"]
)
def test_words_reach_the_program_as_they_were(word: str) -> None:
    command = rerun_command(rows([word, "seed=3"]), STARTED, "lr_grid")
    assert shlex.split(command) == ["python", "-m", "train", word, "seed=3", "name=lr_grid_again"]


@pytest.mark.parametrize(
    "flags", [["--config-dir", "my conf"], ["--config-dir=my conf"], ["-cd", "my conf"]]
)
def test_folder_of_own_options_is_named_again(flags: list[str]) -> None:
    started = replace(STARTED, words=[*flags, "-m", "model=bigram", "seed=1,2"])
    made = rows(["model=bigram", "seed=1"], ["model=bigram", "seed=2"])
    assert rerun_command(made, started, "sweep_seed") == (
        "python -m train --config-dir 'my conf' -m model=bigram seed=1,2 name=sweep_seed_again"
    )


@pytest.mark.parametrize(
    ("folder", "name"),
    [("lr grid (2)", "lr_grid_2_again"), ("..", "sweep_again"), (".hidden", "hidden_again")],
)
def test_name_is_one_that_a_folder_may_have(folder: str, name: str) -> None:
    assert rerun_command(rows(["seed=7"]), None, folder) == f"python -m train seed=7 name={name}"


def test_command_with_texts_of_any_script_is_what_a_shell_makes_of_it_again() -> None:
    made = rows(['data.path="My File (1).txt"', 'monitor="б"', "seed=1"])
    command = rerun_command(made, STARTED, "книга, вторая")
    words = [word for word in shlex.split(command) if "=" in word]
    assert words[-1] == "name=книга_вторая_again"
    (job,) = Grid(words)
    assert job.parameters["data.path"] == "My File (1).txt"
    assert (job.parameters["monitor"], job.parameters["name"]) == ("б", "книга_вторая_again")
