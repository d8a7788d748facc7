"""One run's training beside the plainest loop, a default Trainer, and the machine's limit."""

import tempfile
import time
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
from benchmark.sections import Row, Section
from benchmark.timed_run import Timing, timed_run, unheard
from seqlab.data.corpus import TIME_MACHINE, find_corpus
from seqlab.data.series import windows
from seqlab.data.sine import SineData
from seqlab.data.time_machine import TimeMachineData

EPOCHS = 40
SPEEDUP = {"rnn": 1.25, "gru": 1.5, "lstm": 1.0}
"""How many times the bare loop's tokens a second are asked for."""

SHARE_OF_LIMIT = 0.55
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
EXPLANATION = (
    "Milliseconds of a training step, relative to the bare loop's (scripts/benchmark/plain_loops.py), in one "
    "process, in turn. Text: the first 10,000 characters of *The Time Machine*, 256 units, batch "
    "32, 35 steps, SGD, clipping at 1. *all* counts the whole training with the progress bar, "
    "metrics, tables, TensorBoard, checkpoints and samples; *steps* without what follows an epoch. "
    "*Template* is a LightningModule with `self.log` in a Trainer as it comes. Limits: RNN 1 / "
    "1.25, GRU 1 / 1.5, LSTM and sine 1."
)
LIMIT_EXPLANATION = (
    "Milliseconds of a training step of seqlab, relative to the matrix products in it alone: one a "
    "time step forward and one backward, one for all recurrent weights, three for the head, each "
    "measured by itself at its own shape. 1 / 0.55 is the limit for the RNN."
)


def chapter_text(cell: str) -> Text:
    """Return the chapter's batches."""
    data = TimeMachineData(max_tokens=10_000, val_fraction=0.0)
    data.setup()
    return Text(data.parts["train"].long(), data.describe()["vocabulary_size"], cell)


def measure_training(repeats: int, only: list[str]) -> Section:
    """Return rows of seqlab and of a template beside the bare loop, `repeats` of each in turn."""
    rows: list[Row] = []
    for cell, speedup in SPEEDUP.items():
        if only and not any(text in cell for text in only):
            continue
        steps, everything, template, bare = [], [], [], []
        for _ in range(repeats):
            bare.append(bare_loop(TextLoop(chapter_text(cell)), 8))
            timing = text_run(cell)
            steps.append(1000 * timing.step)
            everything.append(1000 * timing.step_of_all)
            template.append(template_text(cell))
        name = cell.upper()
        base = tuple(bare)
        rows += [
            Row(f"{name}, all", tuple(everything), base, 1 / speedup),
            Row(f"{name}, steps", tuple(steps), base),
            Row(f"{name}, template", tuple(template), base),
        ]
    if not only or "sine" in only:
        rows += _sine_rows(repeats)
    for row in rows:
        print(row.line(), flush=True)
    return Section("Training", EXPLANATION, "the bare loop", rows, measure="ms a step")


def measure_limit(repeats: int, only: list[str]) -> Section:
    """Return a row for each cell: seqlab's steps beside the matrix products alone."""
    rows = []
    for cell in SPEEDUP:
        if only and not any(text in cell for text in only):
            continue
        pairs = [(1000 * text_run(cell).step, products(chapter_text(cell))) for _ in range(repeats)]
        ours, base = (tuple(side) for side in zip(*pairs, strict=True))
        rows.append(Row(cell.upper(), ours, base, 1 / SHARE_OF_LIMIT if cell == "rnn" else None))
        print(rows[-1].line(), flush=True)
    return Section(
        "Training beside the limit", LIMIT_EXPLANATION, "the products", rows, measure="ms a step"
    )


def text_run(cell: str, accelerator: str = "cpu") -> Timing:
    """Train the chapter's network with everything on."""
    return timed_run(
        [
            *("experiment=time_machine_rnn", f"model={cell}", f"trainer.max_epochs={EPOCHS}"),
            *("data.val_fraction=0", f"data.path='{find_corpus(TIME_MACHINE)}'"),
            f"trainer.accelerator={accelerator}",
        ]
    )


def _sine_rows(repeats: int) -> list[Row]:
    data = SineData()
    data.setup()
    pairs = windows(data.parts["train"], data.tau)
    features, labels = pairs.inputs, pairs.targets[:, None]
    steps, everything, template = [], [], []
    bare: list[float] = []
    sliced: list[float] = []
    for _ in range(repeats):
        for times, with_loader in ((bare, True), (sliced, False)):
            times.append(bare_loop(SineLoop(features, labels, with_loader=with_loader), 38))
        timing = timed_run(
            [f"trainer.max_epochs={EPOCHS}", "data.num_val=0", "trainer.accelerator=cpu"]
        )
        steps.append(1000 * timing.step)
        everything.append(1000 * timing.step_of_all)
        loader = DataLoader(TensorDataset(features, labels), batch_size=16, shuffle=True)
        template.append(_fit(TemplateSine(), loader, 38, None))
    base = tuple(bare)
    return [
        Row("sine MLP, steps", tuple(steps), base, 1.0),
        Row("sine MLP, steps, beside a loop without a DataLoader", tuple(steps), tuple(sliced)),
        Row("sine MLP, all", tuple(everything), base),
        Row("sine MLP, template", tuple(template), base),
    ]


def bare_loop(loop: TextLoop | SineLoop, steps: int) -> float:
    """Return milliseconds of a step; a loop on a GPU waits for it at every step."""
    loop.epoch()
    begin = time.perf_counter()
    for _ in range(EPOCHS):
        loop.epoch()
    return 1000 * (time.perf_counter() - begin) / EPOCHS / steps


def template_text(cell: str, accelerator: str = "cpu") -> float:
    """Return milliseconds of a step of the chapter's network in a default Trainer."""
    text = chapter_text(cell)
    loader = DataLoader(TextDataset(text), batch_size=None)
    return _fit(TemplateText(text), loader, 8, text.clip, accelerator)


def _fit(
    module: LightningModule,
    loader: object,
    steps: int,
    clip: float | None,
    accelerator: str = "cpu",
) -> float:
    with tempfile.TemporaryDirectory() as folder, unheard():
        trainer = template_trainer(Path(folder), EPOCHS, clip, accelerator)
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
        ((all_rows, size, words), 1),  # head
        ((all_rows, words, size), 1),
        ((words, all_rows, size), 1),
    ]
    return 1000 * sum(_product(*shape, device) * count for shape, count in shapes)


def _product(rows: int, inner: int, columns: int, device: str) -> float:
    left, right = (
        torch.randn(rows, inner, device=device),
        torch.randn(inner, columns, device=device),
    )
    result = torch.empty(rows, columns, device=device)
    number = min(500, max(1, 20_000_000 // (rows * inner * columns)))

    def once() -> float:
        finish(device)
        begin = time.perf_counter()
        for _ in range(number):
            torch.mm(left, right, out=result)
        finish(device)
        return (time.perf_counter() - begin) / number

    return median(once() for _ in range(9))


def finish(device: str) -> None:
    """Wait until a device has done everything that it was asked for."""
    if device == "cuda":
        torch.cuda.synchronize()
