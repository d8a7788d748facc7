"""What to do about a phase that takes much of a run."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from seqlab.profiling import phases
from seqlab.profiling.clock import Row

_LANGUAGE, _SERIES = "language_model", "forecasting"
_OF_THE_MODEL = 0.4
_MISSING = object()


@dataclass(frozen=True)
class Remedy:
    """What shortens a phase.

    Attributes:
        share: of the whole run, from which on it is worth saying.
        why: what the time is spent on.
        options: what to do and the override that does it. A value `*N` is the run's own, N times
            as large, `/N` its Nth part.
        task: of the data that it is for; `None`: any.
    """

    share: float
    why: str
    options: tuple[tuple[str, str], ...]
    task: str | None = None


_LARGER_BATCHES = ("larger batches", "data.batch_size=*2")
_SMALLER_MODEL = ("a smaller model", "model.hidden_size=/2")

REMEDIES = {
    phases.START_UP: Remedy(
        0.3,
        "every process pays this once; jobs of a sweep start from one that has imported everything",
        (("several runs as one sweep", "-m seed=1,2,3"),),
    ),
    phases.DATA: Remedy(
        0.2,
        "reading and encoding the text; a token file needs neither (python -m seqlab help data)",
        (("less of it", "data.max_tokens=100000"),),
        _LANGUAGE,
    ),
    phases.BATCHES: Remedy(0.15, "a batch costs much the same, large or small", (_LARGER_BATCHES,)),
    phases.OPTIMIZER: Remedy(0.2, "a step costs the same for any batch", (_LARGER_BATCHES,)),
    phases.GRADIENTS: Remedy(
        0.15, "norm and clipping cost the same for any batch", (_LARGER_BATCHES,)
    ),
    phases.REST: Remedy(
        0.2, "the steps are so short that what lies between them counts", (_LARGER_BATCHES,)
    ),
    phases.VALIDATION: Remedy(
        0.2,
        "a pass over all held-out data each time",
        (
            ("validate less often", "trainer.check_val_every_n_epoch=*5"),
            ("on a part", "trainer.limit_val_batches=0.2"),
        ),
    ),
    phases.TEST: Remedy(
        0.2, "a pass over the test part", (("score some of it", "trainer.limit_test_batches=0.2"),)
    ),
    "callbacks.checkpoints": Remedy(
        0.1,
        "best.ckpt is written at each improvement, last.ckpt besides",
        (("the latter less often", "callbacks.checkpoints.every_n_epochs=*10"),),
    ),
    "callbacks.samples": Remedy(
        0.1,
        "text made while training",
        (
            ("less often", "callbacks.samples.every_n_epochs=*5"),
            ("shorter", "callbacks.samples.num_tokens=20"),
        ),
        _LANGUAGE,
    ),
    "callbacks.forecasts": Remedy(
        0.1,
        "forecasts after each validation, and their figures",
        (
            ("fewer steps ahead", "callbacks.forecasts.horizons=[1,4]"),
            ("none", "~callbacks.forecasts"),
        ),
        _SERIES,
    ),
    "callbacks.curves": Remedy(0.1, "a figure at the end", (("none", "~callbacks.curves"),)),
    "callbacks.progress": Remedy(0.1, "what is shown", (("nothing", "~callbacks.progress"),)),
    "logger.tensorboard": Remedy(0.1, "event files", (("metrics.csv alone", "logger=csv"),)),
}
MODEL_ON_CPU = Remedy(
    _OF_THE_MODEL,
    "forward and backward are the model's own work",
    (_SMALLER_MODEL, _LARGER_BATCHES, ("a GPU", "trainer.accelerator=gpu")),
    _LANGUAGE,
)
MODEL_ON_GPU = Remedy(
    _OF_THE_MODEL,
    "forward and backward are the model's own work; here each phase waited for its kernels, which "
    "without this profiler run behind the program",
    (_LARGER_BATCHES, _SMALLER_MODEL, ("lower precision", "trainer.precision=bf16-mixed")),
)
SMALL_MODEL = Remedy(
    _OF_THE_MODEL, "many small steps of forward and backward", (_LARGER_BATCHES,), _SERIES
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
    found = [(row.phase, remedy, row.share) for row in rows if (remedy := REMEDIES.get(row.phase))]
    both = [row for row in rows if row.phase in (phases.FORWARD, phases.BACKWARD)]
    if both:
        larger = max(both, key=lambda row: row.seconds).phase
        share = sum(row.share for row in both)
        of_model = (MODEL_ON_GPU,) if on_gpu else (MODEL_ON_CPU, SMALL_MODEL)
        found += [(larger, remedy, share) for remedy in of_model]
    task = config["data"].get("task")
    return {
        phase: f"{remedy.why}. Try {', or '.join(options)}."
        for phase, remedy, share in found
        if share >= remedy.share
        and remedy.task in (None, task)
        and (options := [f"{what}: {word}" for what, word in options_of(remedy, config)])
    }


def options_of(remedy: Remedy, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what to do and what to type, where the run has such a key and does not do it yet."""
    options = []
    for what, override in remedy.options:
        key, _, value = override.partition("=")
        current: Any = config
        for part in key.removeprefix("-m ").removeprefix("~").split("."):
            current = current.get(part, _MISSING) if isinstance(current, Mapping) else _MISSING
        scaled = value[:1] in ("*", "/")
        if scaled and isinstance(current, int):
            factor = int(value[1:])
            value = str(current * factor if value[0] == "*" else max(current // factor, 1))
            is_useful = value != str(current)
        else:
            is_useful = not scaled and current is not _MISSING and not _is_done(current, value)
        if is_useful:
            # A shell would take a tilde at a word's beginning for somebody's home.
            options.append((what, f"'{key}'" if key[0] == "~" else f"{key}={value}"))
    return options


def _is_done(current: Any, value: str) -> bool:
    """Return whether a key says so already, or is a limit that is lower still."""
    if isinstance(current, int | float):
        with suppress(ValueError):
            return float(current) <= float(value)
    return str(current).replace(" ", "") == value
