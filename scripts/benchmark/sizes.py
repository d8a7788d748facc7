"""Time and memory of the RNN against hidden size, batch size and steps, beside their baselines."""

import resource
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import zeros

from benchmark.plain_loops import Text
from benchmark.sections import Row, Section, Wanted, measures, repeated
from benchmark.timed_run import timed_run
from benchmark.training_speed import products
from seqlab.data.corpus import TIME_MACHINE, find_corpus
from seqlab.system.files import replacing

VALUES = {
    "hidden_size": (64, 128, 256, 512, 1024),
    "batch_size": (8, 16, 32, 64, 128),
    "num_steps": (9, 18, 35, 70, 140),
}
BATCHES, EPOCHS = 6, 4
_MIB = 2**20


@dataclass(frozen=True)
class Size:
    """The sizes that the cost of a step depends on."""

    hidden_size: int = 256
    batch_size: int = 32
    num_steps: int = 35

    def needed(self, vocabulary_size: int = 28) -> float:
        """Return the MiB of weights, activations and their gradients."""
        inputs = vocabulary_size + 2 + self.hidden_size
        weights = self.hidden_size * inputs + (self.hidden_size + 1) * vocabulary_size
        tokens = self.batch_size * self.num_steps
        activations = tokens * (self.hidden_size + 2 * vocabulary_size)  # states, logits, softmax
        return 4 * 2 * (weights + activations) / _MIB


@measures(
    "Sizes",
    "Milliseconds per training step of the character RNN as a ratio to its matrix products, and "
    "memory growth of the process during training in MiB as a ratio to the size of weights, "
    "gradients and activations. Each size runs in a process of its own; other settings are the "
    "chapter's: 256 units, batch size 32, 35 steps.\n\n"
    "![Time and memory against hidden size, batch size and steps](figures/sizes.png)",
    baseline="the products, or the size of the tensors",
    measure="ms or MiB",
)
def measure_sizes(repeats: int, wanted: Wanted) -> Iterator[Row]:
    """Yield two rows for each size: time and memory."""
    for key, values in VALUES.items():
        for value in values:
            label, size = f"{key} {value}", Size(**{key: value})
            if not wanted(label):
                continue
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                times, baseline, growths = fresh.submit(measured, size, repeats).result()
            yield Row(f"{label}: ms", times, baseline)
            yield Row(f"{label}: MiB", growths, (size.needed(),) * repeats)


def measured(size: Size, repeats: int) -> list[tuple[float, ...]]:
    """Return, measured in this process: ms per step, ms of its products, MiB of growth."""
    tokens = size.batch_size * size.num_steps * BATCHES + size.num_steps + size.batch_size
    words = [
        *("experiment=time_machine_rnn", f"model.hidden_size={size.hidden_size}"),
        *(f"data.batch_size={size.batch_size}", f"data.num_steps={size.num_steps}"),
        *(f"data.max_tokens={tokens}", "data.val_fraction=0", f"trainer.max_epochs={EPOCHS}"),
        f"data.path='{find_corpus(TIME_MACHINE)}'",
    ]
    text = Text(zeros(0), 28, "rnn", size.hidden_size, size.batch_size, size.num_steps)
    timed_run([words[0], *words[-2:], "model.hidden_size=2"])
    before = _peak()
    times, growths = repeated(
        repeats, lambda: (timed_run(words).step_ms, max(_peak() - before, 0.01))
    )
    return [times, tuple(products(text) for _ in range(repeats)), growths]


def draw_sizes(section: Section, folder: Path) -> None:
    """Draw time and memory against each size, with the baseline as a dashed line."""
    rows = {row.label: row for row in section.rows}
    figure = Figure(figsize=(10, 5.5), dpi=130, layout="constrained")
    panels = figure.subplots(2, len(VALUES), squeeze=False)
    units = {"ms": "ms per step", "MiB": "MiB of growth"}
    for column, (key, values) in enumerate(VALUES.items()):
        for panel, unit in zip(panels[:, column], units, strict=True):
            known = {v: rows[f"{key} {v}: {unit}"] for v in values if f"{key} {v}: {unit}" in rows}
            if known:
                ours = [statistics.median(row.seconds) for row in known.values()]
                limit = [statistics.median(row.baseline) for row in known.values()]
                panel.plot(list(known), ours, "o-", label="seqlab")
                panel.plot(list(known), limit, "s--", color="0.5", label="baseline")
                panel.set(xscale="log", yscale="log")
                panel.set_xticks(list(known), [str(value) for value in known])
                panel.set_xticks([], minor=True)
                panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                panel.yaxis.set_major_formatter("{x:g}")
                panel.yaxis.set_minor_formatter(NullFormatter())
            panel.set(xlabel=key, ylabel=units[unit])
            panel.grid(alpha=0.3)
    panels[0][0].legend(frameon=False)
    with replacing(folder / "sizes.png") as partial:
        figure.savefig(partial, format="png")


def _peak() -> float:
    """Return the peak resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
