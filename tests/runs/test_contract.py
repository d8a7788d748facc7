"""What own data sets and networks are told when they do not keep to their contract."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conftest import Outcome
from expect import refusal, refused
from seqlab.batch import IGNORED, SeriesBatch, TokenBatch
from seqlab.data.series import SeriesData
from seqlab.data.text import TextData
from seqlab.models.mlp import MLP
from seqlab.models.recurrent import RecurrentNetwork
from seqlab.runs.contract import check_data, check_network

SERIES = {"data": {"task": "forecasting", "_target_": "own.Data"}}
TEXT = {"data": {"task": "language_model", "_target_": "own.Data"}}
MODEL = {"model": {"_target_": "own.Net"}}
TOKENS = TokenBatch(
    torch.zeros(3, 4, dtype=torch.int64), torch.zeros(3, 4, dtype=torch.int64), False
)
WINDOWS = SeriesBatch(torch.zeros(3, 4), torch.zeros(3))


class Network(nn.Module):
    """Answers with what it is told to; notes what it was given."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        super().__init__()
        self.answer = answer
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("calls", torch.zeros(1))
        self.seen: list[Any] = []

    def forward(self, *given: Any) -> Any:
        self.calls += 1
        self.seen.append((given, self.training, torch.rand(1)))
        return self.answer(*given)


def logits(tokens: Tensor, vocabulary_size: int = 5) -> Tensor:
    return torch.zeros(*tokens.shape, vocabulary_size)


def language_model(answer: Callable[..., Any], vocabulary_size: int | None = 5) -> Network:
    network = Network(answer)
    config = {"model": MODEL["model"] | {"task": "language_model"}}
    check_network(config, network, TOKENS, vocabulary_size)
    return network


def forecaster(answer: Callable[..., Any]) -> None:
    config = {"model": MODEL["model"] | {"task": "forecasting"}}
    check_network(config, Network(answer), WINDOWS, None)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (lambda tokens, state: logits(tokens), "(2, 4, 5) float32"),
        (lambda tokens, state: [logits(tokens)], "((2, 4, 5) float32)"),
        (lambda tokens, state: (logits(tokens), state, 1), "((2, 4, 5) float32, None, a int)"),
        (lambda tokens, state: (None, state), "(None, None)"),
        (lambda tokens, state: (logits(tokens, 7), state), "((2, 4, 7) float32, None)"),
        (lambda tokens, state: (logits(tokens.T), state), "((4, 2, 5) float32, None)"),
        (lambda tokens, state: {"logits": tokens}, "a dict"),
    ],
)
def test_language_model_that_returns_something_else_is_told_the_contract(
    answer: Callable[..., Any], found: str
) -> None:
    message = f"model (own.Net) returns {found} for inputs (2, 4) int64 and a vocabulary of 5"
    with refusal(message, "forward(tokens (B, T), state) has to return (logits (B, T, V), state)"):
        language_model(answer)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (lambda windows: windows[:, :1], "(2, 1) float32"),  # would be broadcast to (2, 2)
        (lambda windows: windows.sum(), "() float32"),
        (lambda windows: (windows[:, 0], None), "((2,) float32, None)"),
        (lambda windows: None, "None"),
    ],
)
def test_forecaster_that_returns_something_else_is_told_the_contract(
    answer: Callable[..., Any], found: str
) -> None:
    message = f"model (own.Net) returns {found} for inputs (2, 4) float32"
    with refusal(message, "forward(windows (B, tau)) has to return the next values (B,)."):
        forecaster(answer)


def test_network_is_asked_for_its_state_again() -> None:
    network = language_model(lambda tokens, state: [logits(tokens), torch.ones(1)])
    (first, _, _), (second, _, _) = network.seen
    assert first[1] is None
    assert second[1].tolist() == [1]


def test_state_that_the_network_cannot_read_again_is_named_with_file_and_line() -> None:
    def answer(tokens: Tensor, state: Tensor | None) -> Any:
        assert state is None, "no state for me"
        return logits(tokens), torch.ones(2, 3)

    message = "model (own.Net) cannot read a batch: AssertionError: no state for me"
    with refusal(message, "in answer. It was called with ((2, 4) int64, (2, 3) float32).") as told:
        language_model(answer)
    assert f"Raised in {__file__}, line {answer.__code__.co_firstlineno + 1}, in answer" in (
        told.value.hint
    )


def test_trying_a_network_leaves_no_trace() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    network = language_model(lambda tokens, state: (logits(tokens), state), None)
    assert torch.equal(torch.rand(1), expected)
    assert network.calls == 0
    assert network.training
    assert [training for _, training, _ in network.seen] == [False, False]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_networks_of_the_chapter_keep_to_the_contract(cell: str) -> None:
    config = {"model": MODEL["model"] | {"task": "language_model"}}
    check_network(config, RecurrentNetwork(5, cell=cell, hidden_size=3), TOKENS, 5)
    config = {"model": MODEL["model"] | {"task": "forecasting"}}
    check_network(config, MLP(4, hidden_size=3).double(), WINDOWS, None)


