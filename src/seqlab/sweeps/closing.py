"""The last lines of a sweep: what came of it, everything that failed and why, and the way on."""

import shlex
from collections import Counter
from pathlib import Path

from seqlab.sweeps.ledger import STATUSES, Row
from seqlab.sweeps.scheduler import Tally

_MOST_FAILURES = 20


def closing(name: str, tally: Tally, total: int, sweep: Path, seconds: float) -> str:
    """Return the closing lines.

    Args:
        name: what the sweep is called.
        tally: what it came to.
        total: number of its jobs.
        sweep: its folder.
        seconds: how long it took.
    """
    counts = Counter(row.status for row in tally.rows)
    words = [f"{counts[status]} {status}" for status in STATUSES if counts[status]]
    if left := total - len(tally.rows):
        words.append(f"{left} not started")
    before = f", {tally.before} of them before" if tally.before else ""
    lines = [f"{name}: {total} jobs: {', '.join(words)}{before}; {seconds:.1f} s"]
    failures = sorted(tally.failures, key=lambda row: row.number)
    for row in failures[:_MOST_FAILURES]:
        lines.append(f"  {row.status} {row.number:04d} {_words(row)}: {_reason(row)}")
        if hint := (row.error or {}).get("hint"):
            lines.append(f"    {hint}")
    if len(failures) > _MOST_FAILURES:
        lines.append(f"  and {len(failures) - _MOST_FAILURES} more; results.csv lists them all")
    lines.append(f"  sweep folder  {sweep}")
    if any(row.status == "failed" for row in failures):
        lines.append("  to try the failed ones again: the same command, with")
        lines.append("    hydra.launcher.retry_failed=true")
    if left or counts["interrupted"]:
        lines.append("  to go on: the same command again")
    lines.append(f"  dashboard     tensorboard --logdir {shlex.quote(str(sweep))}")
    return "\n".join(lines)


def _words(row: Row) -> str:
    return " ".join(row.overrides) if len(row.overrides) < 4 else " ".join(row.overrides[-3:])


def _reason(row: Row) -> str:
    error = row.error or {}
    if not error:
        return "it resumes when the sweep does"
    return f"{error.get('type')}: {error.get('message')}"
