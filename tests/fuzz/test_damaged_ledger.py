"""A hundred damaged ledgers: each is reported on, or refused with one clear message.

`SEQLAB_FUZZ_SEED=SEED python -m pytest tests/fuzz/test_damaged_ledger.py` makes the same ones
again, and SEQLAB_FUZZ_LEDGERS=N more of them.
"""

import json
import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from generated_sweep import write_sweep
from harness import answer, complaints
from seqlab.commands.main import main
from seqlab.sweeps.report import sweep_figures as plots

LEDGERS = int(os.environ.get("SEQLAB_FUZZ_LEDGERS", "100"))
SEED = os.environ.get("SEQLAB_FUZZ_SEED", "0")
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        1e308,
        -1e308,
        10**400,
        "",
        "x",
        "\x00",
        "../..",
        "/",
        "a\nb",
        "<b>",
        "$_{",
    ),
    *([], [1], ["a=b"], ["seed=1", None], {}, {"a": None}, {"val/loss": "x"}, {"val/loss": 1e308}),
    *({"seed": [1, 2]}, {"x": {"y": [0.1]}}, {"x": "a" * 300}, {"type": None}, "completed"),
)


def damaged(rng: random.Random, content: bytes) -> bytes:
    """Return a ledger with one to three damages."""
    lines = content.splitlines(keepends=True)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(lines))
        kind = rng.choice(("value", "value", "value", "value", "bytes", "cut", "lost", "twice"))
        if kind == "value":
            lines[place] = with_odd_value(rng, lines[place])
        elif kind == "bytes":
            line = bytearray(lines[place])
            for _ in range(rng.randint(1, 4)):
                line[rng.randrange(len(line))] = rng.randrange(256)
            lines[place] = bytes(line)
        elif kind == "cut":
            lines[place] = lines[place][: rng.randrange(len(lines[place]))]
        elif kind == "lost":
            lines[place] = b"\n"
        else:
            lines.append(lines[place])
    return b"".join(lines)


def with_odd_value(rng: random.Random, line: bytes) -> bytes:
    """Return a line with one value replaced, or with one left out."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    inner = next(iter(entry.values())) if isinstance(entry, dict) and entry else None
    if not isinstance(inner, dict) or not inner:
        return line
    name = rng.choice(list(inner))
    if rng.random() < 0.1:
        del inner[name]
    else:
        inner[name] = rng.choice(ODD)
    return json.dumps(entry).encode() + b"\n"


def test_damaged_ledger_is_reported_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sweep(tmp_path / "whole", {"x": [1, 2], "y": ["a", "b"]}, [0, 1], with_files=False)
    whole = (tmp_path / "whole" / "ledger.jsonl").read_bytes()
    codes: Counter[int | None] = Counter()
    failures = []
    monkeypatch.setattr("seqlab.system.files.os.fsync", lambda descriptor: None)
    draw = plots.draw_figures
    for number in range(LEDGERS):
        # Figures take most of the time: every twentieth ledger has them.
        monkeypatch.setattr(plots, "draw_figures", draw if number % 20 == 0 else lambda *_: [])
        content = damaged(random.Random(f"{SEED}:ledger:{number}"), whole)
        shutil.rmtree("sweep", ignore_errors=True)
        Path("sweep").mkdir()
        Path("sweep/ledger.jsonl").write_bytes(content)
        got = answer(main, ["report", "sweep", *random.Random(number).choice(([], ["--json"]))])
        codes[got.code] += 1
        found = complaints(got)
        if "could not be drawn" in got.out:
            found.append("a figure could not be drawn")
        if Path("sweep/ledger.jsonl").read_bytes() != content:
            found.append("the ledger was changed")
        if found or got.code not in (0, 2):
            failures.append(f"seed {SEED}, ledger {number}: {found} {got.code} {got.err[-300:]}")
    assert not failures, f"{len(failures)} of {LEDGERS}:\n" + "\n".join(failures[:10])
    assert codes[0] > LEDGERS / 2, codes
