"""What data bring with them: it suits them, and whatever is typed or published stands above it."""

from pathlib import Path
from typing import Any

import pytest
from hydra.types import RunMode

from composed import checked
from expect import Command, Refuses, refusals, refused
from seqlab.config.compose.command import hydra_loader
from seqlab.config.compose.naming import register_resolvers
from seqlab.config.folders import ROOT

ADAM, ONE_CYCLE = ("Adam", 0.01), "OneCycleLR"
SINE = (*ADAM, None, None, 5)
TEXT, SHORT_TEXT = (*ADAM, ONE_CYCLE, 1.0, 8), (*ADAM, ONE_CYCLE, 1.0, 16)
NOTHING = (*ADAM, None, None, 10)


def training(*words: str) -> tuple[Any, ...]:
    """Return optimizer, learning rate, schedule, clipping and epochs as they are composed."""
    config = checked(*words)
    names = [
        config[group].get("_target_", "").rpartition(".")[2] for group in ("optimizer", "scheduler")
    ]
    trainer = config["trainer"]
    return (
        names[0],
        config["optimizer"]["lr"],
        names[1] or None,
        trainer["gradient_clip_val"],
        trainer["max_epochs"],
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", SINE),
        ("experiment=none", SINE),
        ("data=sine model=mlp", SINE),
        ("data=sample_story model=gru", SHORT_TEXT),
        ("model=rnn data=sample_story", SHORT_TEXT),
        ("data=time_machine model=lstm", TEXT),
        ("data=text data.path=FILE model=rnn", TEXT),
        ("data=time_machine data.level=word model=lstm", TEXT),
    ],
)
def test_data_bring_what_suits_them(words: str, expected: tuple[Any, ...]) -> None:
    assert training(*words.replace("FILE", __file__).split()) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("optimizer=sgd", ("SGD", 0.1, ONE_CYCLE, 1.0, 16)),
        ("optimizer=adam", SHORT_TEXT),
        ("optimizer.lr=0.5", ("Adam", 0.5, ONE_CYCLE, 1.0, 16)),
        ("scheduler=none", (*ADAM, None, 1.0, 16)),
        ("scheduler=cosine", (*ADAM, "CosineAnnealingLR", 1.0, 16)),
        ("trainer.max_epochs=3", (*ADAM, ONE_CYCLE, 1.0, 3)),
        ("trainer.gradient_clip_val=null", (*ADAM, ONE_CYCLE, None, 16)),
        ("trainer=default", SHORT_TEXT),
        ("trainer=ddp trainer.devices=2", SHORT_TEXT),
        ("recipe=none", NOTHING),
        ("recipe=text", TEXT),
        ("recipe=none scheduler=one_cycle", (*ADAM, ONE_CYCLE, None, 10)),
        ("recipe=text optimizer=sgd trainer.max_epochs=1", ("SGD", 0.1, ONE_CYCLE, 1.0, 1)),
    ],
)
def test_typed_words_stand_above_it_in_any_order(words: str, expected: tuple[Any, ...]) -> None:
    data = ["data=sample_story", "model=gru"]
    assert training(*data, *words.split()) == expected
    assert training(*words.split(), *reversed(data)) == expected


CHAPTER = ("SGD", 1.0, None, 1.0, 500)


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ("sine_mlp", SINE),
        ("time_machine_rnn", CHAPTER),
        ("time_machine_gru", CHAPTER),
        ("time_machine_lstm", CHAPTER),
        ("time_machine_lstm_2_layers", ("SGD", 2.0, None, 1.0, 500)),
        ("time_machine_lstm_bidirectional", CHAPTER),
        ("time_machine_scratch_random", CHAPTER),
        ("time_machine_scratch_sequential", CHAPTER),
        ("time_machine_scratch_zeroed", CHAPTER),
        ("time_machine_rnn data=sample_story", CHAPTER),
        ("sine_mlp data=sample_story model=rnn", (*ADAM, ONE_CYCLE, 1.0, 5)),
    ],
)
def test_published_experiments_train_as_they_were_published(
    experiment: str, expected: tuple[Any, ...]
) -> None:
    assert training(*f"experiment={experiment}".split()) == expected


@pytest.mark.parametrize(
    "words", ["", "experiment=time_machine_rnn", "data=sample_story model=rnn"]
)
def test_debugging_takes_three_steps_whatever_the_epochs(words: str) -> None:
    assert checked("trainer=debug", *words.split())["trainer"]["max_steps"] == 3


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("", "sine_mlp"),
        ("experiment=none", "sine_mlp"),
        ("experiment=sine_mlp", "sine_mlp"),
        ("data=sample_story model=gru", "sample_story_gru"),
        ("experiment=time_machine_gru data=sample_story", "time_machine_gru"),
        ("name=mine data=sample_story model=gru", "mine"),
    ],
)
def test_run_folder_is_named_by_what_was_chosen(words: str, name: str) -> None:
    register_resolvers()
    with hydra_loader(None) as loader:
        composed = loader.load_configuration(ROOT, words.split(), RunMode.RUN)
        assert composed.hydra.run.dir.startswith(f"outputs/{name}/")


