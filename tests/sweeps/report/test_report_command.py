"""The command that runs a setting again."""

import shlex
from dataclasses import replace

import pytest
from made import STARTED, job

from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.command import rerun_command


def rows(*overrides: list[str]) -> list[Row]:
    return [
        job(i, overrides=words, parameters={"seed": int(words[-1].partition("=")[2])})
        for i, words in enumerate(overrides)
    ]


def test_several_seeds_are_one_sweep() -> None:
    words = ["model=gru", "optimizer.lr=0.1"]
    made = rows([*words, "seed=1"], [*words, "seed=2"])
    assert rerun_command(made, STARTED) == (
        "python -m train -m model=gru optimizer.lr=0.1 seed=1,2"
    )


def test_one_seed_is_one_run() -> None:
    assert rerun_command(rows(["model=gru", "seed=7"]), STARTED) == (
        "python -m train model=gru seed=7"
    )


def test_no_seed_is_one_run() -> None:
    made = [job(0, overrides=["model=gru"], parameters={"model": "gru"})]
    assert rerun_command(made, None) == "python -m train model=gru"


def test_folders_of_the_sweep_are_left_out() -> None:
    made = rows(["hydra.sweep.dir=here", "hydra.run.dir=there", "+seed=3"])
    assert rerun_command(made, STARTED) == "python -m train seed=3"


@pytest.mark.parametrize(
    "word", ["data.path='a b.txt'", 'name="$HOME; rm"', "x=${y}", "name=<script>", "a='it\\'s'"]
)
def test_words_reach_the_program_as_they_were(word: str) -> None:
    command = rerun_command(rows([word, "seed=3"]), STARTED)
    assert shlex.split(command) == ["python", "-m", "train", word, "seed=3"]


@pytest.mark.parametrize(
    "flags", [["--config-dir", "my conf"], ["--config-dir=my conf"], ["-cd", "my conf"]]
)
def test_folder_of_own_options_is_named_again(flags: list[str]) -> None:
    started = replace(STARTED, words=[*flags, "-m", "model=bigram", "seed=1,2"])
    command = rerun_command(rows(["model=bigram", "seed=1"], ["model=bigram", "seed=2"]), started)
    assert command == "python -m train --config-dir 'my conf' -m model=bigram seed=1,2"
