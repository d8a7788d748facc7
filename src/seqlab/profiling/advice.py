"""What to do about a phase that takes much of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqlab.profiling import phases
from seqlab.profiling.clock import Row


@dataclass(frozen=True)
class Remedy:
    """What shortens a phase.

    Attributes:
        share: of the whole run, from which on it is worth saying.
        text: one sentence; `{}` stands for the overrides, in order.
        overrides: what to type. A value `*N` is the run's own, N times as large, `/N` its Nth part.
        task: of the data that it is for; `None`: any.
    """

    share: float
    text: str
    overrides: tuple[str, ...] = ()
    task: str | None = None


_LARGER_BATCHES = ("data.batch_size=*2",)
_LANGUAGE, _SERIES = "language_model", "forecasting"

REMEDIES: dict[str, tuple[Remedy, ...]] = {
    phases.START_UP: (
        Remedy(
            0.3,
            "every process pays this once; several runs as one sweep, -m {}, start from a process "
            "that has imported everything",
            ("seed=1,2,3",),
        ),
    ),
    phases.DATA: (
        Remedy(
            0.2,
            "the text is read and encoded; {} takes less of it, and a token file is read in no "
            "time (docs/data.md)",
            ("data.max_tokens=100000",),
            _LANGUAGE,
        ),
    ),
    phases.BATCHES: (
        Remedy(0.15, "fewer and larger batches are handed out faster: {}", _LARGER_BATCHES),
    ),
    phases.OPTIMIZER: (
        Remedy(0.2, "a step costs the same for any batch: {} makes fewer", _LARGER_BATCHES),
    ),
    phases.GRADIENTS: (
        Remedy(0.15, "norm and clipping cost the same for any batch: {}", _LARGER_BATCHES),
    ),
    phases.REST: (
        Remedy(
            0.2,
            "the steps are so short that what lies between them counts: {} makes fewer (another "
            "training: try another optimizer.lr with it)",
            _LARGER_BATCHES,
        ),
    ),
    phases.VALIDATION: (
        Remedy(
            0.2,
            "validate less often, {}, or on a part, {}",
            ("trainer.check_val_every_n_epoch=*5", "trainer.limit_val_batches=0.2"),
        ),
    ),
    phases.TEST: (Remedy(0.2, "score a part: {}", ("trainer.limit_test_batches=0.2",)),),
    "callbacks.checkpoints": (
        Remedy(
            0.1,
            "write last.ckpt less often, {}; best.ckpt is written at each improvement all the same",
            ("callbacks.checkpoints.every_n_epochs=*10",),
        ),
    ),
    "callbacks.samples": (
        Remedy(
            0.1,
            "less often, {}, or shorter, {}",
            ("callbacks.samples.every_n_epochs=*5", "callbacks.samples.num_tokens=20"),
            _LANGUAGE,
        ),
    ),
    "callbacks.forecasts": (
        Remedy(
            0.1,
            "fewer steps ahead, {}, or none of it, {}",
            ("callbacks.forecasts.horizons=[1,4]", "~callbacks.forecasts"),
            _SERIES,
        ),
    ),
    "callbacks.curves": (Remedy(0.1, "a figure at the end; none with {}", ("~callbacks.curves",)),),
    "callbacks.progress": (Remedy(0.1, "do without it: {}", ("~callbacks.progress",)),),
    "logger.tensorboard": (Remedy(0.1, "write metrics.csv alone: {}", ("logger=csv",)),),
}
_OF_THE_MODEL = 0.4
MODEL_ON_CPU = Remedy(
    _OF_THE_MODEL,
    "this is the model's own work; a smaller one, {}, fewer and larger products, {}, or a GPU, {}, "
    "take less",
    ("model.hidden_size=/2", *_LARGER_BATCHES, "trainer.accelerator=gpu"),
    _LANGUAGE,
)
MODEL_ON_GPU = Remedy(
    _OF_THE_MODEL,
    "this is the model's own work; a smaller one, {}, fewer and larger products, {}, or lower "
    "precision, {}, take less; here every phase waited for its kernels, which otherwise run "
    "behind the program",
    ("model.hidden_size=/2", *_LARGER_BATCHES, "trainer.precision=bf16-mixed"),
)
SMALL_MODEL = Remedy(
    _OF_THE_MODEL,
    "this is the model's own work; fewer steps with larger batches, {}, cost less where the "
    "network is small",
    _LARGER_BATCHES,
    _SERIES,
)


def advise(
    rows: Sequence[Row], config: Mapping[str, Any], *, on_gpu: bool = False
) -> dict[str, str]:
    """Return a sentence for each phase that takes enough of the run to be worth one.

    Args:
        rows: what the phases took.
        config: the run's resolved configuration.
        on_gpu: whether it trained on one.
    """
    task = config["data"].get("task")
    said: dict[str, str] = {}
    for row in rows:
        for remedy in REMEDIES.get(row.phase, ()):
            if row.share >= remedy.share and remedy.task in (None, task):
                said[row.phase] = _sentence(remedy, config)
    both = [row for row in rows if row.phase in (phases.FORWARD, phases.BACKWARD)]
    if sum(row.share for row in both) >= _OF_THE_MODEL:
        larger = max(both, key=lambda row: row.seconds)
        for remedy in (MODEL_ON_GPU,) if on_gpu else (MODEL_ON_CPU, SMALL_MODEL):
            if remedy.task in (None, task):
                said[larger.phase] = f"forward and backward: {_sentence(remedy, config)}"
    return {phase: text for phase, text in said.items() if text}


def overrides_of(remedy: Remedy, config: Mapping[str, Any]) -> list[str] | None:
    """Return what a remedy says to type, `None` where the run has not all of these keys."""
    overrides = []
    for override in remedy.overrides:
        key, equals, value = override.partition("=")
        node: Any = config
        for part in key.lstrip("~").split("."):
            if not isinstance(node, Mapping) or part not in node:
                return None
            node = node[part]
        if value.startswith("*"):
            value = str((node or 1) * int(value[1:]))
        elif value.startswith("/"):
            value = str(max((node or 1) // int(value[1:]), 1))
        overrides.append(f"{key}{equals}{value}")
    return overrides


def _sentence(remedy: Remedy, config: Mapping[str, Any]) -> str:
    overrides = overrides_of(remedy, config)
    if overrides is None:
        return ""
    # A shell would take a tilde at a word's beginning for somebody's home.
    return remedy.text.format(*(f"'{o}'" if o[0] == "~" else o for o in overrides)) + "."
