"""Commands in messages are those that can be typed where the process was started."""

import sys
from pathlib import Path

import pytest

from conftest import ROOT
from seqlab.system.started import as_started, started_as
from seqlab.system.terminal import say


@pytest.mark.parametrize(
    ("program", "verb", "own", "train", "seqlab"),
    [
        ("/bin/seqlab", "evaluate", "", "seqlab train", "seqlab"),
        ("/bin/seqlab", "train", "", "seqlab train", "seqlab"),
        ("C:/Scripts/seqlab.exe", "train", "", "seqlab train", "seqlab"),
        ("/lib/seqlab/__main__.py", "evaluate", "", "python -m train", "python -m seqlab"),
        ("/lib/seqlab/__main__.py", "train", "", "python -m seqlab train", "python -m seqlab"),
        ("/x/__main__.py", "evaluate", "train.py", "python -m seqlab train", "python -m seqlab"),
        (
            "/x/__main__.py",
            "evaluate",
            "train/__init__.py",
            "python -m seqlab train",
            "python -m seqlab",
        ),
        ("/x/__main__.py", "evaluate", "train/a.txt", "python -m train", "python -m seqlab"),
    ],
)
def test_commands_are_written_as_they_can_be_typed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    program: str,
    verb: str,
    own: str,
    train: str,
    seqlab: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [program])
    if own:
        (tmp_path / own).parent.mkdir(exist_ok=True)
        (tmp_path / own).write_text("")
    with started_as(verb):
        assert as_started("python -m train a=1") == f"{train} a=1"
        assert as_started("`python -m seqlab help x`.") == f"`{seqlab} help x`."
        assert as_started("python -m trainer") == "python -m trainer"
    assert as_started("python -m train a=1") == "python -m train a=1"


def test_train_py_of_a_checkout_is_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "src")
    monkeypatch.setattr(sys, "argv", ["/lib/seqlab/__main__.py"])
    with started_as("evaluate"):
        assert as_started("python -m train") == "python -m train"


def test_messages_are_written_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/seqlab"])
    with started_as("train"):
        say("Type: python -m train --help")
    assert capsys.readouterr().out == "Type: seqlab train --help\n"
