"""How long a command takes to answer without training, beside `import hydra` alone."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.sections import Row, Section

LIMIT = 3.0
"""How many times as long as its baseline a command may take."""

BASELINE = ["-c", "import hydra"]
EXPLANATION = (
    'Whole commands, from an empty folder, in turn with `python -c "import hydra"`. None of them '
    "imports torch (tests/config/compose/test_help.py). At most 3 times as long is the limit."
)


@dataclass(frozen=True)
class Command:
    """A command that answers at once, and the exit code that belongs to it."""

    words: list[str]
    code: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The command as it is typed."""
        if self.environment:
            return f"tab completion of `{self.environment['COMP_LINE']}`"
        return f"`python {' '.join(self.words)}`" + (" (refused)" if self.code else "")


def _train(*words: str, code: int = 0) -> Command:
    return Command(["-m", "train", *words], code)


RUN_BASELINE = ["-c", "import torch, lightning, matplotlib.pyplot, torch.utils.tensorboard"]
RUN_LIMIT = 1.3
RUN_EXPLANATION = (
    "The whole of `python -m train`, the chapter's five epochs, every table, checkpoint and figure "
    "included, in turn with a process that only imports the libraries. 1.3 times is the limit."
)


_LINE = "train.py optimizer.l"
COMMANDS = [
    _train("--help"),
    _train("--cfg", "job"),
    _train("--cfg", "job", "experiment=time_machine_rnn"),
    _train("--info", "defaults"),
    Command(
        ["-m", "train", "-sc", "query=bash"],
        environment={"COMP_LINE": _LINE, "COMP_POINT": str(len(_LINE))},
    ),
    _train("data.tua=3", code=2),
    _train("+data.tua=3", code=2),
    _train("optimizer.lr=fast", code=2),
    _train("data=sample_story", code=2),
    Command(["-m", "seqlab", "--help"]),
]


def measure_start(repeats: int, only: list[str]) -> Section:
    """Return a row for each command: `repeats` pairs of command and baseline, alternating.

    Args:
        repeats: pairs a command.
        only: measure commands with one of these texts in their label; none: all.
    """
    rows = []
    with tempfile.TemporaryDirectory() as empty:
        _seconds(Command(BASELINE), empty)  # files are in the page cache from now on
        for command in COMMANDS:
            if only and not any(text in command.label for text in only):
                continue
            _seconds(command, empty)
            pairs = [
                (_seconds(command, empty), _seconds(Command(BASELINE), empty))
                for _ in range(repeats)
            ]
            ours, base = (tuple(side) for side in zip(*pairs, strict=True))
            rows.append(Row(command.label, ours, base, LIMIT))
            print(rows[-1].line(), flush=True)
        left = sorted(Path(empty).iterdir())
    if left:
        raise RuntimeError(f"a command that only answers left {left[0].name}")
    return Section("Start-up", EXPLANATION, 'python -c "import hydra"', rows)


def _seconds(command: Command, folder: str) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command.words],
        cwd=folder,
        env=os.environ | command.environment,
        capture_output=True,
        text=True,
    )
    seconds = round(time.perf_counter() - begin, 4)
    if done.returncode != command.code:
        raise RuntimeError(f"{command.label} ended with {done.returncode}: {done.stderr[-500:]}")
    return seconds


def measure_run(repeats: int, only: list[str]) -> Section:
    """Return one row: `repeats` pairs of a whole run and of its imports alone, alternating."""
    command, baseline = Command(["-m", "train"]), Command(RUN_BASELINE)
    with tempfile.TemporaryDirectory() as folder:
        _seconds(baseline, folder)
        _seconds(command, folder)
        pairs = [(_seconds(command, folder), _seconds(baseline, folder)) for _ in range(repeats)]
    ours, base = (tuple(side) for side in zip(*pairs, strict=True))
    row = Row(command.label, ours, base, RUN_LIMIT)
    print(row.line(), flush=True)
    label = f'python -c "{RUN_BASELINE[1]}"'
    return Section("A whole run", RUN_EXPLANATION, label, [row])
