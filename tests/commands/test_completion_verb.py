"""Completion: what may follow on a line, and that bash, zsh and fish put it there."""

import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, suppress
from pathlib import Path

import pytest

from conftest import CONSOLE_SCRIPT, ROOT
from expect import Command, refusals, refused, succeeded, words_of
from processes import probe
from seqlab.commands.completion import SHELLS, split

OWN = "raise SystemExit('a file of the working folder was run')\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs, a sweep of one job, options of the person's own and a text."""
    files = {
        "outputs/sine_mlp/run_1/config.yaml": "data:\n  tau: 4\n  strange: 1\nseed: 0\n",
        "outputs/sine_mlp/run_2/config.yaml": "seed: 0\n",
        "outputs/tau/0000_tau=4/config.yaml": "seed: 0\n",
        "outputs/tau/ledger.jsonl": "",
        "mine/data/logistic.yaml": "# Chaos.\ngrowth: 3.9\n",
        "my text.txt": "",
        "other/a.txt": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


RUNS = "outputs/sine_mlp/run_1 outputs/sine_mlp/run_2 outputs/tau/"


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        # Options and flags
        ("python -m train data=s", "sine sample_story"),
        ("python -m train model=", "mlp gru lstm rnn"),
        ("python -m train sched", "scheduler="),
        ("python -m train +mod", "+model= +model."),
        ("python -m train 'callbacks=[default,e", "callbacks=[default,early_stopping"),
        ("python -m train -m model=gru,l", "gru,lstm"),
        ("python -m train hydra/l", "hydra/launcher="),
        ("python -m train --conf", "--config-dir"),
        ("python -m train --config-dir ", "mine/ other/ outputs/"),
        ("python -m train --config-dir mine data=l", "logistic"),
        ("python -m train --cfg ", "job hydra all"),
        ("python -m train --help da", "data data."),
        ("python -m train --help al", "all"),
        # Keys: those of the options on the line
        ("python -m train data.t", "data.tau="),
        ("python -m train data=text data.t", "data.test_fraction="),
        ("python -m train --config-dir mine data=logistic data.", "data.growth="),
        ("python -m train experiment=time_machine_gru model.c", "model.cell="),
        ("python -m train callbacks.sam", "callbacks.samples."),
        ("python -m train callbacks.samples.n", "callbacks.samples.num_tokens="),
        ("python -m train '~callbacks.cur", "~callbacks.curves"),
        ("python -m train se", "seed="),
        ("python -m train hydra.launcher.w", ""),
        ("python -m train hydra/launcher=local hydra.launcher.w", "hydra.launcher.workers="),
        ("python -m train resume=outputs/sine_mlp/run_1 data.", "data.tau= data.strange="),
        # Values: the default first
        ("python -m train data.tau=", "4"),
        ("python -m train data=text data.carry_state=", "true false"),
        ("python -m train model=gru model.cell=", "gru rnn lstm"),
        ("python -m train trainer.deterministic=", "null true false warn"),
        ("python -m train data.seed=", ""),
        ("python -m train nothing.like=", ""),
        # Folders and files
        ("python -m train resume=", RUNS),
        ("python -m train resume=outputs/tau/", "outputs/tau/0000_tau=4"),
        ("python -m train data=text data.path=m", r"mine/ my\ text.txt"),
        ("python -m train data=text data.path='m", "data.path=mine/ data.path=my text.txt"),
        ("python -m train hydra.run.dir=o", "other/ outputs/"),
        # The other ways to start it, and other programs
        ("seqlab train data=t", "text time_machine"),
        ("/some/bin/seqlab train data=t", "text time_machine"),
        ("python3 -u -m seqlab train data=t", "text time_machine"),
        ("python -m pip data=t", ""),
        ("python train.py data=t", ""),
        # Verbs
        ("seqlab ev", "evaluate"),
        ("python -m seqlab ev", "evaluate"),
        ("seqlab evaluate ", RUNS),
        ("seqlab evaluate o", RUNS),
        ("seqlab evaluate oth", "other/"),
        ("seqlab evaluate run --ch", "--checkpoint"),
        ("seqlab evaluate --checkpoint ", "best last mine/ my\\ text.txt other/ outputs/"),
        ("seqlab evaluate --device ", "auto cpu gpu"),
        ("seqlab evaluate --json out", RUNS),
        ("seqlab report ", "outputs/tau"),
        ("seqlab report outputs/tau --dir", "--direction"),
        ("seqlab help sweep", "sweeps sweep_reports"),
        ("seqlab completion ", "bash zsh fish"),
        ("seqlab nonsense ", ""),
    ],
)
def test_candidates_of_a_line(seqlab: Command, desk: Path, line: str, candidates: str) -> None:
    outcome = seqlab("completion", "bash", "--", line, " \"'@><=;|&(:")
    assert (outcome.code, outcome.err) == (0, "")
    assert sorted(outcome.out.splitlines()) == sorted(
        re.split(r"(?<!\\) (?!text)", candidates) if candidates else []
    )


def test_first_candidate_of_a_value_is_the_default(seqlab: Command, desk: Path) -> None:
    outcome = seqlab("completion", "fish", "--", "seqlab", "train", "model=lstm", "model.cell=")
    assert outcome.out.splitlines()[0] == "model.cell=lstm\tthe default"


