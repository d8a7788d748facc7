"""One run's training on a GPU, beside the plainest loop there and what the GPU is able to do."""

import time
from statistics import median

import torch

from benchmark.plain_loops import Text, TextLoop
from benchmark.sections import Row, Section
from benchmark.training_speed import (
    GATES,
    bare_loop,
    chapter_text,
    finish,
    products,
    template_text,
    text_run,
)

SPEEDUP = 5
TOKENS_PER_SECOND = 2_000_000
_MEBIBYTES = 256
EXPLANATION = (
    "Milliseconds of a training step on one GPU, in one process, in turn; text and networks as in "
    "Training. *Loop* is the plainest loop (scripts/benchmark/plain_loops.py) on the same GPU; *products* "
    "are the step's matrix products alone, *bytes* the weights and activations that a step has to "
    "read and write over the rate at which the GPU copies. Limits: RNN 1 / 5 of the loop, and "
    "2,000,000 tokens a second."
)


def measure_gpu(repeats: int, only: list[str], device: str = "cuda") -> Section:
    """Return rows of seqlab beside each of its measures.

    Args:
        repeats: pairs of each.
        only: cells; none: all.
        device: `cuda`; on `cpu` the same is measured where there is no GPU, to try this script.
    """
    accelerator = "gpu" if device == "cuda" else device
    rows = []
    for cell in GATES:
        if only and not any(text in cell for text in only):
            continue
        text = chapter_text(cell)
        everything, steps, template = [], [], []
        bare, alone, moved = [], [], []
        for _ in range(repeats):
            bare.append(bare_loop(TextLoop(text, device), 8))
            timing = text_run(cell, accelerator)
            everything.append(1000 * timing.step_of_all)
            steps.append(1000 * timing.step)
            template.append(template_text(cell, accelerator))
            alone.append(products(text, device))
            moved.append(1000 * needed_bytes(text) / copied_bytes_per_second(device))
        asked = 1000 * text.batch_size * text.num_steps / TOKENS_PER_SECOND
        times, enough = (1 / SPEEDUP, 1.0) if cell == "rnn" else (None, None)
        measured = (
            ("all: loop", everything, bare, times),
            ("steps: loop", steps, bare, None),
            ("template: loop", template, bare, None),
            ("all: 2,000,000 tokens/s", everything, [asked] * repeats, enough),
            ("steps: products", steps, alone, None),
            ("steps: bytes", steps, moved, None),
        )
        new = [
            Row(f"{cell.upper()}, {what}", tuple(ours), tuple(base), limit)
            for what, ours, base, limit in measured
        ]
        for row in new:
            print(row.line(), flush=True)
        rows += new
    return Section("Training on a GPU", EXPLANATION, "see the label", rows, measure="ms a step")


def needed_bytes(text: Text) -> int:
    """Return what a step reads and writes at least, of 32-bit numbers, each once a pass.

    Forward and backward read the weights and write and read the activations; the update reads
    and writes weights and gradients.
    """
    size, words = text.hidden_size, text.vocabulary_size
    gates = GATES[text.cell] * size
    weights = gates * (words + size + 2) + (size + 1) * words
    activations = text.batch_size * text.num_steps * (gates + size + 2 * words)
    return 4 * (6 * weights + 4 * activations)


def copied_bytes_per_second(device: str) -> float:
    """Return the rate at which a device reads and writes its memory."""
    source = torch.ones(_MEBIBYTES << 18, device=device)  # of four bytes each
    target = torch.empty_like(source)

    def once() -> float:
        finish(device)
        begin = time.perf_counter()
        target.copy_(source)
        finish(device)
        return time.perf_counter() - begin

    once()
    return 2 * (_MEBIBYTES << 20) / median(once() for _ in range(9))
