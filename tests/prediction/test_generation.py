"""Generation: how the next token is chosen, and what a network is fed."""

import inspect
import math
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqlab.models.recurrent import RecurrentNetwork
from seqlab.prediction.generation import Sampling, choose, generate, probabilities

LOGITS = torch.tensor([4.0, 2.0, 1.0, 1.0]).log()
"""Probabilities 1/2, 1/4, 1/8 and 1/8."""


def chances(**options: Any) -> list[float]:
    return probabilities(LOGITS, Sampling(greedy=False, **options)).tolist()


def drawn(seed: int, num: int = 20, **options: Any) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    sampling = Sampling(greedy=False, **options)
    return [choose(LOGITS, sampling, generator) for _ in range(num)]


class Counter(nn.Module):
    """Prefers the token after the last one, and notes what it is fed."""

    def __init__(self, vocabulary_size: int = 5) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(3.0))
        self.vocabulary_size = vocabulary_size
        self.fed: list[tuple[list[list[int]], int | None]] = []
        self.graphs: list[bool] = []

    def forward(self, tokens: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        self.fed.append((tokens.tolist(), None if state is None else int(state)))
        self.graphs.append(torch.is_grad_enabled())
        following = nn.functional.one_hot((tokens + 1) % self.vocabulary_size, self.vocabulary_size)
        seen = torch.tensor(0) if state is None else state
        return self.scale * following, seen + tokens.shape[1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1 / 2, 1 / 4, 1 / 8, 1 / 8]),
        ({"temperature": 0.5}, [16 / 22, 4 / 22, 1 / 22, 1 / 22]),
        ({"temperature": 2.0}, [x / (4 + math.sqrt(2)) for x in (2, math.sqrt(2), 1, 1)]),
        ({"temperature": 1e6}, [1 / 4] * 4),
        ({"temperature": 1e-3}, [1, 0, 0, 0]),
        ({"top_k": 1}, [1, 0, 0, 0]),
        ({"top_k": 2}, [2 / 3, 1 / 3, 0, 0]),
        ({"top_k": 4}, [1 / 2, 1 / 4, 1 / 8, 1 / 8]),
        ({"top_k": 9}, [1 / 2, 1 / 4, 1 / 8, 1 / 8]),
        ({"top_p": 0.01}, [1, 0, 0, 0]),
        ({"top_p": 0.4}, [1, 0, 0, 0]),
        ({"top_p": 0.6}, [2 / 3, 1 / 3, 0, 0]),
        ({"top_p": 0.8}, [4 / 7, 2 / 7, 1 / 7, 0]),
        ({"top_p": 0.9}, [1 / 2, 1 / 4, 1 / 8, 1 / 8]),
        ({"top_p": 1.0}, [1 / 2, 1 / 4, 1 / 8, 1 / 8]),
        ({"top_p": 0.55}, [2 / 3, 1 / 3, 0, 0]),
        ({"top_p": 0.55, "top_k": 3}, [1, 0, 0, 0]),
        ({"temperature": 0.5, "top_p": 0.7}, [1, 0, 0, 0]),
        ({"temperature": 0.5, "top_k": 2}, [4 / 5, 1 / 5, 0, 0]),
    ],
)
def test_probabilities_by_hand(options: dict[str, Any], expected: list[float]) -> None:
    assert chances(**options) == pytest.approx(expected, abs=1e-6)


def test_top_p_keeps_the_fewest_tokens_that_reach_p() -> None:
    uniform = probabilities(torch.zeros(4), Sampling(greedy=False, top_p=0.5))
    assert uniform.tolist() == [0.5, 0.5, 0.0, 0.0]


def test_the_order_of_the_tokens_does_not_matter() -> None:
    order = torch.tensor([3, 0, 2, 1])
    sampling = Sampling(greedy=False, top_p=0.6)
    shuffled = probabilities(LOGITS[order], sampling)
    assert torch.equal(shuffled, probabilities(LOGITS, sampling)[order])


def test_probabilities_of_extreme_logits_are_numbers() -> None:
    logits = torch.tensor([1e4, 0.0, -1e4])
    sampling = Sampling(greedy=False, temperature=0.1, top_k=2, top_p=0.9)
    assert probabilities(logits, sampling).tolist() == [1.0, 0.0, 0.0]


