"""Every command in the README and in docs/ runs, and its examples work as they stand."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, forked, spawn, trained_here
from generated_sweep import write_sweep
from seqlab.profiling.clock import Row
from seqlab.profiling.table import as_csv
from seqlab.runs.folder.run_folder import RunFolder

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CORPUS = "experiment=time_machine|data=time_machine"
LONG = re.compile(rf"{CORPUS}|data=(sample_story|text)")
NEEDS_CORPUS = re.compile(
    rf"{CORPUS}|sweep=(cell|gradient_clip|hidden_size|learning_rate|num_steps)\b"
)
# Commands that install, start a server or run for an hour: .ci/run runs the first kind, the
# dashboard has a test of its own, and scripts/reproduce.py writes docs/reproduction.md.
ELSEWHERE = (
    *("python3 -m venv", ". .venv", "python -m pip", "ruff ", "python scr"),
    *("tensorboard ", "python -m seqlab dashboard"),
)


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    found: dict[str, None] = {}
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                if words:
                    found[shlex.join(words)] = None
    return list(found)


def runnable(command: str) -> list[str]:
    return [part for part in re.split(r" '&&' ", command) if not part.startswith(ELSEWHERE)]


COMMANDS = [part for command in commands() for part in runnable(command)]


def test_readme_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python -m pip install -e . && python -m train\n" in text
    assert 'python -m pip install -e ".[test]" && python -m pytest\n' in text


def test_ci_runs_exactly_the_readme_test_command() -> None:
    command = 'python -m pip install -e ".[test]" && python -m pytest\n'
    assert f"\n{command}" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command in blocks(ROOT / "README.md", "bash")


def test_commits_are_checked_by_the_linters_of_ci() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    hooks = yaml.safe_load(text)["repos"][0]["hooks"]
    linters = [hook["entry"].replace(" --force-exclude", "") for hook in hooks]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert linters == [line.removesuffix(" .") for line in ci[-3:]]


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, sine_run: RunFolder, language_run: RunFolder
) -> Path:
    """A folder with the README's example files, as a reader would make them."""
    folder = tmp_path_factory.mktemp("desk")
    for page in PAGES:
        for block in [*blocks(page, "python"), *blocks(page, "yaml")]:
            named = re.match(r"(?:# @package .*\n)?# (\S+\.(?:py|yaml))\n", block)
            if named:
                file = folder / named.group(1)
                file.parent.mkdir(parents=True, exist_ok=True)
                shared = file.name == "seqlab_project.py"  # each page allows its own classes
                with file.open("a" if shared else "w", encoding="utf-8") as opened:
                    opened.write(block)
    (folder / "my_text.txt").write_text("All that is solid melts into air. " * 300)
    return folder


def test_commands_are_found() -> None:
    assert "python -m train" in COMMANDS
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith("python -m pytest")])
def test_command_runs(
    command: str,
    desk: Path,
    sine_run: RunFolder,
    language_run: RunFolder,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    words = shlex.split(command)
    assert words[0] in ("python", "seqlab", "mypy"), command
    if words[0] == "mypy":
        pytest.skip("the linters run in .ci/run")
    if NEEDS_CORPUS.search(command):
        request.getfixturevalue("corpus_file")
    if words[0] == "seqlab":
        words[:1] = ["python", "-m", "seqlab"]
    words = _short(command, words)
    if "PROFILED_RUN" in words:
        words[words.index("PROFILED_RUN")] = _copy(sine_run, tmp_path)
        RunFolder(tmp_path / "run").profile.write_text(as_csv([Row("forward", 1, 1.0, 1.0)], {}))
    if "SWEEP" in words:
        write_sweep(tmp_path / "sweep", {"optimizer.lr": [0.01, 0.1]})
        words[words.index("SWEEP")] = str(tmp_path / "sweep")
    words = _with_runs(words, sine_run, language_run, tmp_path)
    many = "-m" in words[3:] or " sweep=" in command
    if many and not re.search("launcher=(slurm|ray)", command):
        here = trained_here(desk, *words[3:])  # a process of its own would import for each sweep
        assert here.code == 0, f"{command}\n{here.out}\n{here.err}"
        return
    done = (forked if words[1] == "-m" else spawn)(*words[1:], cwd=desk)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def _short(command: str, words: list[str]) -> list[str]:
    """Return the words of a command that shows in seconds that it starts."""
    if LONG.search(command):
        # The whole experiments have their own test.
        words = [word for word in words if not word.startswith("trainer.max_epochs=")]
        place = max(place for place, word in enumerate(words) if re.match(r"\w.*=", word))
        words.insert(place + 1, "trainer.max_epochs=2")
        words = [re.sub(r"^seed=range.*", "seed=0", word) for word in words]
    if " sweep=" in command and "sweep=widths" not in command:
        words = [*words, "seed=0", "trainer.max_epochs=1", "logger=csv"]  # see docs/sweeps.md
    return [re.sub(r"max_epochs=600$", "max_epochs=3", word) for word in words]


def _with_runs(
    words: list[str], sine_run: RunFolder, language_run: RunFolder, folder: Path
) -> list[str]:
    """Return the words with copies of runs in place of what the pages call them."""
    runs = {
        "FOLDER_OF_RUNS": (sine_run, folder / "all"),
        "OTHER_RUN": (sine_run, folder / "other"),
        "RUN_FOLDER": (language_run, folder),
        "LANGUAGE_RUN": (language_run, folder),
        "SINE_RUN": (sine_run, folder),
    }
    for placeholder, (run, target) in runs.items():
        for place, word in enumerate(words):
            if placeholder in word:
                copy = _copy(run, target)
                path = str(target) if placeholder == "FOLDER_OF_RUNS" else copy
                words[place] = word.replace(placeholder, path)
    return words


def _copy(run: RunFolder, folder: Path) -> str:
    target = folder / "run"
    if not target.exists():
        shutil.copytree(run.path, target)
    return str(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_each_question_has_one_command() -> None:
    page = ROOT / "docs" / "how_do_i.md"
    questions = re.findall(r"^\*\*\.\.\. .*?\?\*\*", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(questions) == len(blocks(page, "bash")) == 15  # docs/index.md says how many


def test_readme_names_every_experiment_of_its_results_table() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for file in (ROOT / "conf" / "experiment").glob("*.yaml"):
        if file.stem != "none":
            assert f"`{file.stem}`" in text
