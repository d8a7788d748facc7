"""A whole run computes what the chapter's own loop does, written out in plain PyTorch."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from conftest import SMALL_LM
from expect import Command
from seqlab.data.partition import SequentialLoader
from seqlab.data.sample_story import SampleStoryData
from seqlab.models.recurrent import RecurrentNetwork
from seqlab.runs.folder.run_folder import RunFolder


@pytest.mark.parametrize("carried", [True, False])
def test_language_model_follows_the_chapters_loop(train: Command, carried: bool) -> None:
    words = [*SMALL_LM, "trainer.max_epochs=4", f"data.carry_state={str(carried).lower()}"]
    assert train(*words, "hydra.run.dir=run").code == 0
    reported = [value for _, value in RunFolder("run").read_metrics()["train/perplexity"]]

    data = SampleStoryData(preprocessing="joined", max_tokens=3000, num_steps=20, batch_size=8)
    data.setup()
    assert data.vocabulary is not None
    size = len(data.vocabulary)
    torch.manual_seed(0)
    network = RecurrentNetwork(size, hidden_size=16)
    optimizer = torch.optim.SGD(network.parameters(), lr=1)
    batches = SequentialLoader(data.parts["train"], 8, 20, seed=0)
    for perplexity in reported:
        state, total, count = None, 0.0, 0
        for inputs, targets, _ in batches:
            state = state.detach() if state is not None and carried else None
            one_hot = F.one_hot(inputs.T, size).float()
            hidden, state = network.recurrent(one_hot, state)
            logits = network.head(hidden.reshape(-1, 16))
            loss = F.cross_entropy(logits, targets.T.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1)
            optimizer.step()
            total += loss.item() * targets.numel()
            count += targets.numel()
        assert perplexity == pytest.approx(math.exp(total / count), rel=1e-5)
