"""Measure what docs/benchmarks.md says, and write it.

    python scripts/benchmark.py                       every section
    python scripts/benchmark.py start --repeats 20    start-up alone

Speeds are ratios of two things that were measured in turn on one machine, since seconds mean
little elsewhere. Sections that are not run keep the figures that the report has. The exit code
is 1 where a stated limit is missed.
"""

import argparse
import sys
from pathlib import Path

import torch

from benchmark.gpu_training import measure_gpu
from benchmark.sections import read_sections, write_report
from benchmark.sizes import draw_sizes, measure_sizes
from benchmark.startup import measure_run, measure_start
from benchmark.sweep_costs import measure_sweeps
from benchmark.sweep_report import measure_sweep_report
from benchmark.text_costs import draw_costs, measure_text
from benchmark.training_speed import measure_limit, measure_training

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {
    "start": measure_start,
    "run": measure_run,
    "training": measure_training,
    "limit": measure_limit,
    "gpu": measure_gpu,
    "sizes": measure_sizes,
    "sweeps": measure_sweeps,
    "sweep_report": measure_sweep_report,
    "text": measure_text,
}
FIGURES = {"sizes": draw_sizes, "text": draw_costs}


def main() -> int:
    options = _options()
    sections = read_sections(options.output)
    for name in options.sections or _possible():
        sections[name] = SECTIONS[name](options.repeats, options.only)
        if name in FIGURES:
            FIGURES[name](sections[name], options.output / "figures")
    write_report(options.output, sections)
    missed = [line for section in sections.values() for line in section.missed()]
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


def _possible() -> list[str]:
    """Return the sections that this machine can measure."""
    return [name for name in SECTIONS if name != "gpu" or torch.cuda.is_available()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure seqlab's speed as ratios.")
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all"
    )
    parser.add_argument("--repeats", type=_count, default=15, metavar="N", help="pairs (15)")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="TEXT", help="rows whose command has this in it"
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs", metavar="FOLDER", help="of the report (docs)"
    )
    options = parser.parse_args()
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"there is no section {name!r}; there are: {', '.join(SECTIONS)}")
        if name not in _possible():
            parser.error(f"{name}: PyTorch sees no CUDA GPU on this machine")
    return options


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)
