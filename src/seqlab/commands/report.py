"""`python -m seqlab report SWEEP`: what a sweep, or a folder of runs, has come to."""

import argparse
from pathlib import Path
from typing import Any

from seqlab.commands.run_table import folder_of
from seqlab.config.folders import CONFIG
from seqlab.sweeps.ledger import LEDGER
from seqlab.sweeps.report import Report, write_report
from seqlab.sweeps.report.settings import Setting
from seqlab.system.errors import UserError
from seqlab.system.files import json_text
from seqlab.system.terminal import as_word, pour, say


def report(options: argparse.Namespace) -> int:
    """Write the report into the sweep's folder, and print its table or JSON."""
    folder = _sweep(options.sweep)
    try:
        made = write_report(folder, options.metric, options.direction)
    except OSError as error:
        raise UserError(
            f"the report cannot be written into {folder}: {error.strerror or error}",
            "Copy the sweep's folder to a place that can be written to, and report that.",
        ) from error
    if options.json:
        pour(json_text(_as_json(made), indent=2) + "\n")
    else:
        say(made.text)
    return 0


def _sweep(name: str) -> Path:
    """Return the folder of a sweep or of runs, or refuse what is neither."""
    folder = folder_of(name)
    if (folder / LEDGER).exists() or not (folder / CONFIG).exists():
        return folder
    above = folder.resolve().parent
    hint = "Name the folder of a sweep; python -m train -m prints it."
    if (above / LEDGER).exists():
        sweep = folder.parent if folder.parts else above
        hint = f"Its sweep: python -m seqlab report {as_word(sweep)}"
    raise UserError(f"{name} is one run, not a sweep", hint)


def _as_json(made: Report) -> dict[str, Any]:
    findings = made.findings
    best = findings.best
    return {
        "sweep": findings.name,
        "jobs": findings.counts,
        "metric": findings.metric,
        "direction": findings.direction,
        "best": None if best is None else _setting(best, findings.metric),
        "command": findings.command,
        "settings": [_setting(each, findings.metric) for each in findings.settings],
        "notes": [*findings.notes, *findings.advice],
        "files": [str(file) for file in made.files],
    }


def _setting(setting: Setting, metric: str | None) -> dict[str, Any]:
    found = None if metric is None else setting.spread(metric)
    return {
        "rank": setting.rank,
        "parameters": setting.parameters,
        "seeds": 0 if found is None else len(found.values),
        "values": [] if found is None else found.values,
        "mean": found and found.mean,
        "std": found and found.std,
        "low_95": found and found.low,
        "high_95": found and found.high,
        "others": setting.others,
    }
