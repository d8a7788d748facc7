"""Training on a GPU beside the plain loop there, and beside what the GPU is capable of."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmark.plain_loops import Text
from benchmark.sections import Row, Wanted, measures, repeated
from benchmark.training_speed import (
    GATES,
    chapter_text,
    median_seconds,
    products,
    sine_contenders,
    text_contenders,
    text_run,
)

SPEEDUP = {"rnn": 4.0, "gru": 3.5, "lstm": 3.5}
"""Required speed with everything on, relative to the plain loop's."""
SINE_SPEEDUP = 3.0
TOKENS_PER_SECOND = {"rnn": 2_000_000, "gru": 1_000_000, "lstm": 1_000_000}
_MEBIBYTES = 256


@measures(
    "Training on a GPU",
    "Milliseconds per training step on one GPU, measured alternately in one process; text and "
    "networks as under Training. *loop* is the plain loop on the same GPU; *uncaptured* is seqlab "
    "with trainer.cuda_graph=off; *products* are the matrix products of a step alone; *bytes* is "
    "the time in which the GPU copies the weights and activations that a step has to read and "
    "write. Limits: RNN 1 / 4 of the loop, GRU and LSTM 1 / 3.5, sine 1 / 3, and the tokens per "
    "second.",
    baseline="named in the label",
    measure="ms per step",
)
def measure_gpu(repeats: int, wanted: Wanted, device: str = "cuda") -> Iterator[Row]:
    """Yield rows of seqlab beside each of its baselines.

    Args:
        repeats: measurements per row.
        wanted: says which networks to measure.
        device: `cuda`, or `cpu` to try the script without a GPU.
    """
    for cell in filter(wanted, GATES):
        plain, steps, whole, template, uncaptured, alone, moved, required = repeated(
            repeats, partial(_contenders, cell, device)
        )
        for what, ours, base, limit in (
            ("all: loop", whole, plain, 1 / SPEEDUP[cell]),
            ("steps: loop", steps, plain, None),
            ("uncaptured, all: loop", uncaptured, plain, None),
            ("template: loop", template, plain, None),
            (f"all: {TOKENS_PER_SECOND[cell]:,} tokens/s", whole, required, 1.0),
            ("steps: products", steps, alone, None),
            ("steps: bytes", steps, moved, None),
        ):
            yield Row(f"{cell.upper()}, {what}", ours, base, limit)
    if wanted("sine"):
        plain, _, steps, whole, validated, template = repeated(
            repeats, partial(sine_contenders, device)
        )
        yield Row("sine MLP, all: loop", whole, plain, 1 / SINE_SPEEDUP)
        yield Row("sine MLP, all, validated: loop", validated, plain)
        yield Row("sine MLP, steps: loop", steps, plain)
        yield Row("sine MLP, template: loop", template, plain)


def _contenders(cell: str, device: str) -> tuple[float, ...]:
    """Return milliseconds per step of all that is measured, and those of the required rate."""
    text = chapter_text(cell)
    return (
        *text_contenders(cell, device),
        text_run(cell, device, "trainer.cuda_graph=off").whole_step_ms,
        products(text, device),
        1000 * needed_bytes(text) / copied_bytes_per_second(device),
        1000 * text.batch_size * text.num_steps / TOKENS_PER_SECOND[cell],
    )


def needed_bytes(text: Text) -> int:
    """Return the bytes that a step has to read and write at least, in 32-bit numbers.

    The forward and backward passes read the weights and write and read the activations; the update
    reads and writes weights and gradients.
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

    target.copy_(source)
    return 2 * (_MEBIBYTES << 20) / median_seconds(lambda: target.copy_(source), device)
