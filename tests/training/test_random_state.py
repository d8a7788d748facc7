"""Random generators go on exactly where their state was taken."""

import random

import numpy as np
import torch

from seqlab.training.random_state import random_state, seed_rank, set_random_state


def draws() -> list[float]:
    return [
        random.random(),
        random.gauss(0, 1),
        float(np.random.rand()),
        float(np.random.randn()),
        float(torch.rand(())),
        float(torch.randn(())),
    ]


def test_every_generator_goes_on_where_its_state_was_taken() -> None:
    for _ in range(3):
        draws()  # leaves the second half of a Gaussian pair in Python's and NumPy's generators
        state = random_state()
        expected = [draws() for _ in range(5)]
        assert expected[0] != expected[1]
        draws()
        set_random_state(state)
        assert [draws() for _ in range(5)] == expected


def test_state_is_plain_values(tmp_path: object) -> None:
    file = f"{tmp_path}/state.pt"
    state = random_state()
    expected = draws()
    torch.save(state, file)
    draws()
    set_random_state(torch.load(file, weights_only=True))
    assert draws() == expected


def test_each_process_of_a_run_draws_numbers_of_its_own() -> None:
    found = {}
    for place in [(0, 1, 0), (0, 2, 0), (1, 1, 0), (0, 1, 40)]:
        seed_rank(*place)
        found[place] = draws()
    for numbers in zip(*found.values(), strict=True):
        assert len(set(numbers)) == 4
    seed_rank(0, 1, 0)
    assert draws() == found[0, 1, 0]