class Data:
    """A data set with one batch."""

    def __init__(self, batch: Any, *, size: int = 5, part: Tensor | None = None) -> None:
        self.batch, self.size = batch, size
        self.parts = {"train": torch.zeros(3, dtype=torch.int64) if part is None else part}

    series = tau = clean_series = training_pairs = vocabulary = prefixes = summary = None

    def describe(self) -> dict[str, int]:
        return {"vocabulary_size": self.size}

    def train_dataloader(self) -> list[Any]:
        return [self.batch]


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        ((1, 2), "a batch is (a int, a int)"),
        (WINDOWS, "a batch is a SeriesBatch"),
        (TOKENS._replace(inputs=torch.zeros(3)), "inputs (3,) float32, targets (3, 4) int64"),
        (TOKENS._replace(targets=TOKENS.targets[:, 1:]), "inputs (3, 4) int64, targets (3, 3) int"),
        (
            TOKENS._replace(targets=TOKENS.targets.int()),
            "inputs (3, 4) int64, targets (3, 4) int32",
        ),
        (TOKENS._replace(inputs=TOKENS.inputs + 5), "token 5 in a vocabulary of 5"),
        (TOKENS._replace(targets=TOKENS.targets - 1), "token -1 in a vocabulary of 5"),
    ],
)
def test_token_batch_of_other_shapes_or_values_is_told_the_contract(batch: Any, found: str) -> None:
    contract = "A TokenBatch has inputs and targets (B, T), both int64, from 0 to"
    with refusal(f"data (own.Data): {found}".replace(": inputs", ": a batch has inputs"), contract):
        check_data(TEXT, Data(batch))


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        (TOKENS, "a batch is a TokenBatch"),
        (WINDOWS._replace(targets=torch.zeros(3, 1)), "inputs (3, 4) float32, targets (3, 1)"),
        (WINDOWS._replace(inputs=torch.zeros(3, 4, 1)), "inputs (3, 4, 1) float32, targets (3,)"),
        (
            WINDOWS._replace(inputs=torch.zeros(3, 4).double()),
            "inputs (3, 4) float64, targets (3,)",
        ),
    ],
)
def test_series_batch_of_other_shapes_is_told_the_contract(batch: Any, found: str) -> None:
    with refusal(found, "A SeriesBatch has inputs (B, tau) and targets (B,), both float32."):
        check_data(SERIES, Data(batch))


def test_token_that_comes_later_than_the_first_batch_is_found() -> None:
    part = torch.tensor([0, 9, 1], dtype=torch.uint8)
    with refusal("data (own.Data): token 9 in a vocabulary of 5"):
        check_data(TEXT, Data(TOKENS, part=part))
    assert check_data(TEXT, Data(TOKENS, part=part, size=10)) is TOKENS


def test_target_that_counts_nowhere_is_no_token() -> None:
    batch = TOKENS._replace(targets=torch.full((3, 4), IGNORED))
    assert check_data(TEXT, Data(batch)) is batch


@pytest.mark.parametrize(
    ("config", "missing", "base"),
    [
        (SERIES, "tau", "seqlab.data.series.SeriesData"),
        (TEXT, "prefixes", "seqlab.data.text.TextData"),
    ],
)
def test_data_set_without_what_is_asked_of_it_is_told_the_name(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], missing: str, base: str
) -> None:
    monkeypatch.delattr(Data, missing)
    with refusal(f"data (own.Data) has no {missing}", f"Write it, or subclass {base}"):
        check_data(config, Data(None))


@pytest.mark.parametrize(
    ("series", "found", "remedy"),
    [
        (np.zeros(9), "Series.make_series returns a ndarray", "Return a tensor (T,), float32."),
        (torch.zeros(9).double(), "Series.make_series returns (9,) float64", "float32"),
        (torch.zeros(9, 1), "Series.make_series returns (9, 1) float32", "(T,)"),
        (
            torch.tensor([0, 1, torch.nan, 2, torch.inf]),
            "2 of 5 values are NaN or infinite, the first is at step 2",
            "Leave them out",
        ),
    ],
)
def test_series_that_cannot_be_trained_on_is_refused(series: Any, found: str, remedy: str) -> None:
    class Series(SeriesData):
        def make_series(self) -> Tensor:
            return series

    with refusal(found, remedy):
        Series(tau=1, num_train=1, num_val=None, batch_size=1, seed=0).setup()


def test_text_that_is_none_is_refused() -> None:
    class Text(TextData):
        def read(self) -> Any:
            return b"abc"

    with refusal("Text.read returns a bytes", "Return the whole text, a str."):
        Text().setup()


OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_inputs):
        super().__init__()
        self.head = nn.Linear(num_inputs + 1, 1)

    def forward(self, windows):
        return self.head(windows).squeeze(1)
"""


def test_whole_command_names_file_and_line_before_anything_is_started(
    train: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "contract_own.py").write_text(OWN)
    (tmp_path / "seqlab_project.py").write_text('from seqlab import allow\nallow("contract_own")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    before = sorted(tmp_path.iterdir())
    outcome = train("model._target_=contract_own.Net", "~model.hidden_size", "~model.num_layers")
    refused(
        outcome,
        "model (contract_own.Net) cannot read a batch: RuntimeError: mat1 and mat2 shapes",
        f"Raised in {tmp_path / 'contract_own.py'}, line 11, in forward.",
        "It was called with ((2, 4) float32). forward(windows (B, tau)) has to return",
    )
    assert [file for file in sorted(tmp_path.iterdir()) if file.name != "__pycache__"] == before
