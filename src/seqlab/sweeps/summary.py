"""The last lines of a sweep: what came of it, everything that failed and why, and the way on."""

from collections import Counter, defaultdict
from pathlib import Path

from seqlab.sweeps.ledger import STATUSES, Row
from seqlab.sweeps.report import write_report
from seqlab.sweeps.report.results_text import in_colour, results_lines
from seqlab.sweeps.report.tables import decided_text
from seqlab.sweeps.scheduler import Tally
from seqlab.system.errors import one_line
from seqlab.system.signals import in_words
from seqlab.system.terminal import as_word, fitted, styled

_MOST_FAILURES = 20
_MOST_TOGETHER = 5


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
    words = [in_colour(f"{counts[each]} {each}", each) for each in STATUSES if counts[each]]
    if left := total - len(tally.rows):
        words.append(f"{left} not started")
    before = f", {tally.before} of them before" if tally.before else ""
    jobs = f"{total} job{'s' * (total != 1)}"
    text = f"{styled(name, 'heading')}: {jobs}: {', '.join(words)}{before}; {seconds:.1f} s"
    lines = [fitted(text)]
    if tally.signum is not None:
        lines.append(f"  stopped by {in_words(tally.signum)}; to go on: the same command again")
    failures = sorted(tally.failures, key=lambda row: row.number)
    if tally.signum is not None:  # that is why
        failures = [row for row in failures if row.status != "interrupted"]
    lines += _listed(failures)
    lines.append(f"  sweep folder  {sweep}")
    if any(row.status == "failed" for row in failures):
        lines.append("  to try the failed ones again: the same command, with")
        lines.append("    hydra.launcher.retry_failed=true")
    if tally.signum is None and (left or counts["interrupted"]):
        lines.append("  to go on: the same command again")
    lines += _added_up(tally, sweep)
    lines.append(f"  dashboard     python -m seqlab dashboard {as_word(sweep)}")
    return "\n".join(lines)


def _added_up(tally: Tally, sweep: Path) -> list[str]:
    """Return what the jobs add up to; their report is written where any of them is new.

    Nothing that fails here makes a failure of a sweep that has come to its end.
    """
    by_hand = f"python -m seqlab report {as_word(sweep)}"
    if tally.signum is not None or not tally.ended:
        return [f"  report        {by_hand}"]
    try:
        report = write_report(sweep)
    except Exception as error:
        return [f"  the report could not be written: {one_line(error)}", f"    {by_hand}"]
    decided = decided_text(report.findings)
    lines = [*results_lines(report.findings), "", f"  report        {sweep / 'report.html'}"]
    return [f"  {decided[0].lower()}{decided[1:]}", *lines] if decided else lines


def _listed(failures: list[Row]) -> list[str]:
    """Return the failures, those with the same reason together."""
    groups: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in failures:
        groups[row.status, _reason(row), (row.error or {}).get("hint", "")].append(row)
    lines = []
    for (status, reason, hint), rows in list(groups.items())[:_MOST_FAILURES]:
        shown = [f"{row.number:04d} {row.label}".rstrip() for row in rows[:_MOST_TOGETHER]]
        more = f" and {len(rows) - _MOST_TOGETHER} more" if len(rows) > _MOST_TOGETHER else ""
        head = f"  {in_colour(status, status)} {', '.join(shown)}{more}"
        lines += [fitted(head, "    "), fitted(f"    {reason}", "    ")]
        if hint:
            lines.append(fitted(f"    {hint}", "    "))
    if len(groups) > _MOST_FAILURES:
        rest = len(groups) - _MOST_FAILURES
        lines.append(f"  and {rest} other reasons; results.csv has them all")
    return lines


def _reason(row: Row) -> str:
    error = row.error or {}
    if not error:
        return "it goes on when the sweep does"
    return ": ".join(part for part in (error.get("type"), error.get("message")) if part)
