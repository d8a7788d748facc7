"""The sections of docs/benchmarks.md: rows of paired measurements, and the page made of them."""

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docs_pages import with_foot
from seqlab.system.files import json_text, write_text

LIBRARIES = ("torch", "lightning", "hydra-core", "omegaconf", "numpy")

Wanted = Callable[[str], bool]
"""Says whether the row with a label is to be measured."""


@dataclass(frozen=True)
class Row:
    """One thing measured alternately with its baseline.

    Attributes:
        label: what was measured.
        seconds: of each repeat, or what else the section measures.
        baseline: the same of the baseline.
        limit: the largest ratio allowed, if any.
    """

    label: str
    seconds: tuple[float, ...]
    baseline: tuple[float, ...]
    limit: float | None = None

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        pairs = zip(self.seconds, self.baseline, strict=True)
        return statistics.median(ours / base for ours, base in pairs)

    @property
    def holds(self) -> bool:
        """Whether the ratio is within the limit."""
        return self.limit is None or self.ratio <= self.limit

    def line(self) -> str:
        """Return the row of the table, in Markdown."""
        spread = " / ".join(f"{pick(self.seconds):.2f}" for pick in (min, statistics.median, max))
        kept = "kept" if self.holds else "MISSED"
        limit = "" if self.limit is None else f"{self.limit:g}: {kept}"
        return (
            f"| {self.label} | **{self.ratio:.2f}** | {limit} | {spread} "
            f"| {statistics.median(self.baseline):.2f} |"
        )


@dataclass(frozen=True)
class Section:
    """Rows with one baseline, and the machine they were measured on.

    Attributes:
        title: its heading.
        explanation: what is measured, in Markdown.
        baseline: what the ratios are relative to, in Markdown.
        rows: the measurements.
        machine: where and when they were made; `None`: here and now.
        measure: the unit of the rows.
    """

    title: str
    explanation: str
    baseline: str
    rows: list[Row] = field(default_factory=list)
    machine: dict[str, Any] | None = None
    measure: str = "seconds"

    def missed(self) -> list[str]:
        """Return a line for each row that misses its limit."""
        return [f"{r.label}: {r.ratio:.2f}, limit {r.limit:g}" for r in self.rows if not r.holds]


@dataclass(frozen=True)
class Benchmark:
    """Measures a section.

    Attributes:
        section: its texts, without rows.
        measure: yields the rows, given the number of repeats and which labels are wanted.
    """

    section: Section
    measure: Callable[..., Iterable[Row]]

    def __call__(self, repeats: int, only: Sequence[str] = (), **options: Any) -> Section:
        """Measure rows, print each, and return the section.

        Args:
            repeats: measurements per row.
            only: measure rows whose label contains one of these texts; empty: all.
            options: of this benchmark.
        """

        def wanted(label: str) -> bool:
            return not only or any(text in label for text in only)

        rows = []
        for row in self.measure(repeats, wanted, **options):
            print(row.line(), flush=True)
            rows.append(Row(row.label, _rounded(row.seconds), _rounded(row.baseline), row.limit))
        return replace(self.section, rows=rows)

    def described(self, stored: Section) -> Section:
        """Return stored measurements with the current texts."""
        return replace(self.section, rows=stored.rows, machine=stored.machine)


def measures(
    title: str, explanation: str, *, baseline: str, measure: str = "seconds"
) -> Callable[[Callable[..., Iterable[Row]]], Benchmark]:
    """Return a decorator that makes a generator of rows the benchmark of a section."""
    section = Section(title, explanation, baseline, measure=measure)
    return lambda rows: Benchmark(section, rows)


def repeated(repeats: int, measure: Callable[[], tuple[float, ...]]) -> Iterable[tuple[float, ...]]:
    """Measure several times; return the values of each component."""
    return zip(*(measure() for _ in range(repeats)), strict=True)


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    """Return the values with six significant digits."""
    return tuple(float(f"{value:.6g}") for value in values)


def machine() -> dict[str, Any]:
    """Return the date, and the processor, memory, system and versions of this machine."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_1_min": round(os.getloadavg()[0], 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def read_sections(folder: Path) -> dict[str, Section]:
    """Return the sections of the report in a folder; none if there is no report."""
    file = folder / "benchmarks.json"
    if not file.is_file():
        return {}
    content = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: Section(
            rows=[
                Row(row["label"], tuple(row["seconds"]), tuple(row["baseline"]), row["limit"])
                for row in each.pop("rows")
            ],
            **{key: value for key, value in each.items() if key != "repeats"},
        )
        for name, each in content.items()
    }


def write_report(folder: Path, sections: dict[str, Section]) -> None:
    """Write every measurement to benchmarks.json, and the page, benchmarks.md."""
    here = machine()
    content = {
        name: asdict(section)
        | {
            "machine": section.machine or here,
            "repeats": max((len(row.seconds) for row in section.rows), default=0),
            "rows": [asdict(row) | {"ratio": round(row.ratio, 3)} for row in section.rows],
        }
        for name, section in sections.items()
    }
    write_text(folder / "benchmarks.json", json_text(content, indent=1) + "\n")
    pages = [_page(sections[name], each) for name, each in content.items()]
    head = (
        "# Benchmarks\n\nWritten by `python scripts/benchmark.py`; every measurement is in "
        "[benchmarks.json](benchmarks.json).\nA speed is given as a ratio: the median over pairs "
        "that were measured alternately. The seconds\nbeside it hold for this machine only.\n"
    )
    page = folder / "benchmarks.md"
    write_text(page, with_foot(page, "\n".join([head, *pages])))


def _page(section: Section, content: dict[str, Any]) -> str:
    where = content["machine"]
    libraries = ", ".join(f"{name} {number}" for name, number in where["libraries"].items())
    rows = "\n".join(row.line() for row in section.rows)
    return f"""## {section.title}

{section.explanation}

| what | ratio | limit | {section.measure}: min / median / max | median baseline |
|---|---|---|---|---|
{rows}

Repeats: {content["repeats"]}. Baseline: {section.baseline}. Measured {where["date"]} on \
{where["processor"]}, {where["cores"]} cores, {where["memory_gib"]} GiB (load when written: \
{where["load_1_min"]}); {where["system"]}, Python {where["python"]}, {libraries}.
"""
