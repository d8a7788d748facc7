"""The report of a sweep, or of any folder of runs: tables, figures and a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.sweeps.ledger import LEDGER, Ledger, read_ledger
from seqlab.sweeps.report.findings import Findings, find
from seqlab.sweeps.report.results_text import summary_text
from seqlab.sweeps.report.tables import earlier_csv, results_csv, results_md, settings_csv
from seqlab.system.errors import one_line
from seqlab.system.files import write_text

if TYPE_CHECKING:
    from seqlab.sweeps.report.sweep_figures import Drawn


@dataclass(frozen=True)
class Report:
    """What a report has found and written.

    Attributes:
        findings: the sweep, added up: its best setting, the command that runs it again, ...
        files: what was written.
        text: what to print: at most 100 columns, but for the command.
    """

    findings: Findings
    files: list[Path]
    text: str


def write_report(
    folder: Path,
    metric: str | None = None,
    direction: str | None = None,
    *,
    figures: Sequence[tuple[str, Path]] = (),
) -> Report:
    """Add a sweep or a folder of runs up, at any time, and write tables, figures and report.html.

    Each file is replaced all at once. A sweep without a completed job has tables all the same.

    Args:
        folder: the sweep's folder, or that of the runs.
        metric: what decides which setting is best; `None`: what the sweep was started with, or
            else the first of `metric.PREFERRED` that every completed job has.
        direction: `minimize` or `maximize`; `None`: as the sweep was started.
        figures: figures of others for the page: a title and a PNG or SVG file each.

    Raises:
        UserError: the folder is no sweep and has no runs, or no job has that metric.
    """
    ledger, notes = _read(folder)
    findings = find(ledger, metric, direction)
    findings.notes.extend(notes)
    from seqlab.sweeps.report.page import page  # these import heavy libraries
    from seqlab.sweeps.report.sweep_figures import Drawn, draw_figures

    drawn = draw_figures(findings, findings.notes)
    drawn += [*_of_the_search(findings), *(Drawn(title, file) for title, file in figures)]
    texts = {"results.csv": results_csv(findings), "settings.csv": settings_csv(findings)}
    if findings.earlier:
        texts["earlier.csv"] = earlier_csv(findings.earlier)
    listed = [*texts, "report.html"]
    texts["results.md"] = results_md(findings, listed)
    texts["report.html"] = page(findings, drawn, [*texts])
    for name, text in texts.items():
        write_text(folder / name, text)
    files = [*(folder / name for name in texts), *(each.file for each in drawn)]
    shown = [folder / "report.html", folder / "results.md", folder / "results.csv"]
    return Report(findings, files, summary_text(findings, [str(file) for file in shown]))


def _read(folder: Path) -> tuple[Ledger, list[str]]:
    if (folder / LEDGER).exists():
        return read_ledger(folder), []
    from seqlab.sweeps.report.run_folders import ledger_of_runs  # a sweep needs none of it

    return ledger_of_runs(folder)


def _of_the_search(findings: Findings) -> list["Drawn"]:
    from seqlab.sweeps.search.search_figures import write_plots

    if findings.apart:
        return []  # its trials cannot be compared
    try:
        return write_plots(findings.folder, findings.notes, findings.advice)
    except Exception as error:  # of optuna, on a study that it finds odd
        findings.notes.append(f"The figures of the search cannot be drawn: {one_line(error)}.")
        return []
