"""Run every row of the chapter's published tables for several seeds and compare.

    python scripts/reproduce.py                      all rows, 5 seeds (sine: 20); about an hour
    python scripts/reproduce.py --rows rnn gru --seeds 3
    python scripts/reproduce.py --report-only        from the runs that exist

Runs are in outputs/reproduction/ROW/seed_N; finished ones are kept, so that an interrupted
reproduction continues where it stopped. The report is docs/reproduction.md with its figures, and
the table in the README.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from docs_pages import ROOT
from reproduce.published import ROWS
from reproduce.reproduction_page import folder_of, read_results, write_report
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import UserError


def main() -> int:
    options = _options()
    jobs = [
        (name, seed)
        for name in options.rows or ROWS
        for seed in range(options.sine_seeds if name == "sine" else options.seeds)
    ]
    failed = 0
    if not options.report_only:
        # One thread per job: two small recurrent networks at once beat one after the other on two.
        with ThreadPoolExecutor(options.jobs) as pool:
            failed = sum(pool.map(lambda job: _train(job[0], job[1], options.threads), jobs))
        if failed:
            print(f"{failed} runs failed; see their run.log", file=sys.stderr)
    results = read_results()
    if not results:
        print("no finished runs to report on", file=sys.stderr)
        return 2
    outside = write_report(results)
    for line in outside:
        print(f"outside its band: {line}", file=sys.stderr)
    return 1 if outside or failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Reproduce the published results of the chapter.")
    parser.add_argument("--rows", nargs="+", choices=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each text row (5)")
    parser.add_argument("--sine-seeds", type=int, default=20, help="seeds of the sine row (20)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="concurrent runs")
    parser.add_argument("--threads", type=int, default=1, help="threads per run (1)")
    parser.add_argument("--report-only", action="store_true", help="train nothing")
    return parser.parse_args()


def _train(name: str, seed: int, threads: int) -> bool:
    """Run one seed of one row unless it is finished; return whether it failed."""
    folder = folder_of(name, seed)
    status = _status(folder)
    if status == "completed":
        return False
    command = [sys.executable, "-m", "train"]
    if folder.last.is_file():
        command.append(f"resume={folder.path}")
    else:
        command += [f"experiment={ROWS[name].experiment}", f"seed={seed}"]
        command.append(f"hydra.run.dir={folder.path}")
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    print(f"{name} seed {seed}: {_status(folder)}", flush=True)
    if done.returncode:
        print(done.stderr[-500:], file=sys.stderr)
    return done.returncode != 0


def _status(folder: RunFolder) -> str:
    try:
        return str(folder.read_result()["status"])
    except UserError:
        return "missing"
