"""`python -m seqlab clean`: removes the runs that were chosen by status or age, once confirmed."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from seqlab.commands.run_table import Listed, chosen, folder_of, table, total_text
from seqlab.runs.folder.found import FoundRun
from seqlab.runs.folder.lock import is_held
from seqlab.runs.folder.removal import check_removable, remove_run
from seqlab.sweeps.catalog import Catalog, find_all
from seqlab.sweeps.ledger import LEDGER
from seqlab.sweeps.report.settings import counted
from seqlab.system.amounts import size_text
from seqlab.system.errors import EXIT_DONE, EXIT_FAILED, UserError
from seqlab.system.terminal import pour, say


def clean(options: argparse.Namespace) -> int:
    """Show what is to be removed, ask, and remove it; return the exit code.

    Raises:
        UserError: nothing says what is to be removed, or nobody is there to confirm it.
    """
    folders = [folder_of(name) for name in options.folders or [None]]
    found = [find_all(each, jobs=options.jobs or (each / LEDGER).is_file()) for each in folders]
    _check(options, folders, found)
    runs = {run.path.resolve(): run for catalog in found for run in catalog.runs}
    listed, left = _removable(chosen(options, list(runs.values())))
    for reason in left:
        say(f"left alone: {reason}", error=True)
    sweeps = [sweep for each in found for sweep in each.sweeps if sweep.path not in folders]
    if not options.jobs and (num_sweeps := len(chosen(options, sweeps))):
        say(
            f"left alone: {counted(num_sweeps, 'sweep')}; add --jobs to choose among their jobs",
            error=True,
        )
    if not listed:
        say("there is nothing to remove")
        return EXIT_DONE
    say("\n".join(table(listed)))
    total = total_text(listed)
    if options.dry_run:
        say(f"\n{total}: nothing was removed, because of --dry-run")
        return EXIT_DONE
    if not options.yes and not _confirmed(f"\nRemove {total}? [y/N] "):
        say("nothing was removed")
        return EXIT_DONE
    return _removed(listed)


def _check(options: argparse.Namespace, folders: Sequence[Path], found: list[Catalog]) -> None:
    chosen(options, [])  # refuses a status that there is not
    named = all(
        [run.path for run in each.runs] == [path] for path, each in zip(folders, found, strict=True)
    )
    if options.status is None and options.older_than is None and not named:
        raise UserError(
            "clean has to be told what to remove",
            "By status: --status failed,killed. By age: --older-than 30d. Or name run folders.",
        )
    if options.status is not None and "running" in options.status.split(","):
        raise UserError("--status running: a run at work is never removed", "Stop it first.")
    if not (options.yes or options.dry_run or sys.stdin.isatty()):
        raise UserError(
            "there is no terminal to ask on: nothing was removed",
            "--dry-run shows what would be removed, --yes removes it.",
        )


def _removable(listed: Sequence[Listed]) -> tuple[list[Listed], list[str]]:
    """Return what can be removed, and why the rest cannot."""
    kept, left = [], []
    for each in listed:
        assert isinstance(each.found, FoundRun)
        try:
            if each.found.status == "running":
                raise UserError(f"{each.path} is at work")
            if is_held(each.path.resolve().parent, LEDGER):
                raise UserError(f"{each.path}: its sweep is at work")
            check_removable(each.path)
        except UserError as error:
            left.append(str(error))
        else:
            kept.append(each)
    return kept, left


def _confirmed(question: str) -> bool:
    pour(question)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _removed(listed: Sequence[Listed]) -> int:
    sizes = []
    for each in listed:
        size = each.num_bytes
        try:
            remove_run(each.path)
        except (UserError, OSError) as error:
            say(f"not removed: {each.path}: {error}", error=True)
        else:
            sizes.append(size)
    say(f"removed {counted(len(sizes), 'run')}, {size_text(sum(sizes))}")
    return EXIT_DONE if len(sizes) == len(listed) else EXIT_FAILED
