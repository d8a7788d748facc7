"""Kill runs at random moments, resume them, and compare their final states.

    python scripts/torture.py --minutes 10

Every subject is run once undisturbed. Then it is started repeatedly in new folders, and killed and
resumed until it completes; weights, metrics, samples and files have to equal those of the
undisturbed run bit for bit. A run is killed by SIGKILL at a random moment or at a random file
operation, by SIGTERM, by Ctrl-C, or by SIGKILL with the newest file truncated, as in a power cut.
Prints the number of kills survived, mismatches and files lost; the exit code is 1 if there are
mismatches or lost files.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # products are small, and other work may be running

from final_state import FinalState
from seqlab.callbacks import checkpoints, curves, forecasts, progress, samples, throughput
from seqlab.commands.train import main as train
from seqlab.data import sample_story, sine
from seqlab.loggers import metrics_csv, tensorboard
from seqlab.models import mlp, recurrent
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.run import run as _run
from seqlab.system.errors import UserError
from seqlab.system.signals import SIGNALS

# What a run imports is imported before the fork, so that a process lives for one second, not five.
PRELOADED = (
    *(checkpoints, curves, forecasts, progress, samples, throughput),
    *(sample_story, sine, metrics_csv, tensorboard, mlp, recurrent, _run),
)

LIVES = 40
"""Kills of one run before it may finish: it may lose all its work between two of them."""

_COMMON = ["trainer.checkpoint_every_n_steps=3"]
_TEXT = [
    *_COMMON,
    *("recipe=none", "data=sample_story", "data.max_tokens=1500", "data.num_steps=12"),
    *("data.batch_size=8", "model.hidden_size=12", "trainer.gradient_clip_val=1"),
    *("callbacks.samples.every_n_epochs=2", "callbacks.samples.num_tokens=12"),
]
SUBJECTS = {
    "series": [
        *_COMMON,
        *("data.length=300", "data.num_train=120", "trainer.max_epochs=4"),
        "callbacks.forecasts.horizons=[1,4]",
    ],
    "series_val_often": [
        *("data.length=300", "data.num_train=160", "data.num_val=60", "trainer.max_epochs=3"),
        *("trainer.val_check_interval=0.25", "trainer.checkpoint_every_n_seconds=0.02"),
        *("scheduler=plateau", "scheduler.patience=1", "scheduler.threshold=0.5"),
        *("optimizer=adamw", "callbacks.forecasts.horizons=[1]"),
    ],
    "series_stopped": [
        *("data.length=300", "data.num_train=120", "trainer.max_epochs=9", "trainer.max_steps=20"),
        *("trainer.checkpoint_every_n_steps=1", "trainer.precision=64-true", "scheduler=step"),
        "callbacks.forecasts.horizons=[1]",
    ],
    "text_stopped_early": [
        *_TEXT,
        *("model=rnn", "trainer.max_epochs=9", "optimizer=sgd", "optimizer.lr=0.001"),
        "+callbacks.early._target_=lightning.pytorch.callbacks.EarlyStopping",
        *("+callbacks.early.monitor=val/loss", "+callbacks.early.patience=2"),
        "+callbacks.early.min_delta=0.5",
    ],
    "text": [
        *_TEXT,
        *("model=lstm", "model.num_layers=2", "model.dropout=0.3", "optimizer=adam"),
        *("trainer.max_epochs=5", "trainer.check_val_every_n_epoch=2"),
    ],
    "text_accumulating": [
        *_TEXT,
        *("model=gru", "data.sampling=random", "optimizer=sgd", "optimizer.momentum=0.9"),
        *("trainer.max_epochs=4", "trainer.accumulate_grad_batches=3", "scheduler=one_cycle"),
        *("data.test_fraction=0.1", "callbacks.checkpoints.every_n_epochs=3"),
    ],
}

WAYS = ("moment", "operation", "SIGTERM", "SIGINT", "power cut")


@dataclass
class Tally:
    """The outcome so far."""

    runs: int = 0
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    mismatches: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def survived(self) -> int:
        """Number of kills after which the run continued."""
        return sum(self.kills.values())


def main() -> int:
    """Run the torture for the given time and print the outcome."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="default 5")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments; default 0")
    parser.add_argument("--subject", choices=sorted(SUBJECTS), action="append", help="default all")
    parser.add_argument("--way", choices=WAYS, action="append", help="of being killed; default all")
    parser.add_argument("--keep", metavar="FOLDER", help="copy the folders of runs that differ")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = torture(
            Path(folder),
            options.subject or list(SUBJECTS),
            options.minutes * 60,
            options.seed,
            options.way or WAYS,
        )
        if options.keep and (tally.mismatches or tally.lost):
            shutil.copytree(folder, options.keep)
    ways = ", ".join(f"{count} by {way}" for way, count in tally.kills.items())
    print(f"{tally.runs} runs, {tally.survived} kills survived ({ways})")
    print(f"{len(tally.mismatches)} mismatches, {len(tally.lost)} files lost")
    for text in [*tally.mismatches, *tally.lost]:
        print(f"  {text}")
    return int(bool(tally.mismatches or tally.lost))