def test_shells_that_can_are_told_what_candidates_mean(seqlab: Command, desk: Path) -> None:
    line = ("seqlab", "train", "data.ta")
    words = "window: how many values predict the next one"
    assert seqlab("completion", "fish", "--", *line).out == f"data.tau=\t{words}\n"
    assert seqlab("completion", "zsh", "--", *line).out == f"+data.tau=:{words}\n"
    assert seqlab("completion", "zsh", "--", "seqlab", "help", "saf").out == "-safety\n"


def test_file_that_cannot_be_read_completes_nothing(seqlab: Command, desk: Path) -> None:
    (desk / "mine" / "data" / "logistic.yaml").write_text("a: [\n")
    line = "python -m train --config-dir mine data=logistic data."
    assert seqlab("completion", "bash", "--", line, "=").out == ""


@refusals(("completion", "required: shell"), ("completion tcsh", "invalid choice: 'tcsh'"))
def test_unknown_shell_is_refused(seqlab: Command, asked: str, message: str) -> None:
    refused(seqlab(*words_of(asked)), message)


def test_completion_needs_neither_torch_nor_hydra(tmp_path: Path) -> None:
    module = "sys import exit\nsys.modules['hydra'] = None\nfrom seqlab.commands.main"
    words = ("completion", "bash", "--", "python -m train data=s", "=")
    outcome, imported = probe(module, *words, cwd=tmp_path)
    assert (outcome.out.split(), imported) == (["sine", "sample_story"], False)


@pytest.mark.parametrize(
    ("line", "words", "raw", "quote"),
    [
        ("", [""], "", ""),
        ("a  b", ["a", "b"], "b", ""),
        ("a b ", ["a", "b", ""], "", ""),
        ("a 'b c' d\\ e", ["a", "b c", "d e"], "d\\ e", ""),
        ("a 'b \"c", ["a", 'b "c'], "'b \"c", "'"),
        ('a "b \\" c', ["a", 'b " c'], '"b \\" c', '"'),
        ("a x='y'\"z", ["a", "x=yz"], "x='y'\"z", '"'),
        ("a '' b", ["a", "", "b"], "b", ""),
    ],
)
def test_line_is_divided_as_a_shell_does(line: str, words: list[str], raw: str, quote: str) -> None:
    assert split(line) == (words, raw, quote)


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_printed_as_it_is(seqlab: Command, shell: str) -> None:
    file = ROOT / "src" / "seqlab" / "commands" / "shells" / f"seqlab.{shell}"
    assert succeeded(seqlab("completion", shell)).out == file.read_text()


class Shell:
    """A shell on a terminal, which has read its script."""

    STARTS = {  # noqa: RUF012
        "bash": (["bash", "--norc"], '. "{script}"'),
        "zsh": (["zsh", "-f"], 'autoload -Uz compinit && compinit -u -D; . "{script}"'),
        "fish": (["fish", "--no-config"], 'source "{script}"'),
    }

    def __init__(self, name: str, folder: Path) -> None:
        command, setup = self.STARTS[name]
        script = ROOT / "src" / "seqlab" / "commands" / "shells" / f"seqlab.{name}"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {"PATH": path, "TERM": "dumb", "HOME": str(folder), "PS1": "$ "}
        with chdir(folder):
            self._process, self._terminal = pty.fork()
            if not self._process:
                os.execvpe(command[0], [*command, "-i"], environment)
        self.type(f"{setup.format(script=script)}; echo rea''dy\n", until="ready\r\n")

    def type(self, keys: str, until: str) -> str:
        """Type something, and return what is shown, once it has this in it."""
        os.write(self._terminal, keys.encode())
        shown, end = "", time.monotonic() + 60
        while until not in shown:
            assert time.monotonic() < end, f"{until!r} is not in {shown!r}"
            if select.select([self._terminal], [], [], 0.2)[0]:
                shown += os.read(self._terminal, 65536).decode(errors="replace")
        return shown

    def close(self) -> None:
        """End the shell."""
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        os.close(self._terminal)
        os.waitpid(self._process, 0)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, desk: Path) -> Iterator[Shell]:
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}: apt-get install {request.param}")
    if not Path(CONSOLE_SCRIPT).exists():
        pytest.skip("seqlab is not installed here")
    started = Shell(request.param, desk)
    yield started
    started.close()


def test_shell_completes_what_is_typed(shell: Shell, desk: Path) -> None:
    for module in ("seqlab", "yaml"):  # of the working folder: Tab runs none of them
        (desk / f"{module}.py").write_text(OWN)
    shell.type("python -m train data=ti\t", until="data=time_machine")
    shell.type("model=gr\t", until="model=gru")
    shell.type("\x15seqlab evaluate outputs/sine_mlp/run_1 --chec\t", until="--checkpoint")
    shell.type("la\t", until="last")
    shell.type("\x15seqlab help saf\t", until="safety")
    shell.type("\x15python -m seqlab train trainer.max_ep\t", until="trainer.max_epochs=")
    shell.type("\x15python oth\t", until="other/")


def test_own_train_py_is_not_completed_as_that_of_seqlab(shell: Shell, desk: Path) -> None:
    (desk / "train.py").write_text(OWN)
    (desk / "data_file").write_text("")
    shell.type("python -m train data_\t", until="data_file")
    shell.type("\x15seqlab train data=ti\t", until="data=time_machine")
