"""What two runs have in common that compute the same: tables, weights and samples."""

from pathlib import Path

import torch
from torch import Tensor

from expect import rows_of
from seqlab.runs.folder.run_folder import RunFolder, whole_lines


def table(run: RunFolder) -> list[dict[str, str]]:
    """Return the metrics without speeds, which no two runs share."""
    return [
        {name: value for name, value in row.items() if not name.endswith("_per_second")}
        for row in rows_of(run.metrics)
    ]


def weights(file: Path) -> dict[str, Tensor]:
    """Return the weights in a checkpoint."""
    return torch.load(file, weights_only=True)["state_dict"]


def assert_same(run: RunFolder, other: RunFolder, *checkpoints: str) -> None:
    """Assert that two runs ended with the same metrics, of every epoch, and the same weights."""
    assert table(run) == table(other)
    for name in checkpoints or ("last",):
        found, wanted = (weights(getattr(each, name)) for each in (run, other))
        assert found.keys() == wanted.keys()
        for key, tensor in wanted.items():
            assert torch.equal(found[key], tensor), f"{name}: {key}"


def ends_like(run: RunFolder, whole: RunFolder) -> None:
    """Assert that two runs ended with the same weights, metrics and samples, bit for bit."""
    result, expected = run.read_result(), whole.read_result()
    assert (result["status"], result["error"]) == ("completed", None)
    for key in ("epochs", "steps", "best_epoch", "fingerprint"):
        assert result[key] == expected[key], key
    assert_same(run, whole, "last", "best")
    found, wanted = (
        {name: value for name, value in each["metrics"].items() if "per_second" not in name}
        for each in (result, expected)
    )
    assert found == wanted
    assert whole_lines(run.samples) == whole_lines(whole.samples)