def torture(
    folder: Path,
    subjects: Sequence[str],
    seconds: float,
    seed: int,
    ways: Sequence[str] = WAYS,
    most_kills: int = 10**9,
) -> Tally:
    """Kill and resume runs of the subjects in turn; return the tally.

    Ends after `seconds`, or as soon as every subject has run, every way has been used and
    `most_kills` kills have been survived.
    """
    chance = random.Random(seed)
    tally = Tally()
    end = time.monotonic() + seconds
    folder = folder.resolve()
    references = {name: reference(folder, name) for name in subjects}
    while time.monotonic() < end and (
        tally.survived < most_kills
        or tally.runs < len(subjects)
        or not all(tally.kills[way] for way in ways)
    ):
        name = subjects[tally.runs % len(subjects)]
        home = folder / f"{tally.runs:05d}_{name}"
        tortured(home, SUBJECTS[name], references[name], ways, chance, tally)
        if sys.stderr.isatty():
            print(f"\r{tally.runs} runs, {tally.survived} kills", end="", file=sys.stderr)
    return tally


def reference(folder: Path, name: str) -> FinalState:
    """Run a subject undisturbed and return its final state."""
    home = folder / f"undisturbed_{name}"
    home.mkdir(parents=True)
    started = time.monotonic()
    code = Life(home, [*SUBJECTS[name], "hydra.run.dir=run"]).wait()
    assert code == 0, f"{name} does not run: {(home / 'output.txt').read_text()}"
    ending = FinalState.of(RunFolder(home / "run"))
    ending.seconds = time.monotonic() - started
    return ending


def tortured(
    home: Path,
    subject: list[str],
    expected: FinalState,
    ways: Sequence[str],
    chance: random.Random,
    tally: Tally,
) -> None:
    """Start one run, kill and resume it until it completes, and compare its final state."""
    home.mkdir(parents=True)
    run = RunFolder(home / "run")
    history: list[str] = []
    for life in range(LIVES + 1):
        begun = run.config.exists()
        words = [f"resume={run.path}"] if begun else [*subject, f"hydra.run.dir={run.path}"]
        way = chance.choice(ways) if life < LIVES else "none"
        code = _lived(home, words, way, expected.seconds, chance)
        if code == 0:
            break
        history.append(f"{way} -> {code}")
        if code in (1, 2):
            break
        tally.kills[way] += 1
        if way == "power cut":
            history[-1] += f" {_cut_newest(run, chance)}"
    tally.runs += 1
    found, differences = None, [f"exited with {code}"]
    if code == 0:
        try:
            found = FinalState.of(run)
            differences = expected.differences(found)
        except (AssertionError, OSError, UserError) as error:
            differences = [str(error)]
    where = f"{home.name} ({'; '.join(history)})"
    tally.mismatches += [f"{where}: {text}" for text in differences]
    tally.lost += [
        f"{where}: {file}" for file in sorted(expected.files - (found or expected).files)
    ]
    if not differences:
        shutil.rmtree(home)


def _lived(home: Path, words: list[str], way: str, seconds: float, chance: random.Random) -> int:
    """Run one process and kill it unless it ends first; return its exit code, or -signal."""
    if way == "operation":
        return Life(home, words, dies_at=int(chance.expovariate(1 / 30)) + 1).wait()
    life = Life(home, words)
    if way == "none":
        return life.wait()
    sent = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}.get(way, signal.SIGKILL)
    life.wait(chance.uniform(0, seconds))
    life.send(sent)
    return life.wait()


def _cut_newest(run: RunFolder, chance: random.Random) -> str:
    """Truncate the file written last; return a description."""
    # Excluded: the configuration, which is on disk before the rest of the run, and the log.
    files = [
        file for file in run.path.rglob("*") if file.is_file() and file not in (run.config, run.log)
    ]
    if not files:
        return ""
    newest = max(files, key=lambda file: file.stat().st_mtime_ns)
    whole = newest.stat().st_size
    rest = chance.randrange(whole) if whole else 0
    os.truncate(newest, rest)
    return f"({newest.relative_to(run.path)} cut from {whole} to {rest} bytes)"


class Life:
    """A run as a forked process.

    Args:
        home: working folder, which also gets the output.
        words: arguments of `python -m train`.
        dies_at: number of the file operation of the run before which it kills itself.
    """

    def __init__(self, home: Path, words: list[str], dies_at: int | None = None) -> None:
        self.code: int | None = None
        # The run takes them once it can answer them; until then they would strike Python itself.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self.pid = os.fork()
        if self.pid == 0:
            os.chdir(home)
            with (home / "output.txt").open("a") as output:
                for stream in (sys.stdout, sys.stderr):
                    os.dup2(output.fileno(), stream.fileno())
            code = 1
            try:
                if dies_at is not None:
                    _die_at(home / "run", dies_at)
                code = train(words)
            except SystemExit as exit_:
                code = exit_.code if isinstance(exit_.code, int) else 1
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def send(self, signum: int) -> None:
        """Send a signal if the process is alive."""
        if self.code is None:
            os.kill(self.pid, signum)

    def wait(self, seconds: float = 300.0) -> int:
        """Wait up to `seconds` for the end; return the exit code or -signal, -1 if still alive."""
        end = time.monotonic() + seconds
        while self.code is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            else:
                time.sleep(0.002)
        return -1 if self.code is None else self.code


def _die_at(folder: Path, number: int) -> None:
    """Kill this process right before its `number`-th change of a file in the folder."""
    prefix, left = str(folder), number
    changes = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and arguments and isinstance(arguments[2], int)
        if not (event in changes or (writes and arguments[2] & (os.O_WRONLY | os.O_RDWR))):
            return
        if str(arguments[0]).startswith(prefix):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    sys.exit(main())