def test_greedy_takes_the_most_likely_token_and_ignores_the_rest() -> None:
    assert choose(torch.tensor([0.0, 3.0, 2.0]), Sampling()) == 1
    flat = Sampling(greedy=True, temperature=1e6, top_k=3, top_p=0.99)
    assert {choose(torch.tensor([0.0, 3.0, 2.0]), flat) for _ in range(20)} == {1}


def test_temperature_zero_is_greedy() -> None:
    assert drawn(0, temperature=0.0) == [0] * 20


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"top_p": 0.3}, {"temperature": 1e6}])
def test_a_token_that_is_never_to_be_chosen_is_not(options: dict[str, Any]) -> None:
    assert choose(LOGITS, Sampling(never=0)) == 1
    assert 0 not in drawn(0, never=0, **options)
    assert 0 in drawn(0, **options)
    assert LOGITS[0] > LOGITS[1]
    only = torch.tensor([1.0])
    assert [choose(only, Sampling(greedy, never=0)) for greedy in (True, False)] == [0, 0]


def test_a_seeded_generator_makes_it_reproducible() -> None:
    torch.manual_seed(0)
    first = drawn(1)
    torch.manual_seed(1)
    assert drawn(1) == first
    assert drawn(2) != first


@pytest.mark.parametrize("options", [{}, {"temperature": 2.0}, {"top_k": 2}, {"top_p": 0.8}])
def test_tokens_are_drawn_as_often_as_they_should(options: dict[str, Any]) -> None:
    tokens = drawn(0, 4000, **options)
    for token, chance in enumerate(chances(**options)):
        deviation = math.sqrt(chance * (1 - chance) / 4000)
        assert tokens.count(token) / 4000 == pytest.approx(chance, abs=4 * deviation)


def test_generate_feeds_the_prefix_from_a_zero_state_and_then_each_token() -> None:
    network = Counter()
    assert list(generate(network, [0, 3], 4)) == [4, 0, 1, 2]
    assert network.fed == [([[0, 3]], None), ([[4]], 2), ([[0]], 3), ([[1]], 4)]


def test_every_call_starts_from_a_zero_state() -> None:
    network = Counter()
    assert list(generate(network, [1], 2)) == list(generate(network, [1], 2)) == [2, 3]
    assert [state for _, state in network.fed] == [None, 1, None, 1]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_generate_equals_stepping_by_hand(cell: str) -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(11, cell=cell, hidden_size=8, num_layers=2, init_std=1.0).eval()
    prefix, expected = [3, 1, 4, 1, 5], []
    state = None
    with torch.no_grad():
        for token in prefix:
            logits, state = network(torch.tensor([[token]]), state)
        for _ in range(15):
            token = int(logits[0, -1].argmax())
            expected.append(token)
            logits, state = network(torch.tensor([[token]]), state)
    assert list(generate(network, prefix, 15)) == expected
    assert len(set(expected)) > 1


def test_generate_samples_as_asked_for() -> None:
    def text(seed: int, **options: Any) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        sampling = Sampling(greedy=False, **options)
        return list(generate(Counter(), [0], 30, sampling, generator))

    greedy = [(token + 1) % 5 for token in range(30)]
    assert text(1) == text(1)
    assert text(1) != text(2)
    assert text(1, temperature=2.0) != greedy
    assert text(1, top_k=1) == text(2, top_p=0.1) == greedy


def test_generate_streams() -> None:
    network = Counter()
    tokens = generate(network, [0], 10**9)
    assert inspect.isgenerator(tokens)
    assert network.fed == []
    assert list(islice(tokens, 3)) == [1, 2, 3]
    assert len(network.fed) == 3
    assert network.graphs == [False] * 3
    assert torch.is_grad_enabled()


def test_no_tokens_asked_for_no_tokens_made() -> None:
    assert list(generate(Counter(), [0], 0)) == []


def test_an_empty_prefix_is_refused() -> None:
    with pytest.raises(ValueError, match="the prefix is empty"):
        list(generate(Counter(), [], 3))


def test_a_network_that_sees_the_future_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bidirectional.*which do not exist yet"):
        list(generate(RecurrentNetwork(5, hidden_size=3, bidirectional=True), [0], 3))
