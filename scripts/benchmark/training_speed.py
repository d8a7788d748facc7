"""Training beside the plain loop, a default Trainer, and the matrix products alone."""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import torch
from lightning.pytorch import LightningModule
from torch.utils.data import DataLoader, TensorDataset

from benchmark.plain_loops import (
    SineLoop,
    TemplateSine,
    TemplateText,
    Text,
    TextDataset,
    TextLoop,
    template_trainer,
)
from benchmark.sections import Row, Wanted, measures, repeated
from benchmark.timed_run import Timing, silenced, timed_run
from seqlab.data.corpus import TIME_MACHINE, find_corpus
from seqlab.data.series import windows
from seqlab.data.sine import SineData
from seqlab.data.time_machine import TimeMachineData

EPOCHS = 40
SPEEDUP = {"rnn": 1.25, "gru": 1.5, "lstm": 1.0}
"""Required tokens per second, relative to the plain loop's."""

SHARE_OF_LIMIT = 0.55
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
_TEXT_STEPS, _SINE_STEPS = 8, 38
"""Steps per epoch of the chapter's text and of its series."""


def chapter_text(cell: str) -> Text:
    """Return the chapter's batches."""
    data = TimeMachineData(max_tokens=10_000, val_fraction=0.0)
    data.setup()
    return Text(data.parts["train"].long(), data.describe()["vocabulary_size"], cell)


@measures(
    "Training",
    "Milliseconds per training step, as a ratio to the plain PyTorch loop "
    "(scripts/benchmark/plain_loops.py), measured alternately in one process. Text: the first "
    "10,000 characters of *The Time Machine*, 256 units, batch size 32, 35 steps, SGD, gradient "
    "clipping at 1. *all* is every epoch with progress bar, metrics, tables, TensorBoard, "
    "checkpoints and samples, without the figures that are drawn once a run; *steps* excludes "
    "end-of-epoch work; *validated* adds the held-out loss and the errors by horizon to the sine's "
    "every epoch. *template* is a LightningModule "
    "that calls `self.log`, in a Trainer with default settings. Limits: RNN 1 / 1.25, GRU 1 / 1.5, "
    "LSTM and sine 1.",
    baseline="the plain loop",
    measure="ms per step",
)
def measure_training(repeats: int, wanted: Wanted) -> Iterator[Row]:
    """Yield rows of seqlab and of a template beside the plain loop."""
    for cell, speedup in SPEEDUP.items():
        if wanted(cell):
            plain, steps, whole, template = repeated(repeats, partial(text_contenders, cell))
            yield Row(f"{cell.upper()}, all", whole, plain, 1 / speedup)
            yield Row(f"{cell.upper()}, steps", steps, plain)
            yield Row(f"{cell.upper()}, template", template, plain)
    if wanted("sine"):
        plain, sliced, steps, whole, validated, template = repeated(repeats, sine_contenders)
        yield Row("sine MLP, steps", steps, plain, 1.0)
        yield Row("sine MLP, steps, beside a loop without a DataLoader", steps, sliced)
        yield Row("sine MLP, all", whole, plain)
        yield Row("sine MLP, all, validated", validated, plain)
        yield Row("sine MLP, template", template, plain)


@measures(
    "Training beside the matrix products",
    "Milliseconds per training step of seqlab, as a ratio to its matrix products alone: one per "
    "time step forward and one backward, one for the gradient of the recurrent weights, three for "
    "the output layer, each timed separately at its own shape. Limit for the RNN: 1 / 0.55.",
    baseline="the matrix products",
    measure="ms per step",
)
def measure_limit(repeats: int, wanted: Wanted) -> Iterator[Row]:
    """Yield a row for each cell: seqlab's steps beside the matrix products alone."""
    for cell in filter(wanted, SPEEDUP):
        ours, base = repeated(repeats, partial(_steps_and_products, cell))
        yield Row(cell.upper(), ours, base, 1 / SHARE_OF_LIMIT if cell == "rnn" else None)


def _steps_and_products(cell: str) -> tuple[float, float]:
    return text_run(cell).step_ms, products(chapter_text(cell))


def text_contenders(cell: str, device: str = "cpu") -> tuple[float, float, float, float]:
    """Measure the chapter's network: milliseconds per step.

    Returns:
        The plain loop's, seqlab's excluding end-of-epoch work, seqlab's of the whole training,
        and the template's.
    """
    text = chapter_text(cell)
    plain = plain_loop(TextLoop(text, device), _TEXT_STEPS)
    timing = text_run(cell, device)
    loader = DataLoader(TextDataset(text), batch_size=None)
    template = _fit(TemplateText(text), loader, _TEXT_STEPS, text.clip, device)
    return plain, timing.step_ms, timing.whole_step_ms, template


