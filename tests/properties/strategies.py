"""What the property tests draw from, and how: the same examples every time, without a clock."""

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import settings
from hypothesis import strategies as st

from seqlab.data.loader import BatchLoader
from seqlab.data.partition import EvaluationLoader, RandomLoader, SequentialLoader
from seqlab.data.series import WindowLoader, windows
from seqlab.system.errors import UserError

settings.register_profile(
    "seqlab", derandomize=True, deadline=None, print_blob=True, max_examples=100, database=None
)
settings.load_profile("seqlab")

SEEDS = st.integers(0, 2**32 - 1)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
"""Whatever can stand in a UTF-8 file: any character but lone surrogates."""
PIECES = st.sampled_from(
    (
        *("a", "B", "word", "Another", "incomprehensibilities", "<unk>", "é", "新", "\U0010ffff"),
        *(" ", "  ", ".", "-", "\t", "\xa0", "\u3000", "\0", "İ", "ﬃ", "\ufeff", "ß", "e\u0301"),
        *("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\u2028", "\u2029"),
        *("👩\u200d👩\u200d👧", "Σ", "ΟΔΟΣ", "नमस्ते", "Ж", "й", "\u200c", "\u0301", "ﷺ", "Ⱥ", "𐐀"),
    )
)
ANY = st.lists(PIECES | TEXTS, max_size=12).map("".join)
"""Texts, with what is hard in them more often than chance would have it."""
LEVELS = st.sampled_from(("char", "word"))
PREPROCESSING = st.sampled_from(("raw", "joined", "chapter", "joined_a_to_z"))


@st.composite
def training_loaders(draw: st.DrawFn) -> SequentialLoader | RandomLoader:
    """Draw a loader over the tokens 0, 1, 2, ...: a token's value is its place."""
    num_steps = draw(st.integers(1, 9))
    batch_size = draw(st.integers(1, 5))
    # As many as TextData asks for: one batch fits whatever the offset is.
    fewest = num_steps * (batch_size + 1)
    tokens = torch.arange(draw(st.integers(fewest, fewest + 80)))
    seed = draw(SEEDS)
    if draw(st.booleans()):
        return RandomLoader(tokens, batch_size, num_steps, seed)
    return SequentialLoader(tokens, batch_size, num_steps, seed, carried=draw(st.booleans()))


@st.composite
def evaluation_loaders(draw: st.DrawFn) -> EvaluationLoader:
    """Draw a loader that predicts every token but the first of 0, 1, 2, ... once."""
    tokens = torch.arange(draw(st.integers(2, 120)))
    sizes = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return EvaluationLoader(tokens, *sizes, carried=draw(st.booleans()))


@st.composite
def window_loaders(draw: st.DrawFn) -> WindowLoader:
    """Draw a loader of the windows of 0, 1, 2, ..., shuffled or in order."""
    tau = draw(st.integers(1, 8))
    series = torch.arange(draw(st.integers(tau + 1, tau + 60))).float()
    seed = draw(st.none() | SEEDS)
    return WindowLoader(windows(series, tau), draw(st.integers(1, 20)), seed)


def loaders() -> st.SearchStrategy[BatchLoader[Any]]:
    """Return a strategy for loaders of every kind."""
    return training_loaders() | evaluation_loaders() | window_loaders()


def refusal(call: Callable[[], Any]) -> UserError | None:
    """Return the refusal that a call ends with; nothing where it does not."""
    try:
        call()
    except UserError as error:
        return error
    return None


def same(one: Any, other: Any) -> bool:
    """Return whether two batches hold the same."""
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a, b) if torch.is_tensor(a) else a == b for a, b in pairs)
