"""The final state of a completed run, and its differences from another's."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqlab.runs.folder.checkpoint import checksum_file, read_checkpoint
from seqlab.runs.folder.run_folder import RunFolder, whole_lines


@dataclass
class FinalState:
    """The contents of a completed run's folder, excluding times and speeds."""

    weights: dict[str, dict[str, torch.Tensor]]
    table: list[dict[str, str]]
    samples: list[str]
    metrics: dict[str, float]
    counts: dict[str, Any]
    files: set[str]
    curves: dict[str, list[tuple[int, float]]]
    seconds: float = 0.0

    @classmethod
    def of(cls, run: RunFolder) -> "FinalState":
        """Read the folder of a completed run."""
        result = run.read_result()
        return cls(
            weights={file.name: _verified(file)["state_dict"] for file in (run.best, run.last)},
            table=[_without_speeds(row) for row in run.rows()],
            samples=whole_lines(run.samples),
            metrics=_without_speeds(result["metrics"]),
            counts={
                key: result.get(key)
                for key in ("status", "epochs", "steps", "best_epoch", "fingerprint", "error")
            },
            files=set(_files(run.path)),
            curves=_without_speeds(_curves(run)),
        )

    def differences(self, other: "FinalState") -> list[str]:
        """Return the differences in words."""
        found = [
            f"{file}: {name} differs"
            for file, weights in self.weights.items()
            for name, tensor in weights.items()
            if not torch.equal(tensor, other.weights[file].get(name, torch.empty(0)))
        ]
        for what in ("table", "samples", "metrics", "counts"):
            mine, its = getattr(self, what), getattr(other, what)
            if mine != its:
                found.append(f"{what} differs: {_first_difference(mine, its)}")
        # A power cut may take points of a curve; a resumed run writes none twice, nor another one.
        for tag, points in other.curves.items():
            steps = [step for step, _ in points]
            if not set(points) <= set(self.curves.get(tag, [])) or len(set(steps)) < len(steps):
                found.append(f"curve {tag}: {self.curves.get(tag)} became {points}")
        more = {name for name in other.files - self.files if not name.endswith(".damaged")}
        return found + [f"{name} was left behind" for name in sorted(more)]


def _verified(file: Path) -> dict[str, Any]:
    """Return a checkpoint after verifying its checksum."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    noted = checksum_file(file).read_text().split(" ")[0]
    assert noted == digest, f"{file.name} does not match its checksum"
    return read_checkpoint(file)


def _curves(run: RunFolder) -> dict[str, list[tuple[int, float]]]:
    """Return the points of each curve, as TensorBoard shows them."""
    events = EventAccumulator(str(run.tensorboard), size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [(scalar.step, scalar.value) for scalar in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def _first_difference(expected: Any, found: Any) -> str:
    if isinstance(expected, dict):
        keys = [key for key in expected | found if expected.get(key) != found.get(key)]
        return f"{keys[0]}: {expected.get(keys[0])} became {found.get(keys[0])}"
    for number, (mine, its) in enumerate(zip(expected, found, strict=False)):
        if mine != its:
            return f"row {number}: {mine} became {its}"
    return f"{len(expected)} rows became {len(found)}"


def _without_speeds(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.endswith("_per_second")}


def _files(folder: Path) -> Iterator[str]:
    """Yield the names of a run's files; event files, which are named by time, share one name."""
    for file in folder.rglob("*"):
        if file.is_file():
            name = str(file.relative_to(folder))
            yield "tensorboard/events" if name.startswith("tensorboard/") else name
