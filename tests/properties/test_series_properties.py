"""Windows of a series, and splits that never share a value, for any sizes."""

import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from seqlab.data.series import WindowLoader, windows
from seqlab.data.sine import SineData
from strategies import SEEDS, refusal, window_loaders


@given(st.integers(1, 10), st.integers(1, 60))
def test_window_holds_tau_consecutive_values_and_the_next_is_its_target(
    tau: int, count: int
) -> None:
    pairs = windows(torch.arange(tau + count).float(), tau)
    assert pairs.size == count
    for start, (window, target) in enumerate(zip(pairs.inputs, pairs.targets, strict=True)):
        assert window.tolist() == list(range(start, start + tau))
        assert target.item() == start + tau


@given(window_loaders())
def test_every_window_comes_once_an_epoch(loader: WindowLoader) -> None:
    for _ in range(3):
        batches = list(loader)
        assert len(batches) == len(loader)
        assert all(batch.size == loader.batch_size for batch in batches[:-1])
        assert 1 <= batches[-1].size <= loader.batch_size
        targets = torch.cat([batch.targets for batch in batches])
        inputs = torch.cat([batch.inputs for batch in batches])
        assert torch.equal(targets.sort().values, loader.pairs.targets)
        assert torch.equal(inputs[:, -1] + 1, targets)
        if loader.seed is None:
            assert torch.equal(targets, loader.pairs.targets)


@st.composite
def sines(draw: st.DrawFn) -> SineData:
    return SineData(
        length=draw(st.integers(2, 150)),
        noise=0.2,
        tau=draw(st.integers(1, 8)),
        num_train=draw(st.integers(1, 60)),
        num_val=draw(st.none() | st.integers(0, 40)),
        batch_size=draw(st.integers(1, 8)),
        seed=draw(SEEDS),
    )


@given(sines())
def test_no_value_is_in_two_parts_and_every_window_asked_for_is_there(data: SineData) -> None:
    if refused := refusal(data.setup):
        assert str(refused).startswith("data.")
        assert refused.hint.startswith("Use data.")
        return
    assert len(data.parts["train"]) == data.num_train + data.tau
    joined = torch.cat([data.parts[n] for n in ("train", "val", "test") if n in data.parts])
    start = data.parts["train"].data_ptr()
    for part in data.parts.values():  # consecutive views of one series
        assert part.data_ptr() == start
        start += part.numel() * part.element_size()
    assert torch.equal(joined, data.series[: len(joined)])
    assert len(data.series) - len(joined) <= data.tau, "what is left is too short for a window"
    if data.num_val:
        assert windows(data.parts["val"], data.tau).size == data.num_val
    if data.num_val == 0:
        assert "val" not in data.parts


@given(sines())
def test_what_a_refusal_advises_is_accepted(data: SineData) -> None:
    refused = refusal(data.setup)
    assume(refused is not None)
    assert refused is not None
    key, _, rest = refused.hint.removeprefix("Use data.").partition("=")
    advised = int(rest.split()[0].rstrip(","))
    assume(advised >= 1)
    setattr(data, key, advised)
    if key == "tau":
        data.num_train = 1
    another = refusal(data.setup)
    assert not str(another).startswith(f"data.{key}="), (refused.hint, str(another))
