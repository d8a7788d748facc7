"""A sweep as tables: results.csv, settings.csv and earlier.csv for programs, results.md to read."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from seqlab.sweeps.ledger import Row
from seqlab.sweeps.report.findings import Findings, separation
from seqlab.sweeps.report.settings import ABSENT, ASIDE, Setting, counted, shown, typed
from seqlab.sweeps.report.spread import Spread
from seqlab.system.files import csv_line
from seqlab.system.terminal import harmless

LISTED = 50
"""How many jobs that did not complete results.md names."""


def results_csv(findings: Findings) -> str:
    """Return one line a job, beside it mean, deviation and interval of its setting."""
    searched = any(row.trial is not None for row in findings.rows)
    head = [
        *("number", "status", *(["trial"] if searched else []), *findings.parameters),
        *findings.metrics,
        *("epochs", "duration_s", "folder", "checkpoint", "error"),
        *("setting_rank", "setting_seeds", "setting_mean", "setting_std"),
        *("setting_low_95", "setting_high_95"),
    ]
    setting_of = {row.number: each for each in findings.settings for row in each.rows}
    lines = []
    for row in findings.rows:
        setting = setting_of[row.number]
        found = setting.spread(findings.metric) if findings.metric else Spread(())
        lines.append(
            [
                *(row.number, row.status, *([_cell(row.trial)] if searched else [])),
                *(_parameter(row, name) for name in findings.parameters),
                *(_cell(row.metrics.get(name)) for name in findings.metrics),
                *(row.epochs, _cell(round(row.duration_s, 3)), row.folder),
                *(_cell(row.checkpoint), error_text(row)),
                *(_cell(setting.rank), len(found.values)),
                *map(_cell, (found.mean, found.std, found.low, found.high)),
            ]
        )
    return _csv(head, lines)


def settings_csv(findings: Findings) -> str:
    """Return one line a setting: mean, deviation and interval of every metric, and its command."""
    names = [name for name in findings.parameters if name not in ASIDE]
    statuses = [status for status in findings.counts if status != "completed"]
    head = ["rank", *names, "completed", *statuses]
    for metric in findings.metrics:
        head += [f"{metric} {what}" for what in ("seeds", "mean", "std", "low_95", "high_95")]
    lines = []
    for setting in findings.settings:
        others = setting.others
        line = [
            *(_cell(setting.rank), *(_parameter(setting, name) for name in names)),
            *(len(setting.completed), *(others.get(status, 0) for status in statuses)),
        ]
        for metric in findings.metrics:
            found = setting.spread(metric)
            line.append(len(found.values))
            line += map(_cell, (found.mean, found.std, found.low, found.high))
        lines.append([*line, findings.command_of(setting)])
    return _csv([*head, "command"], lines)


def earlier_csv(rows: Sequence[Row]) -> str:
    """Return one line a job of earlier configurations."""
    metrics = sorted({name for row in rows for name in row.metrics})
    parameters = list(dict.fromkeys(name for row in rows for name in row.parameters))
    head = ["number", "status", "snapshot", *parameters, *metrics, "folder", "error"]
    return _csv(
        head,
        (
            [
                *(row.number, row.status, row.snapshot),
                *(_parameter(row, name) for name in parameters),
                *(_cell(row.metrics.get(name)) for name in metrics),
                *(row.folder, error_text(row)),
            ]
            for row in rows
        ),
    )


def results_md(findings: Findings, files: Sequence[str]) -> str:
    """Return the sweep for people: one line a setting, the best one, what did not complete.

    Args:
        findings: the sweep, added up.
        files: what else was written, relative to the sweep's folder.
    """
    parts = [f"# {_plain(findings.name)}", counts_text(findings)]
    parts += [f"- {_plain(note)}" for note in (*findings.notes, *findings.advice)]
    best = findings.best
    if best is not None and findings.command:
        parts += [f"## Best setting\n\n{_plain(best_text(findings))}"]
        parts += [f"Run it again, in a new folder:\n\n{_fenced(findings.command)}"]
    if findings.fixed:
        fixed = ", ".join(f"{name}={shown(value)}" for name, value in findings.fixed.items())
        parts.append(f"The same in every job: {_plain(fixed)}")
    if findings.settings:
        parts += ["## Settings", _settings_table(findings)]
    if findings.incomplete:
        parts += ["## Jobs that did not complete", _incomplete_table(findings)]
    if files:
        parts.append("## Files\n\n" + "\n".join(f"- [{name}]({name})" for name in files))
    return "\n\n".join(parts) + "\n"


def counts_text(findings: Findings) -> str:
    """Return how many jobs have which status, and what decides, in one line."""
    counts = [f"{number:,} {status}" for status, number in findings.counts.items()]
    if not counts:
        return "No job has begun."
    text = f"{counted(len(findings.rows), 'job')}: {', '.join(counts)}. {decided_text(findings)}"
    return text.rstrip()


def decided_text(findings: Findings) -> str:
    """Return what decides, as a sentence; nothing while that is not known."""
    if not findings.metric:
        return ""
    better = "lower" if findings.direction == "minimize" else "higher"
    how = "Metric:" if findings.apart else "Compared by"
    return f"{how} {findings.metric}, {better} is better."


def best_text(findings: Findings) -> str:
    """Return which setting is best, by how much, and how sure that is."""
    best, metric = findings.best, findings.metric
    if best is None or metric is None:
        return "No setting has a mean yet."
    found = best.spread(metric)
    name = best.label(findings.swept) or "the only setting"
    interval = "" if found.low is None else f", 95 % interval {interval_text(found)}"
    n = len(found.values)
    text = f"{name}: {metric} {number_text(found.mean)} over {counted(n, 'seed')}{interval}."
    if best.others:
        text += f" Not in it: {others_text(best)}."
    return f"{text} {separation(findings)}".rstrip()


def value_text(setting: Setting, name: str) -> str:
    """Return a parameter of a setting, or a dash where it has none of that name."""
    return shown(setting.parameters.get(name, ABSENT))


def others_text(setting: Setting) -> str:
    """Return how many jobs of a setting did not complete."""
    return ", ".join(f"{count} {status}" for status, count in setting.others.items())


def seeds_text(found: Spread) -> str:
    """Return over how many seeds a metric was taken, and how many of them are not finite."""
    n = str(len(found.values))
    return f"{n} ({found.num_nonfinite} not finite)" if found.num_nonfinite else n


def interval_text(found: Spread) -> str:
    """Return an interval, or a dash where there is none."""
    if found.low is None:
        return ABSENT
    return f"{number_text(found.low)} to {number_text(found.high)}"


def number_text(value: float | None) -> str:
    """Return a number to read: five significant digits, or a dash for none."""
    if value is None:
        return ABSENT
    if 1e4 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.5g}"


def error_text(row: Row) -> str:
    """Return what ended a job, in one line; empty where nothing did."""
    if not row.error:
        return ""
    parts = [str(row.error.get(name) or "") for name in ("type", "message")]
    return " ".join(": ".join(part for part in parts if part).split())


def _settings_table(findings: Findings) -> str:
    with_others = any(setting.others for setting in findings.settings)
    head = [*findings.swept, "seeds", "mean", "std", "95 % interval"]
    head += ["not completed"] if with_others else []
    lines = []
    for setting in findings.settings:
        found = setting.spread(findings.metric) if findings.metric else Spread(())
        numbers = number_text(found.mean), number_text(found.std), interval_text(found)
        lines.append(
            [
                *(value_text(setting, name) for name in findings.swept),
                *(seeds_text(found), *numbers),
                *([others_text(setting)] if with_others else []),
            ]
        )
    return _md(head, lines)


def _incomplete_table(findings: Findings) -> str:
    rows = findings.incomplete
    lines = [
        [str(row.number), row.status, job_label(findings, row), row.folder, error_text(row)]
        for row in rows[:LISTED]
    ]
    table = _md(["job", "status", "parameters", "folder", "error"], lines)
    if len(rows) > LISTED:
        table += f"\n\nand {len(rows) - LISTED:,} more: results.csv has every job."
    return table


def job_label(findings: Findings, row: Row) -> str:
    """Return what tells a job from the others, in one line."""
    names = [*findings.swept, "seed"]
    return ", ".join(f"{n}={shown(row.parameters[n])}" for n in names if n in row.parameters)


def _md(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(map(_plain, row))} |" for row in rows)


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", harmless(" ".join(text.split())))


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}bash\n{harmless(text)}\n{fence}"


def _csv(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    return "".join(map(csv_line, [head, *lines]))


def _parameter(holder: Row | Setting, name: str) -> str:
    return typed(holder.parameters.get(name, ""))


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str) else repr(value)
