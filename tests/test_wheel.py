"""A built wheel works from any folder: configuration files, C++ and the story travel in it."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from conftest import ROOT, SMALL_LM, spawn
from seqlab.commands.completion import SHELLS

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(folder), "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("seqlab-*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel; its libraries are those of this environment."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "-q", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True, timeout=300)
    return target


@pytest.fixture
def run(site: Path, tmp_path: Path) -> Python:
    """Run Python in an empty folder, where it finds the installed wheel."""
    return partial(spawn, cwd=tmp_path, PYTHONPATH=str(site))


def test_wheel_holds_every_configuration_file_the_cpp_and_the_story(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for file in (ROOT / "conf").rglob("*.yaml"):
        assert f"seqlab/conf/{file.relative_to(ROOT / 'conf').as_posix()}" in names
    sources = [*(ROOT / "src").rglob("*.cpp"), *(ROOT / "src").rglob("*.h")]
    assert sources
    assert {file.relative_to(ROOT / "src").as_posix() for file in sources} <= names
    assert {"train.py", "seqlab/py.typed", "seqlab/data/stories/sample_story.txt"} <= names
    assert {f"seqlab/commands/shells/seqlab.{shell}" for shell in SHELLS} <= names
    assert {f"seqlab/sweeps/report/page.{kind}" for kind in ("html", "css", "js")} <= names
    pages = {f"seqlab/docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert {name for name in names if name.startswith("seqlab/docs/")} == pages
    assert not [name for name in names if name.startswith(("tests", "scripts"))]


def test_installed_wheel_trains_and_generates_from_another_folder(
    run: Python, site: Path, tmp_path: Path
) -> None:
    where = run("-c", "import seqlab, train; print(seqlab.__file__, train.__file__)")
    assert where.stdout.count(str(site)) == 2
    done = run("-m", "train", *SMALL_LM, "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "outputs" / "sample_story_rnn").iterdir()
    folder = os.path.relpath(made, tmp_path)
    text = run("-m", "seqlab", "generate", folder, "--num-tokens", "20")
    assert text.returncode == 0, text.stderr
    assert len(text.stdout.rstrip("\n")) == len("the tide clock") + 20


def test_error_of_an_installed_wheel_names_help_that_can_be_read(run: Python) -> None:
    refused = run("-m", "train", "model._target_=os.system").stderr
    named = refused.rstrip().partition("More: python ")[2].split()
    assert named == ["-m", "seqlab", "help", "safety"]
    page = run(*named)
    assert (page.returncode, page.stderr) == (0, "")
    assert page.stdout.startswith("# Safe loading\n")


def test_installed_wheel_does_not_claim_a_git_commit(run: Python) -> None:
    done = run("-c", "from seqlab.runs.provenance import git; print(git())")
    assert done.stdout.strip() == "None"
