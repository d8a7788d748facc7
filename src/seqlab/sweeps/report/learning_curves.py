"""What is read from the run folders of the best settings: learning curves and sample text."""

from contextlib import suppress
from pathlib import Path

from seqlab.runs.folder.run_folder import RunFolder, whole_lines
from seqlab.sweeps.report.settings import Setting
from seqlab.system.masking import masked

MOST_SEEDS = 30
"""How many runs of a setting are read."""

Curve = list[tuple[int, float, float, float]]


def learning_curve(folder: Path, setting: Setting, metric: str) -> Curve:
    """Return `(epoch, mean, smallest, largest)` over the seeds, at epochs that all of them have.

    Args:
        folder: the sweep's.
        setting: whose completed runs are read.
        metric: a column of metrics.csv.
    """
    curves = []
    for row in setting.completed[:MOST_SEEDS]:
        if not row.folder:
            continue
        with suppress(OSError, ValueError):  # a run folder that was moved or damaged
            if pairs := RunFolder(folder / row.folder).read_metrics().get(metric):
                curves.append(dict(pairs))
    if not curves:
        return []
    epochs = sorted(set.intersection(*(set(curve) for curve in curves)))
    columns = [(epoch, [curve[epoch] for curve in curves]) for epoch in epochs]
    return [(epoch, sum(v) / len(v), min(v), max(v)) for epoch, v in columns]


def last_samples(folder: Path) -> list[tuple[str, str]]:
    """Return the texts of the last epoch in a run's samples.txt: `(prefix, continuation)`."""
    found: list[tuple[str, str, str]] = []
    with suppress(OSError, ValueError):
        for line in whole_lines(RunFolder(folder).samples):
            epoch, _, text = line.rstrip("\n").partition(" | ")
            prefix, bar, continuation = text.partition(" |")
            if bar:
                found.append((epoch, masked(prefix), masked(continuation)))
    return [(prefix, text) for epoch, prefix, text in found if epoch == found[-1][0]]
