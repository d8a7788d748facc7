"""result.json: what came out of a run, and under which circumstances."""

import time
from typing import TYPE_CHECKING, Any

from seqlab.runs import provenance
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.resumption import ResumePoint, warn_of_another_machine
from seqlab.system.errors import described
from seqlab.system.masking import masked

if TYPE_CHECKING:
    from seqlab.runs.experiment import Experiment


class Record:
    """Keeps result.json up to date.

    Args:
        experiment: what runs.
        folder: where the file lies.
        overrides: what was typed.
        warnings: a list that grows as the run goes on.
        earlier: the result of the part of the run before an interruption; may be empty.
        point: where the run goes on.
    """

    def __init__(
        self,
        experiment: "Experiment",
        folder: RunFolder,
        overrides: list[str],
        warnings: list[str],
        earlier: dict[str, Any],
        point: ResumePoint | None,
    ) -> None:
        self.experiment = experiment
        self.folder = folder
        self.warnings = warnings
        self.earlier_warnings = earlier.get("warnings", [])
        self.earlier_metrics = {} if point is None else point.metrics
        self.earlier_epochs = 0 if point is None else point.epochs
        self.earlier_steps = 0 if point is None else point.steps
        self.earlier_s = earlier.get("duration_s", 0.0)
        self.started = time.perf_counter()
        config = experiment.config
        self.fixed = {
            "experiment": config["name"],
            "seed": config["seed"],
            "overrides": [*earlier.get("overrides", []), *overrides],
            "device": provenance.device_names(experiment.trainer.strategy),
            "fingerprint": provenance.fingerprint(config),
            "versions": provenance.versions(),
            "git": provenance.git(),
        }
        if point is not None:
            warn_of_another_machine(earlier, self.fixed)

    def write(
        self,
        status: str,
        metrics: dict[str, float] | None = None,
        error: BaseException | None = None,
    ) -> dict[str, Any]:
        """Write and return the result as it stands."""
        trainer, module = self.experiment.trainer, self.experiment.module
        progress: Any = trainer.fit_loop.epoch_progress.current
        # An epoch at whose end something fails is not done; one that is only stopped there is.
        done = trainer.current_epoch if status == "failed" else progress.processed
        unit = module.sample_unit
        metrics = metrics or self.earlier_metrics
        result = {
            "status": status,
            **self.fixed,
            "metrics": metrics,
            "epochs": max(done, self.earlier_epochs),
            "steps": max(trainer.global_step, self.earlier_steps),
            "parameters": sum(p.numel() for p in module.parameters()),
            "duration_s": round(self.earlier_s + time.perf_counter() - self.started, 3),
            "throughput": metrics.get(f"train/{unit}_per_second"),
            "throughput_unit": f"{unit}/s",
            "sees_future": getattr(module.network, "sees_future", False),
            "warnings": list(dict.fromkeys([*self.earlier_warnings, *self.warnings])),
            "error": described(error),
        }
        for callback in trainer.checkpoint_callbacks:
            if best_epoch := getattr(callback, "best_epoch", 0):
                result["best_epoch"] = best_epoch
        self.folder.write_result(masked(result))
        return result
