"""What several tests share: the corpus, commands run in this process, small trained runs."""

import io
import multiprocessing
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

# One process a core runs tests; small products would only fight over a second thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hydra.core.hydra_config import HydraConfig

from expect import Command, Outcome, Refuses, refused, tree, words_of
from seqlab.commands.train import main as train_main
from seqlab.config.compose import naming
from seqlab.data.corpus import TIME_MACHINE, shared_folders
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.launchers.local import PRELOADED
from seqlab.system.cache import data_folder

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
sys.path.insert(0, str(SCRIPTS))
pytest.register_assert_rewrite("same_runs")  # a failure shows what differs
CONSOLE_SCRIPT = str(Path(sys.executable).with_name("seqlab"))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")

SMALL_LM = [
    "recipe=none",
    "data=sample_story",
    "data.max_tokens=3000",
    "data.num_steps=20",
    "data.batch_size=8",
    "model=rnn",
    "model.hidden_size=16",
    "optimizer=sgd",
    "optimizer.lr=1",
    "trainer.gradient_clip_val=1",
    "trainer.max_epochs=2",
    "callbacks.samples.every_n_epochs=1",
]
# As short as a run can be that still writes everything.
QUICK = ["trainer.max_epochs=1", "callbacks=none", "logger=csv"]

# The files that take longest, longest first: so the processes that run them end together.
LONG_FILES = (
    "fuzz/test_lines", "launchers/test_ray", "scripts/test_torture", "tests/test_readme",
    "search/test_search_command", "fuzz/test_damage", "launchers/test_local", "sweeps/test_sweep",
    "scripts/test_published", "parallel/test_ddp", "launchers/test_slurm", "runs/test_interruption",
    "runs/test_numbers", "system/test_compiler", "tests/test_wheel", "report/test_report_real",
    "scripts/test_benchmark", "runs/test_resumption", "runs/test_lock", "runs/test_disk_full",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False  # pytest-xdist would begin with those of most tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONG_FILES)}
    last = len(LONG_FILES)
    items.sort(key=lambda item: place.get("/".join(item.path.with_suffix("").parts[-2:]), last))


@pytest.fixture(scope="session")
def corpus_file() -> Path:
    """The Time Machine, from the data folder or shared/data; tests without it are skipped."""
    for folder in (data_folder(), *shared_folders()):
        if (folder / TIME_MACHINE.file_name).is_file():
            return folder / TIME_MACHINE.file_name
    pytest.skip(
        f"{TIME_MACHINE.file_name} is neither in {data_folder()} nor in shared/data; "
        "`python -m train experiment=time_machine_rnn` downloads it"
    )


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test find what a new process finds, where commands run in this one."""
    monkeypatch.setattr("seqlab.config.validate.allowlist._allowed", {})
    monkeypatch.setattr("seqlab.system.masking._values", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):  # pytest-xdist sets the first
        monkeypatch.delenv(name, raising=False)


def command(main: Callable[[list[str]], int], *words: str) -> Outcome:
    """Run a command in this process, which has imported all that a new one would wait for."""
    naming.run_id.cache_clear()  # each process has its own
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            code = main(list(words))
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        finally:
            HydraConfig.instance().cfg = None  # no later command finds this one's
    return Outcome(code, out.getvalue(), err.getvalue())


def trained_here(folder: Path, *words: str) -> Outcome:
    """Run `python -m train WORDS` in this process, in that folder."""
    with chdir(folder):
        return command(train_main, *words)


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `python -m train WORDS` in this process, from an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(command, train_main)


@pytest.fixture
def seqlab() -> Command:
    """Run `python -m seqlab WORDS` in this process."""
    from seqlab.commands.main import main

    return partial(command, main)


@pytest.fixture
def refuses(train: Command, tmp_path: Path) -> Refuses:
    """Assert that `python -m train` refuses a line, with these texts, and touches nothing."""

    def call(asked: str | tuple[str, ...], *texts: str) -> None:
        before = sorted(tmp_path.rglob("*")), tree(tmp_path)
        refused(train(*words_of(asked)), *texts)
        assert (sorted(tmp_path.rglob("*")), tree(tmp_path)) == before, "something was touched"

    return call


def spawn(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python WORDS` as a process of its own, as a person would."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def script(name: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python scripts/NAME.py WORDS`."""
    return spawn(str(SCRIPTS / f"{name}.py"), *words, cwd=cwd)


def forked(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE WORDS` like `spawn`, from a process that has imported torch already.

    It saves the seconds that a fresh interpreter imports for; what the command computes and
    prints is the same.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    printed = [cwd / f".printed_{name}_{os.getpid()}" for name in ("out", "err")]
    process = context.Process(target=_as_a_command, args=(words[1:], cwd, printed))
    process.start()
    process.join(timeout=300)
    if process.exitcode is None:
        process.kill()
        raise subprocess.TimeoutExpired(words, 300)
    out, err = (file.read_text(encoding="utf-8") for file in printed)
    for file in printed:
        file.unlink()
    return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _as_a_command(words: tuple[str, ...], folder: Path, printed: list[Path]) -> None:
    os.chdir(folder)
    for descriptor, file in enumerate(printed, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    sys.argv = [words[0], *words[1:]]
    sys.path.insert(0, str(folder))
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def trained(folder: Path, *words: str) -> RunFolder:
    """Train in a folder, and return the finished run."""
    done = trained_here(folder, *words, f"hydra.run.dir={folder / 'run'}")
    assert done.code == 0, done.err
    return RunFolder(folder / "run")


@pytest.fixture(scope="session")
def sine_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of the default experiment; tests do not change it."""
    return trained(tmp_path_factory.mktemp("sine"))


@pytest.fixture(scope="session")
def language_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of a small language model on the sample story; tests do not change it."""
    return trained(tmp_path_factory.mktemp("language"), *SMALL_LM)


def own_class(folder: Path, module: str, code: str, option: str, content: str) -> None:
    """Write a module of the person's own, which the project allows, and `mine/OPTION.yaml` for it.

    Each test takes another name for the module: one that is imported stays so.
    """
    (folder / f"{module}.py").write_text(code)
    (folder / "seqlab_project.py").write_text(f'import seqlab\nseqlab.allow("{module}")\n')
    file = folder / "mine" / f"{option}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def copied(run: RunFolder, folder: Path) -> RunFolder:
    """Return a copy of a run, to be changed."""
    return RunFolder(shutil.copytree(run.path, folder / "run"))


@pytest.fixture
def copy(language_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the language model's run, to be changed."""
    return copied(language_run, tmp_path)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    profile: Path = tmp_path_factory.mktemp("profile")
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--disable-dev-shm-usage", "--window-size=1600,1600",
                 f"--user-data-dir={profile}"):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()
