"""`python -m seqlab generate RUN`: text from a trained language model, shown as it is made."""

import argparse

import torch

from seqlab.data.tokens.vocabulary import UNKNOWN, UNKNOWN_INDEX, Vocabulary
from seqlab.prediction.generation import Sampling
from seqlab.prediction.generation import generate as continuation
from seqlab.runs.trained import load_trained
from seqlab.system.errors import UserError
from seqlab.system.terminal import pour, say


def generate(options: argparse.Namespace) -> int:
    """Print prefix and continuation, one sample after the other."""
    sampling = _sampling(options)
    if options.prefix == "":
        raise UserError(
            "--prefix is empty: a language model needs a token to go on from",
            "Give some text: --prefix 'time traveller'.",
        )
    try:
        (options.prefix or "").encode()
    except UnicodeEncodeError:
        raise UserError("--prefix is not text in UTF-8", "Type it in a UTF-8 terminal.") from None
    # One token at a time is faster on a CPU than the launches of a GPU.
    device = "cpu" if options.device == "auto" else options.device
    trained = load_trained(options.run, options.checkpoint, device, task="language_model")
    if getattr(trained.module.network, "sees_future", False):
        raise UserError(
            "this model is bidirectional: it predicts a token from those after it, which do not "
            "exist yet while a text is being made",
            "Train one with model.bidirectional=false.",
        )
    vocabulary: Vocabulary = trained.data.vocabulary
    prefix = options.prefix if options.prefix is not None else trained.data.prefixes()[0]
    start = vocabulary.encode(vocabulary.split(prefix))
    if not start:
        raise UserError(
            f"--prefix {prefix!r} has no token in it", "Give some text: --prefix 'time traveller'."
        )
    missing = vocabulary.missing(prefix)
    if missing:
        listed = ", ".join(map(repr, missing))
        say(f"the vocabulary lacks {listed}: read as {UNKNOWN}", error=True)
    gap = "" if vocabulary.level == "char" else " "
    for number in range(options.num_samples):
        seed = options.seed + number
        if options.num_samples > 1:
            say(f"--- sample {number + 1}, seed {seed}")
        pour(prefix)
        generator = torch.Generator().manual_seed(seed)
        network = trained.module.network
        for token in continuation(network, start, options.num_tokens, sampling, generator):
            pour(gap + vocabulary.decode([token]))
        pour("\n")
    return 0


def _sampling(options: argparse.Namespace) -> Sampling:
    chosen = [
        f"--{name.replace('_', '-')}"
        for name in ("temperature", "top_k", "top_p")
        if getattr(options, name) is not None
    ]
    temperature = 1.0 if options.temperature is None else options.temperature
    greedy = "--greedy" if options.greedy else "--temperature 0" if temperature == 0 else None
    other = chosen[0] if options.greedy and chosen else "--num-samples"
    if greedy and (other != "--num-samples" or options.num_samples > 1):
        raise UserError(
            f"{greedy} and {other} exclude each other: greedy text has no chance in it",
            f"Leave out {greedy}, or {other}.",
        )
    for name, value, fits, allowed in (
        ("--temperature", temperature, 0 <= temperature < float("inf"), "at least 0"),
        ("--top-k", options.top_k, options.top_k is None or options.top_k >= 1, "at least 1"),
        (
            "--top-p",
            options.top_p,
            options.top_p is None or 0 < options.top_p <= 1,
            "above 0 and at most 1",
        ),
        ("--num-tokens", options.num_tokens, options.num_tokens >= 1, "at least 1"),
        ("--num-samples", options.num_samples, options.num_samples >= 1, "at least 1"),
        ("--seed", options.seed, 0 <= options.seed < 2**63, "at least 0"),
    ):
        if not fits:
            raise UserError(f"{name} {value}: must be {allowed}", "")
    never = None if options.unknown else UNKNOWN_INDEX
    return Sampling(greedy is not None, temperature, options.top_k, options.top_p, never)
