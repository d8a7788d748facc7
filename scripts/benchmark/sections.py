"""What a benchmark found: rows of paired times, and docs/benchmarks.md and .json from them."""

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("torch", "lightning", "hydra-core", "omegaconf", "numpy")


@dataclass(frozen=True)
class Row:
    """One thing measured in turn with its baseline.

    Attributes:
        label: what was measured.
        seconds: of each repeat.
        baseline: seconds of the baseline, measured right after it.
        limit: the largest ratio allowed; `None`: none is stated.
    """

    label: str
    seconds: tuple[float, ...]
    baseline: tuple[float, ...]
    limit: float | None = None

    @property
    def ratio(self) -> float:
        """The median of the ratios of each pair."""
        pairs = zip(self.seconds, self.baseline, strict=True)
        return statistics.median(ours / base for ours, base in pairs)

    @property
    def holds(self) -> bool:
        """Whether the limit is kept."""
        return self.limit is None or self.ratio <= self.limit

    def line(self) -> str:
        """Return the row of the table, in Markdown."""
        spread = " / ".join(f"{pick(self.seconds):.2f}" for pick in (min, statistics.median, max))
        limit = (
            "" if self.limit is None else f"{self.limit:g}: {'kept' if self.holds else 'MISSED'}"
        )
        return (
            f"| {self.label} | **{self.ratio:.2f}** | {limit} | {spread} "
            f"| {statistics.median(self.baseline):.2f} |"
        )


@dataclass(frozen=True)
class Section:
    """Rows with one baseline, and where they were measured.

    Attributes:
        title: its heading.
        explanation: what is measured, in Markdown.
        baseline: what the ratios are to.
        rows: what was found.
        machine: where and when; empty: here and now.
        measure: what the rows count.
    """

    title: str
    explanation: str
    baseline: str
    rows: list[Row]
    machine: dict[str, Any] | None = None
    measure: str = "seconds"

    def missed(self) -> list[str]:
        """Return a line for each row that misses its limit."""
        return [f"{r.label}: {r.ratio:.2f}, limit {r.limit:g}" for r in self.rows if not r.holds]


def machine() -> dict[str, Any]:
    """Return where and when this is: processor, memory, system, versions, time."""
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
    """Return the sections that the report in a folder has; none where there is no report."""
    file = folder / "benchmarks.json"
    if not file.is_file():
        return {}
    content = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: Section(
            each["title"],
            each["explanation"],
            each["baseline"],
            [
                Row(row["label"], tuple(row["seconds"]), tuple(row["baseline"]), row["limit"])
                for row in each["rows"]
            ],
            each["machine"],
            each.get("measure", "seconds"),
        )
        for name, each in content.items()
    }


def write_report(folder: Path, sections: dict[str, Section]) -> None:
    """Write benchmarks.json with every figure, and benchmarks.md for people."""
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
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1) + "\n"
    (folder / "benchmarks.json").write_text(text, encoding="utf-8")
    pages = [_page(sections[name], each) for name, each in content.items()]
    head = (
        "# Benchmarks\n\nWritten by `python scripts/benchmark.py`; every single figure is in "
        "[benchmarks.json](benchmarks.json).\nA speed is quoted as a ratio: the median over pairs "
        "that were measured in turn. Seconds\nstand beside it, and are this machine's alone.\n"
    )
    (folder / "benchmarks.md").write_text("\n".join([head, *pages]), encoding="utf-8")


def _page(section: Section, content: dict[str, Any]) -> str:
    where = content["machine"]
    libraries = ", ".join(f"{name} {number}" for name, number in where["libraries"].items())
    rows = "\n".join(row.line() for row in section.rows)
    return f"""## {section.title}

{section.explanation}

| what | ratio | limit | {section.measure}: least / median / most | baseline, median |
|---|---|---|---|---|
{rows}

{content["repeats"]} pairs a row; baseline: `{section.baseline}`. {where["date"]}, on \
{where["processor"]}, {where["cores"]} cores, {where["memory_gib"]} GiB (load when written: \
{where["load_1_min"]}); {where["system"]}, Python {where["python"]}, {libraries}.
"""