def own_file(folder: Path, option: str, content: str) -> str:
    """Write an option of the person's own, and return the word that has its folder searched."""
    file = folder / "own" / f"{option}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    return f"hydra.searchpath=[file://{folder / 'own'}]"


OWN_TEXT = "task: language_model\n_target_: seqlab.data.sample_story.SampleStoryData\n"
OVERRIDE = "defaults:\n  - override /{0}\n"


@pytest.mark.parametrize(
    ("option", "content", "words", "expected"),
    [
        ("data/own", OWN_TEXT, "data=own", NOTHING),
        ("data/own", OWN_TEXT, "data=own recipe=text", TEXT),
        (
            "data/own",
            OVERRIDE.format("recipe@_global_.recipe: text") + OWN_TEXT,
            "data=own",
            TEXT,
        ),
        (
            "data/own",
            OVERRIDE.format("optimizer@_global_.optimizer: sgd") + OWN_TEXT,
            "data=own",
            ("SGD", 0.1, None, None, 10),
        ),
        ("data/own", "defaults: [sample_story]\nlevel: word\n", "data=own", SHORT_TEXT),
        (
            "recipe/own",
            "# @package _global_\n"
            + OVERRIDE.format("optimizer: sgd")
            + "optimizer:\n  lr: 2.0\ntrainer:\n  max_epochs: 3\n",
            "data=sample_story recipe=own",
            ("SGD", 2.0, None, None, 3),
        ),
        (
            "experiment/own",
            "# @package _global_\n" + OVERRIDE.format("data: sample_story"),
            "experiment=own",
            SHORT_TEXT,
        ),
        (
            "experiment/own",
            "# @package _global_\n"
            + OVERRIDE.format("data: sample_story")
            + "  - override /recipe: none\n",
            "experiment=own",
            NOTHING,
        ),
    ],
    ids=[
        "plain",
        "recipe typed",
        "recipe brought",
        "option brought",
        "a variant",
        "own recipe",
        "experiment",
        "experiment without recipe",
    ],
)
def test_own_files_bring_a_recipe_or_none(
    tmp_path: Path, option: str, content: str, words: str, expected: tuple[Any, ...]
) -> None:
    assert training(own_file(tmp_path, option, content), "model=rnn", *words.split()) == expected


@pytest.mark.parametrize(
    ("option", "content", "message", "remedy"),
    [
        (
            "recipe/own",
            "# @package _global_\ntrainer:\n  max_epoch: 3\n",
            "unknown key 'trainer.max_epoch' in recipe/own.yaml",
            "Did you mean 'trainer.max_epochs'",
        ),
        (
            "recipe/own",
            "# @package _global_\ntrainer:\n  max_epochs: ten\n",
            "trainer.max_epochs=ten in recipe/own.yaml: must be",
            "",
        ),
        (
            "recipe/own",
            "trainer:\n  max_epochs: 3\n",
            "unknown key 'recipe.trainer.max_epochs' in",
            "The first line of recipes has to be: # @package _global_",
        ),
        (
            "recipe/own",
            OVERRIDE.format("trainer: debug"),
            "recipe/own.yaml overrides 'trainer', and stands for a part",
            "Its first line has to be: # @package _global_",
        ),
        (
            "data/own",
            OVERRIDE.format("recipe: text") + OWN_TEXT,
            "data/own.yaml overrides 'recipe', and stands for a part",
            "Write - override /recipe@_global_.recipe: OPTION",
        ),
    ],
    ids=["unknown key", "value", "no package", "no package, override", "data, override"],
)
def test_own_recipe_that_cannot_be_used_is_named(
    train: Command, tmp_path: Path, option: str, content: str, message: str, remedy: str
) -> None:
    own_file(tmp_path, option, content)
    data = "data=own" if option == "data/own" else "recipe=own data=sample_story"
    refused(train("--config-dir", "own", *data.split(), "model=rnn"), message, remedy)


@refusals(
    (
        "data=sample_story model=rnn recipe=txt",
        "recipe=txt: there is no such recipe",
        "recipe=text?",
    ),
    (
        "data=sample_story model=rnn recipe=3",
        "recipe=3: there is no such recipe",
        "none, short_text",
    ),
    ("model=rnn recipe=text", "the data are for forecasting", "Choose a forecasting model"),
    ("data=sample_story recipe=text", "the model is for forecasting", "Choose a language model"),
)
def test_what_is_not_there_or_does_not_fit_is_refused(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    refuses(asked, message, remedy)
