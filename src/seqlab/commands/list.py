"""`python -m seqlab list [FOLDER]`: runs and sweeps, the newest first, and what to type next."""

import argparse
from datetime import datetime
from typing import Any

from seqlab.commands.run_table import Listed, chosen, folder_of, table, total_text
from seqlab.runs.folder.found import FoundRun
from seqlab.sweeps.catalog import FoundSweep, find_all
from seqlab.sweeps.ledger import LEDGER
from seqlab.system.files import json_text
from seqlab.system.masking import masked
from seqlab.system.terminal import say


def list_runs(options: argparse.Namespace) -> int:
    """Print what lies in a folder, as a table or as JSON.

    Raises:
        UserError: there is no such folder.
    """
    folder = folder_of(options.folder)
    jobs = options.jobs or (folder / LEDGER).is_file()
    found = find_all(folder, jobs=jobs)
    both: list[FoundRun | FoundSweep] = [*found.runs, *([] if jobs else found.sweeps)]
    both.sort(key=lambda each: (-each.changed, str(each.path)))
    listed = chosen(options, both)
    if options.json:
        say(json_text([_as_json(each) for each in listed], indent=2))
        return 0
    if not listed:
        say(f"there is no {'such ' * (len(both) > 0)}run in {folder}")
        return 0
    say(f"{total_text(listed)} in {folder}\n")
    say("\n".join(table(listed)))
    uses: dict[str, str] = {}
    for each in listed:
        if each.use is not None:
            uses.setdefault(*each.use)
    if uses:
        say("\nnext, for the newest of each kind:")
        for what, command in uses.items():
            say(f"  {what}\n    {masked(command)}")
    return 0


def _as_json(each: Listed) -> dict[str, Any]:
    found, decisive = each.found, each.decisive
    result = found.result if isinstance(found, FoundRun) else {}
    kept = ("experiment", "seed", "epochs", "duration_s", "again", "error", "fingerprint")
    return {
        "kind": "run" if isinstance(found, FoundRun) else "sweep",
        "folder": str(each.path),
        "status": found.status,
        "changed": datetime.fromtimestamp(found.changed).astimezone().isoformat(timespec="seconds"),
        "age_s": round(each.age_s, 1),
        "bytes": each.num_bytes,
        "metric": None if decisive is None else decisive[0],
        "value": None if decisive is None else decisive[1],
        **{name: result[name] for name in kept if name in result},
        **({"jobs": found.counts} if isinstance(found, FoundSweep) else {}),
        "next": None if each.use is None else masked(each.use[1]),
    }
