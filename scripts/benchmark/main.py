"""Measure the speed of seqlab and write docs/benchmarks.md.

    python scripts/benchmark.py                       every section
    python scripts/benchmark.py start --repeats 20    start-up only
    python scripts/benchmark.py --report-only         the page again, from docs/benchmarks.json

Speeds are ratios of two things measured alternately on one machine, because seconds alone mean
little elsewhere. Sections that are not measured keep their figures. The exit code is 1 if a limit
is missed.
"""

import argparse
import sys

import torch

from benchmark.gpu_training import measure_gpu
from benchmark.sections import read_sections, write_report
from benchmark.sizes import draw_sizes, measure_sizes
from benchmark.startup import measure_run, measure_start
from benchmark.sweep_costs import measure_sweeps
from benchmark.sweep_report import measure_sweep_report
from benchmark.text_costs import draw_costs, measure_text
from benchmark.training_speed import measure_limit, measure_training
from docs_pages import at_least, section_parser

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
    stored = read_sections(options.output)
    measured = [] if options.report_only else options.sections or _possible()
    sections = {}
    for name, benchmark in SECTIONS.items():
        if name in measured:
            sections[name] = benchmark(options.repeats, options.only)
        elif name in stored:
            sections[name] = benchmark.described(stored[name])
    for name in FIGURES.keys() & sections.keys():
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
    parser = section_parser("Measure the speed of seqlab as ratios.", SECTIONS)
    parser.add_argument(
        "--repeats", type=at_least(1), default=15, metavar="N", help="measurements per row (15)"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="TEXT", help="rows whose label contains a TEXT"
    )
    options = parser.parse_args()
    for name in options.sections:
        if name not in _possible():
            parser.error(f"{name}: PyTorch sees no CUDA GPU on this machine")
    return options