def text_run(cell: str, device: str = "cpu", *words: str) -> Timing:
    """Train the chapter's network with everything on; return its timing.

    Args:
        cell: of the recurrent layer.
        device: `cpu` or `cuda`.
        words: more of the command line.
    """
    return timed_run(
        [
            *("experiment=time_machine_rnn", f"model={cell}", f"trainer.max_epochs={EPOCHS}"),
            *("data.val_fraction=0", f"data.path='{find_corpus(TIME_MACHINE)}'"),
            f"trainer.accelerator={_accelerator(device)}",
            *words,
        ]
    )


def _accelerator(device: str) -> str:
    return "gpu" if device == "cuda" else device


def sine_contenders(device: str = "cpu") -> tuple[float, ...]:
    """Measure the sine's network: milliseconds per step.

    Returns:
        The plain loop's, that of a loop without a DataLoader, seqlab's excluding end-of-epoch
        work, of all epochs, of all epochs with validation, and the template's.
    """
    data = SineData()
    data.setup()
    pairs = windows(data.parts["train"], data.tau)
    features, labels = pairs.inputs, pairs.targets[:, None]
    plain, sliced = (
        plain_loop(SineLoop(features, labels, device, with_loader=with_loader), _SINE_STEPS)
        for with_loader in (True, False)
    )
    words = [f"trainer.max_epochs={EPOCHS}", f"trainer.accelerator={_accelerator(device)}"]
    timing, validated = timed_run([*words, "data.num_val=0"]), timed_run(words)
    loader = DataLoader(TensorDataset(features, labels), batch_size=16, shuffle=True)
    template = _fit(TemplateSine(), loader, _SINE_STEPS, None, device)
    whole = timing.whole_step_ms, validated.whole_step_ms
    return plain, sliced, timing.step_ms, *whole, template


def plain_loop(loop: TextLoop | SineLoop, steps: int) -> float:
    """Return milliseconds per step; on a GPU the loop synchronizes at every step."""
    loop.epoch()
    begin = time.perf_counter()
    for _ in range(EPOCHS):
        loop.epoch()
    return 1000 * (time.perf_counter() - begin) / EPOCHS / steps


def _fit(
    module: LightningModule,
    loader: object,
    steps: int,
    clip: float | None,
    device: str,
) -> float:
    with tempfile.TemporaryDirectory() as folder, silenced():
        trainer = template_trainer(Path(folder), EPOCHS, clip, _accelerator(device))
        begin = time.perf_counter()
        trainer.fit(module, loader)
        return 1000 * (time.perf_counter() - begin) / EPOCHS / steps


def products(text: Text, device: str = "cpu") -> float:
    """Return milliseconds of the matrix products of one step."""
    size, rows, steps = text.hidden_size, text.batch_size, text.num_steps
    wide, all_rows, words = GATES[text.cell] * size, rows * steps, text.vocabulary_size
    shapes = [
        ((rows, size, wide), steps),  # states times recurrent weights
        ((rows, wide, size), steps),  # gradients times recurrent weights
        ((wide, all_rows, size), 1),  # gradient of the recurrent weights
        ((all_rows, size, words), 1),  # output layer
        ((all_rows, words, size), 1),
        ((words, all_rows, size), 1),
    ]
    return 1000 * sum(_product(*shape, device) * count for shape, count in shapes)


def _product(rows: int, inner: int, columns: int, device: str) -> float:
    left = torch.randn(rows, inner, device=device)
    right = torch.randn(inner, columns, device=device)
    result = torch.empty(rows, columns, device=device)
    number = min(500, max(1, 20_000_000 // (rows * inner * columns)))

    def multiply() -> None:
        for _ in range(number):
            torch.mm(left, right, out=result)

    return median_seconds(multiply, device) / number


def median_seconds(work: Callable[[], object], device: str) -> float:
    """Return the seconds of some work on a device, the median of nine times."""
    seconds = []
    for _ in range(9):
        _synchronize(device)
        begin = time.perf_counter()
        work()
        _synchronize(device)
        seconds.append(time.perf_counter() - begin)
    return median(seconds)


def _synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
