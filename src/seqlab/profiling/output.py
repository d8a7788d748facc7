"""What a profiled run leaves: profile.csv, profile.md, and a table on the console."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer

from seqlab.profiling.advice import advise
from seqlab.profiling.profiler import PhaseProfiler
from seqlab.profiling.table import as_csv, as_page, as_text, read_csv
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.files import write_text


def write_profile(trainer: Trainer, config: Mapping[str, Any], folder: RunFolder) -> str | None:
    """Write where the time of this part of a run went; return the table, `None` without one.

    A part that goes on after an earlier one has files of its own.

    Args:
        trainer: the run's.
        config: the run's resolved configuration.
        folder: the run folder.

    Raises:
        OSError: the files cannot be written.
    """
    profiler = trainer.profiler  # type: ignore[attr-defined]
    if not isinstance(profiler, PhaseProfiler):
        return None
    rows = profiler.clock.rows()
    advice = advise(rows, config, on_gpu=trainer.strategy.root_device.type == "cuda")
    table, page = folder.next_profile()
    write_text(page, as_page(rows, advice, f"Where the time of {config['name']} went"))
    write_text(table, as_csv(rows, advice))
    return as_text(*read_csv(table))  # what will be shown again
