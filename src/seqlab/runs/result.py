"""result.json: what came out of a run, and under which circumstances."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqlab.runs import provenance
from seqlab.runs.folder.lock import check_there
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.resumption import warn_of_another_machine
from seqlab.runs.start import Start
from seqlab.system.errors import described
from seqlab.system.masking import masked


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        epochs: complete epochs.
        steps: optimizer steps.
        parameters: number of the model's parameters.
        sample_unit: what its speed is counted in: `tokens` or `windows`.
        sees_future: whether its network sees what it predicts.
        best_epoch: the epoch of best.ckpt; 0: there is none.
        stopped: what ended the training before its last epoch, a clause; `None`: nothing has.
    """

    epochs: int
    steps: int
    parameters: int
    sample_unit: str
    sees_future: bool
    best_epoch: int
    stopped: str | None = None


def circumstances(config: Mapping[str, Any], overrides: list[str], device: str) -> dict[str, Any]:
    """Return what a result says of how it was computed.

    Args:
        config: the resolved configuration, plain values.
        overrides: as typed.
        device: in words.
    """
    return {
        "experiment": config["name"],
        "seed": config["seed"],
        "overrides": overrides,
        **({"again": config["again"]} if config.get("again") else {}),
        "device": device,
        "fingerprint": provenance.fingerprint(config),
        "versions": provenance.versions(),
        "git": provenance.git(),
    }


class ResultFile:
    """Keeps result.json up to date.

    Args:
        folder: where the file lies.
        fixed: what `circumstances` returned.
        start: where the run starts; what its earlier part recorded is continued.
        warnings: a list that grows as the run proceeds.
    """

    def __init__(
        self, folder: RunFolder, fixed: dict[str, Any], start: Start, warnings: list[str]
    ) -> None:
        self._folder = folder
        self._warnings = warnings
        self._earlier = start.earlier
        self._point = start.point
        self._stopped = start.stopped
        self._extended = list(self._earlier.get("extended", []))
        if start.extends and start.point is not None:
            at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            self._extended.append({"after_epoch": start.point.epochs, "at": at})
        self._started = time.perf_counter()
        overrides = [*self._earlier.get("overrides", []), *fixed["overrides"]]
        self.fixed = fixed | {"overrides": overrides}
        if start.point is not None:
            warn_of_another_machine(self._earlier, self.fixed)

    def write(
        self,
        status: str,
        progress: Progress,
        metrics: dict[str, float] | None = None,
        error: BaseException | None = None,
    ) -> dict[str, Any]:
        """Write and return the result as it stands.

        Args:
            status: `running`, `completed`, `interrupted` or `failed`.
            progress: how far the training has come since the start.
            metrics: the latest value of each; none yet: those of the earlier part.
            error: what ended the run.

        Raises:
            FolderGone: the run folder was deleted since the run began.
        """
        check_there(self._folder.path)
        point, unit = self._point, progress.sample_unit
        metrics = metrics or ({} if point is None else point.metrics)
        duration_s = self._earlier.get("duration_s", 0.0) + time.perf_counter() - self._started
        result = {
            "status": status,
            **self.fixed,
            "metrics": metrics,
            "epochs": max(progress.epochs, 0 if point is None else point.epochs),
            "steps": max(progress.steps, 0 if point is None else point.steps),
            "parameters": progress.parameters,
            "duration_s": round(duration_s, 3),
            "throughput": metrics.get(f"train/{unit}_per_second"),
            "throughput_unit": f"{unit}/s",
            "sees_future": progress.sees_future,
            "warnings": list(dict.fromkeys([*self._earlier.get("warnings", []), *self._warnings])),
            "error": described(error),
        }
        if progress.best_epoch:
            result["best_epoch"] = progress.best_epoch
        if stopped := progress.stopped or self._stopped:
            result["stopped_early"] = stopped
        if self._extended:
            result["extended"] = self._extended
        self._folder.write_result(masked(result))
        return result
