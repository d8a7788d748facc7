"""Hostile YAML, results, tables and links in a run folder: one message, and nothing outside."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from attacks import Trap

from expect import Command, Commands, refused, tree
from seqlab.runs.folder.run_folder import RunFolder

pytest_plugins = ["hostile"]


# Nine levels of ten: a billion entries, were it read as it stands.
LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
)
REFERENCE = "'${{b{}}}'"
CHAIN = "\n".join(["b0: xxxxxxxxxx"] + [f"b{i}: '{f'${{b{i - 1}}}' * 10}'" for i in range(1, 10)])
LISTS = "\n".join(
    ["b0: [x]"] + [f"b{i}: [{', '.join([REFERENCE.format(i - 1)] * 10)}]" for i in range(1, 10)]
)


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("evil: !!python/object/apply:os.system ['COMMAND']\n", "python/object/apply"),
        ("evil: !!python/object/new:os.system ['COMMAND']\n", "python/object/new"),
        ("evil: !!python/name:os.system\n", "python/name"),
        ("evil: !!python/module:evil\n", "python/module"),
        ("evil: !!python/object:os.system {}\n", "python/object"),
        (f"{LAUGHS}\n", "it has an alias, *a0"),
        (f"{CHAIN}\n", "its references"),
        (f"{LISTS}\n", "its references"),
        ("evil: &evil {evil: *evil}\n", "it has an alias, *evil"),
        ("evil: " + "[" * 5000 + "\n", "nested more than 50 deep"),
        ("evil: " + "x" * 300_000 + "\n", "longer than any run's configuration"),
        (f"evil: 0x{'f' * 10_000}\n", "a number of 40000 bits"),
        (f"evil: {'9' * 10_000}\n", "cannot be read"),
        ("evil: ${evil}\n", "evil"),
        ("evil: ${${${${name}}}}\n", "evil"),
        ("evil: ${oc.create:{_target_:os.system,command:COMMAND}}\n", None),
        ("evil: ${os.system:COMMAND}\n", "evil"),
        ("evil: ${hydra:run.dir}\n", "error: "),
        ("? [1, 2]\n: evil\n", "cannot be read"),
        ("--- \nevil: 1\n", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "none",
)
def test_hostile_yaml(
    addition: str, message: str | None, trap: Trap, texts: RunFolder, commands: Commands
) -> None:
    text = texts.config.read_text() + addition.replace("COMMAND", trap.command)
    texts.config.write_text(text)
    for outcome in commands(texts):
        if message is None:
            assert outcome.code in (0, 2), outcome.err
        else:
            refused(outcome, message)
        assert "Traceback" not in outcome.err
    assert not trap.sprung


def test_yaml_tags_would_run_with_an_unguarded_loader(trap: Trap) -> None:
    yaml.unsafe_load(f"!!python/object/apply:os.system ['{trap.command}']")
    assert trap.sprung


@pytest.mark.parametrize("path", ["trainer.max_epochs", "model.task", "data.task", "seed", "name"])
def test_configuration_without_a_key_that_is_needed(
    path: str, texts: RunFolder, config: dict[str, Any], commands: Commands
) -> None:
    group, _, key = path.rpartition(".")
    del (config[group] if group else config)[key]
    texts.config.write_text(yaml.safe_dump(config))
    for outcome in commands(texts):
        refused(outcome, f"has no {path}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("overrides", 7),
        ("overrides", [7]),
        ("warnings", "x"),
        ("warnings", [["x"]]),
        ("metrics", [1]),
        ("metrics", {"train/loss": "x"}),
        ("metrics", {"train/loss": 10**400}),
        ("duration_s", "x"),
        ("duration_s", float("nan")),
        ("duration_s", float("inf")),
        ("duration_s", 10**400),
        ("epochs", None),
        ("epochs", True),
        ("status", 7),
        ("status", []),
        ("status", "\x1b]0;evil\x07"),
    ],
)
def test_result_of_wrong_values_is_one_message(
    key: str, value: Any, texts: RunFolder, train: Command
) -> None:
    texts.result.write_text(json.dumps(texts.read_result() | {key: value}))
    outcome = train(f"resume={texts.path}", "trainer.max_epochs=3")
    assert (outcome.code, outcome.err.count("error: ")) == (0, 0), outcome.err
    assert "result.json is damaged" in outcome.err
    assert key in outcome.err
    assert texts.read_result()["status"] == "completed"


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"status": ' + "9" * 5000 + "}", '{"status": "completed"', "NaN", "\xff"],
    ids=["nested", "giant", "cut", "nan", "no-utf-8"],
)
def test_result_that_is_no_json(content: str, texts: RunFolder, train: Command) -> None:
    texts.result.write_text(content, encoding="latin-1")
    outcome = train(f"resume={texts.path}", "trainer.max_epochs=3")
    assert (outcome.code, outcome.err.count("error: ")) == (0, 0), outcome.err
    assert "warning: " in outcome.err
    assert "result.json is damaged" in outcome.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.csv", "epoch,step\nx,y\n"),
        ("metrics.csv", "epoch,step\n1,2,3,4,5\n"),
        ("metrics.csv", "nothing\n1\n"),
        ("metrics.csv", "epoch,train/loss\n1,=cmd|'/c calc'!A0\n"),
        ("metrics.csv", "epoch,train/loss\n" + "9" * 5000 + ",1\n"),
        ("metrics.csv", "epoch," + "x" * 200_000 + "\n1,1\n"),
        ("samples.txt", "evil\n"),
        ("samples.txt", "9" * 5000 + " | a | b\n"),
    ],
    ids=range(8),
)
def test_table_of_wrong_values_ends_in_one_message(
    name: str, content: str, texts: RunFolder, train: Command
) -> None:
    (texts.path / name).write_text(content)
    outcome = train(f"resume={texts.path}", "trainer.max_epochs=3")
    assert outcome.code in (0, 1, 2)
    assert "Traceback" not in outcome.err
    assert outcome.err.count("error: ") == (outcome.code != 0)


@pytest.mark.parametrize(
    "name",
    [
        "run.log",
        "config.yaml",
        "result.json",
        "metrics.csv",
        "samples.txt",
        "checkpoints/last.ckpt",
        "tensorboard",
        "figures/perplexity.png",
    ],
)
def test_link_that_leads_out_of_the_folder_is_not_followed(
    name: str, trap: Trap, texts: RunFolder, commands: Commands
) -> None:
    entry = texts.path / name
    entry.parent.mkdir(exist_ok=True)
    entry.unlink(missing_ok=True)
    entry.symlink_to(trap.victim)
    before = tree(trap.folder)
    for outcome in commands(texts):
        refused(outcome, f"{entry} is a link that leads out of the run folder")
    assert tree(trap.folder) == before


def test_link_within_the_folder_and_link_to_the_folder_are_followed(
    series: RunFolder, tmp_path: Path, seqlab: Command
) -> None:
    series.best.unlink()
    series.best.symlink_to("last.ckpt")
    (tmp_path / "latest").symlink_to(series.path)
    assert seqlab("evaluate", str(tmp_path / "latest")).code == 0


def test_pipe_in_the_folder_does_not_hang(texts: RunFolder, commands: Commands) -> None:
    texts.config.unlink()
    os.mkfifo(texts.config)
    for outcome in commands(texts):
        refused(outcome, "neither a file nor a folder")


@pytest.mark.parametrize(
    "url", ["http://x.org/run", "https://x.org/run", "s3://b/run", "hdfs://h/run", "file:///run"]
)
def test_url_is_refused_wherever_a_file_or_folder_is_named(
    url: str, texts: RunFolder, train: Command, seqlab: Command
) -> None:
    what = "is a URL, and nothing is loaded from one"
    remedy = "name the file or folder on this machine"
    refused(train(f"resume={url}"), f"resume={url} {what}", remedy)
    for verb in ("evaluate", "generate", "forecast"):
        refused(seqlab(verb, url), f"{url} {what}", remedy)
        outcome = seqlab(verb, str(texts.path), "--checkpoint", url)
        refused(outcome, f"--checkpoint {url} {what}", remedy)
