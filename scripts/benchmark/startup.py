"""How long commands take to answer without training, and how long a whole run takes."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.sections import Row, Wanted, measures, repeated
from benchmark.timed_process import timed_process

LIMIT, RUN_LIMIT = 3.0, 1.3
"""The largest ratio allowed of a command and of a run to its baseline."""


@dataclass(frozen=True)
class Command:
    """A Python command and the exit code that it should have."""

    words: list[str]
    code: int = 0

    @property
    def label(self) -> str:
        """The command as it is typed."""
        if "completion" in self.words:
            return f"tab completion of `{self.words[-1]}`"
        return f"`python {' '.join(self.words)}`" + (" (refused)" if self.code else "")

    def seconds(self, folder: Path) -> float:
        """Return how long the command takes in a folder."""
        return timed_process(self.words, folder, self.code).seconds


def _train(*words: str, code: int = 0) -> Command:
    return Command(["-m", "train", *words], code)


COMMANDS = [
    _train("--help"),
    _train("--cfg", "job"),
    _train("--cfg", "job", "experiment=time_machine_rnn"),
    _train("--info", "defaults"),
    Command(["-P", "-m", "seqlab", "completion", "bash", "--", "python -m train optimizer.l"]),
    _train("data.tua=3", code=2),
    _train("+data.tua=3", code=2),
    _train("optimizer.lr=fast", code=2),
    _train("data=sample_story", code=2),
    Command(["-m", "seqlab", "--help"]),
]
BASELINE = Command(["-c", "import hydra"])
RUN_BASELINE = Command(
    ["-c", "import torch, lightning, matplotlib.pyplot, torch.utils.tensorboard"]
)


@measures(
    "Start-up",
    'Whole commands, run in an empty folder, alternating with `python -c "import hydra"`. None of '
    "them imports torch (tests/config/compose/test_help.py). Limit: 3 times the baseline.",
    baseline='`python -c "import hydra"`',
)
def measure_start(repeats: int, wanted: Wanted) -> Iterator[Row]:
    """Yield a row for each command."""
    with tempfile.TemporaryDirectory() as empty:
        for command in COMMANDS:
            if wanted(command.label):
                yield _row(command, BASELINE, Path(empty), repeats, LIMIT)
        for left in Path(empty).iterdir():
            raise RuntimeError(f"a command that should only answer left {left.name} behind")


@measures(
    "A whole run",
    "All of `python -m train`: the chapter's five epochs with every table, checkpoint and figure, "
    "alternating with a process that only imports the libraries. Limit: 1.3 times the baseline.",
    baseline=f'`python -c "{RUN_BASELINE.words[1]}"`',
)
def measure_run(repeats: int, wanted: Wanted) -> Iterator[Row]:
    """Yield one row: a whole run, and its imports alone."""
    with tempfile.TemporaryDirectory() as folder:
        yield _row(_train(), RUN_BASELINE, Path(folder), repeats, RUN_LIMIT)


def _row(command: Command, baseline: Command, folder: Path, repeats: int, limit: float) -> Row:
    for each in (baseline, command):
        each.seconds(folder)  # brings the files into the page cache
    ours, base = repeated(repeats, lambda: (command.seconds(folder), baseline.seconds(folder)))
    return Row(command.label, ours, base, limit)
