"""Over a thousand random command lines: each is success or one clear message, and leaves nothing.

A failure names its line; `python tests/fuzz/harness.py SEED NUMBER` runs it again alone, and
SEQLAB_TRACEBACK=1 before it shows where an error comes from. For a long hunt:

    SEQLAB_FUZZ_LINES=20000 SEQLAB_FUZZ_SEED=another python -m pytest tests/fuzz/test_lines.py
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import Answer, complaints
from lines import line

LINES = int(os.environ.get("SEQLAB_FUZZ_LINES", "200"))
SEED = os.environ.get("SEQLAB_FUZZ_SEED", "0")
PROCESSES = min(os.cpu_count() or 1, 2)
ROOT = Path(__file__).resolve().parents[2]


def test_every_line_is_success_or_one_clear_message() -> None:
    share = -(-LINES // PROCESSES)
    workers = [
        subprocess.Popen(
            [sys.executable, "tests/fuzz/harness.py", SEED, str(first), str(share)],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "SEQLAB_TRACEBACK": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in range(0, LINES, share)
    ]
    try:
        texts = [worker.communicate() for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    for worker, (out, err) in zip(workers, texts, strict=True):
        assert worker.returncode in (0, 1), err
        assert out, err
    records = [json.loads(text) for out, _ in texts for text in out.splitlines()]
    failures = [record for record in records if "wrong" in record]
    shown = "\n\n".join(json.dumps(record, indent=1) for record in failures[:10])
    assert not failures, f"{len(failures)} of {LINES} lines are answered badly:\n{shown}"
    totals = [record for record in records if "codes" in record]
    assert sum(record["lines"] for record in totals) >= LINES
    done = sum(record["codes"].get("0", 0) for record in totals)
    refused = sum(record["codes"].get("2", 0) for record in totals)
    assert done > LINES / 5, "hardly any line is valid: what lies behind the checks is not reached"
    assert refused > LINES / 5


def test_line_comes_again_from_its_seed_and_number_alone() -> None:
    assert [line(5, number) for number in range(50)] == [line(5, number) for number in range(50)]
    assert len({tuple(line(5, number)) for number in range(200)}) > 150


@pytest.mark.parametrize(
    ("got", "complaint"),
    [
        (Answer(0, "fine", ""), ""),
        (Answer(2, "", "error: no\n  Do this.\n"), ""),
        (Answer(1, "some", "warning: odd\nerror: no\n"), ""),
        (Answer(None, "", "", "KeyError: 'a'"), "KeyError: 'a' escaped"),
        (Answer(3, "", "error: no\n"), "exit code 3"),
        (
            Answer(1, "", "error: a\nTraceback (most recent call last):\n"),
            "a traceback was printed",
        ),
        (Answer(0, "", "error: no\n"), "success with an error message"),
        (Answer(2, "", "usage: x\n"), "0 error messages"),
        (Answer(2, "", "error: a\nerror: b\n"), "2 error messages"),
        (Answer(2, "", "hm\nerror: a\n"), "not the first thing said"),
        (Answer(2, "out", "error: a\n"), "wrote to standard output"),
    ],
)
def test_what_counts_as_a_bad_answer(got: Answer, complaint: str) -> None:
    found = "; ".join(complaints(got))
    assert complaint in found if complaint else found == ""
