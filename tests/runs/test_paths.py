"""Paths mean the same later: the text of a run, its folder, the working folder."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from conftest import SMALL_LM, Outcome, spawn, trained_here
from expect import refused, succeeded, tree
from seqlab.runs.folder.lock import FolderGone, check_there, claim, give_up
from seqlab.runs.folder.run_folder import RunFolder

Command = Callable[..., Outcome]

STORY = "so it goes, and so it went on. " * 100
WORDS = [
    *("recipe=none", "data=text", "data.path=story.txt", *SMALL_LM[3:]),
    *("callbacks.samples.every_n_epochs=5", "logger=csv", "trainer.max_epochs=1"),
]


@pytest.fixture(scope="module")
def text_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with story.txt, and a run on it below outputs/text/; tests work on copies."""
    home = tmp_path_factory.mktemp("home")
    (home / "story.txt").write_text(STORY)
    done = trained_here(home, *WORDS, "hydra.run.dir=outputs/text/run")
    assert done.code == 0, done.err
    return home


@pytest.fixture
def home(text_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, beside an empty working folder."""
    copied = Path(shutil.copytree(text_run, tmp_path / "home"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return copied


def run_of(home: Path) -> RunFolder:
    return RunFolder(home / "outputs/text/run")


def rewrite(run: RunFolder, path: str) -> None:
    """Let the run's configuration name another path, as an earlier version may have."""
    config = yaml.safe_load(run.config.read_text())
    config["data"]["path"] = path
    run.config.write_text(yaml.safe_dump(config))


def resumed(run: RunFolder, *words: str) -> tuple[str, ...]:
    return (f"resume={run.path}", "trainer.max_epochs=2", *words)


def test_relative_path_is_kept_as_the_file_that_it_meant(text_run: Path) -> None:
    config = yaml.safe_load(run_of(text_run).config.read_text())
    assert config["data"]["path"] == str(text_run / "story.txt")
    assert "data.path=story.txt" in run_of(text_run).read_result()["overrides"]


@pytest.mark.parametrize("begin", ["", "outputs/../"])
def test_run_of_an_earlier_version_finds_its_text_from_anywhere(
    home: Path, train: Command, seqlab: Command, begin: str
) -> None:
    run = run_of(home)
    rewrite(run, f"{begin}story.txt")
    assert seqlab("evaluate", str(run.path)).code == 0
    assert seqlab("generate", str(run.path), "--num-tokens", "3").code == 0
    done = train(*resumed(run))
    assert done.code == 0, done.err
    kept = yaml.safe_load(run.config.read_text())["data"]["path"]
    assert kept == str(home / f"{begin}story.txt")


def test_text_of_the_working_folder_comes_first_and_another_one_is_refused(
    home: Path, seqlab: Command
) -> None:
    run = run_of(home)
    rewrite(run, "story.txt")
    Path("story.txt").write_text(STORY.replace("goes", "runs"))
    where = Path("story.txt").absolute()
    refused(
        seqlab("evaluate", str(run.path)),
        f"the text in {where} is not the one that this run was trained on",
        "--data-path FILE to evaluate",
    )


@pytest.mark.parametrize("kept", ["story.txt", "/nowhere/story.txt"])
def test_folder_that_came_without_its_text_says_where_it_looked_and_what_to_type(
    home: Path, tmp_path: Path, train: Command, seqlab: Command, kept: str
) -> None:
    text = (home / "story.txt").rename(tmp_path / "my story.txt")
    run = run_of(home)
    rewrite(run, kept)
    before = tree(home)
    looked_in = "/nowhere" if kept.startswith("/") else Path.cwd()
    missing = f"data.path={kept}: there is no such file in {looked_in}\n"
    refused(
        seqlab("evaluate", str(run.path)),
        missing,
        f"python -m seqlab evaluate {run.path} --data-path FILE",
    )
    refused(train(*resumed(run)), missing, f"python -m train resume={run.path} data.path=FILE")
    assert tree(home) == before
    assert seqlab("evaluate", str(run.path), "--data-path", str(text)).code == 0
    assert train(*resumed(run, f"data.path='{text}'")).code == 0


def test_run_goes_on_with_no_other_text_and_nothing_of_it_changes(
    home: Path, train: Command
) -> None:
    Path("other.txt").write_text(STORY.replace("went", "ran "))
    run = run_of(home)
    before = tree(home) | {"outputs/text/run/run.log": (b"", 0)}
    outcome = train(*resumed(run, "data.path=other.txt"))
    refused(outcome, f"the text in {Path('other.txt').absolute()} is not the one", "data.path=FILE")
    assert tree(home) | {"outputs/text/run/run.log": (b"", 0)} == before
    Path("same.txt").write_text(STORY)
    assert train(*resumed(run, "data.path=same.txt")).code == 0
    kept = yaml.safe_load(run.config.read_text())["data"]["path"]
    assert kept == str(Path("same.txt").absolute())


def test_path_that_comes_from_the_environment_stays_a_reference(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    monkeypatch.setenv("MY_STORY", "story.txt")
    words = [word for word in WORDS if "data.path" not in word]
    assert train(*words, "data.path=${oc.env:MY_STORY}", "hydra.run.dir=run").code == 0
    assert "path: ${oc.env:MY_STORY}" in RunFolder("run").config.read_text()


def test_deleted_working_folder_is_one_message(tmp_path: Path, sine_run: RunFolder) -> None:
    for module, words in (("train", ""), ("seqlab", f"evaluate {sine_run.path}")):
        gone = tmp_path / "gone"
        gone.mkdir()
        code = (
            f"import os, sys; os.rmdir({str(gone)!r}); sys.path.insert(0, '')\n"
            f"import runpy; sys.argv[1:] = {words.split()!r}\n"
            f"runpy.run_module({module!r}, run_name='__main__')"
        )
        done = spawn("-c", code, cwd=gone)
        assert done.returncode == 2
        assert done.stderr == (
            "error: the working folder is not there any more: No such file or directory\n"
            "  It was deleted, or moved away. Change into another one: cd FOLDER.\n"
        )


def test_name_that_no_file_can_have_is_one_message(
    train: Command, seqlab: Command, tmp_path: Path
) -> None:
    name = "n" * 300
    refused(seqlab("evaluate", name), f"there is no run folder {name}")
    refused(train(f"resume={name}"), f"there is no run folder {name}")
    words = [word for word in WORDS if "data.path" not in word]
    refused(train(*words, f"data.path={name}"), f"data.path={name} cannot be read: File name too")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["a=b, 50%", "boss'", "'quoted'", "-dash", "ünï 漢字", "$HOME {x}"]
)
def test_run_folder_of_any_name_is_resumed_with_the_word_that_was_printed(
    sine_run: RunFolder, tmp_path: Path, train: Command, name: str
) -> None:
    shutil.copytree(sine_run.path, tmp_path / name)
    outcome = train(f"resume={tmp_path / name}")
    assert outcome.code == 0, outcome.err
    command = outcome.out.partition("\n  python -m train ")[2]
    word = shlex.split(command)[0]
    assert word == f"resume={'./' * (name[0] in '-' + chr(39))}{name}"
    assert "is complete after 5 epochs" in succeeded(train(word)).out


DELETING = """
import shutil
from pathlib import Path
from lightning.pytorch import Callback

class Deleting(Callback):
    def {hook}(self, trainer, *arguments):
        if trainer.current_epoch >= 1:
            while Path(trainer.default_root_dir).exists():  # TensorBoard's thread may be writing
                shutil.rmtree(trainer.default_root_dir, ignore_errors=True)
"""


@pytest.mark.parametrize("hook", ["on_train_epoch_start", "on_train_epoch_end", "on_fit_end"])
@pytest.mark.parametrize("words", ["", "trainer.profiler=phases"])
def test_run_folder_that_is_deleted_ends_the_run_with_one_message(
    tmp_path: Path, hook: str, words: str, train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deleting.py").write_text(DELETING.format(hook=hook))
    (tmp_path / "seqlab_project.py").write_text("import seqlab\nseqlab.allow('deleting')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "deleting", raising=False)
    callback = "+callbacks.deleting._target_=deleting.Deleting"
    lm = [*SMALL_LM, "trainer.max_epochs=3", callback, "hydra.run.dir=run", *words.split()]
    outcome = train(*lm)
    assert outcome.code == 1
    run = tmp_path / "run"
    error = "error: the run folder run was deleted, or moved away, while the run was at work\n"
    assert outcome.err.endswith(
        f"{error}  If it was moved, resume it there: python -m train resume=FOLDER. "
        "Otherwise start the run again.\n"
    )
    assert outcome.err.count("error: ") == 1
    assert "Traceback" not in outcome.err
    assert not run.exists()


def test_only_a_folder_that_this_process_holds_can_be_gone(tmp_path: Path) -> None:
    check_there(tmp_path / "nowhere")
    claim(tmp_path / "run", "name: x\n")
    check_there(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(FolderGone):
        check_there(tmp_path / "run")
    give_up(tmp_path / "run")
    check_there(tmp_path / "run")
