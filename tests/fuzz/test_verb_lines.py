"""A few hundred random `python -m seqlab` lines on finished runs and a sweep, in this process.

A failure names its number: `SEQLAB_FUZZ_SEED=SEED python -m pytest tests/fuzz/test_verb_lines.py`
runs the same lines again, and SEQLAB_FUZZ_VERB_LINES=N more of them.
"""

import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from generated_sweep import write_sweep
from harness import answer, complaints
from lines import Random, value
from seqlab.commands.main import main
from seqlab.runs.folder.run_folder import RunFolder

LINES = int(os.environ.get("SEQLAB_FUZZ_VERB_LINES", "300"))
SEED = os.environ.get("SEQLAB_FUZZ_SEED", "0")

# Numbers that would only take long are left out.
OPTIONS: dict[str, tuple[str, ...]] = {
    "--checkpoint": ("best", "last", "nope", "", "CKPT", ".", "/dev/null", "config.yaml", "\x00"),
    "--device": ("auto", "cpu", "cpu", "gpu", "tpu", ""),
    "--data-path": ("nowhere", "", ".", "config.yaml", "a\x00b", "\udcff", "x" * 5000),
    "--json": ("",),
    "--metric": ("val/loss", "train/loss", "val/los", "", "\x00", "\udcff", "x" * 500),
    "--direction": ("minimize", "maximize", "up", ""),
    "--prefix": ("the", "", " ", "THE SEA", "é👍", "\x00", "\n", "\udcff", "1", "<unk>", "x" * 500),
    "--num-tokens": ("1", "3", "0", "-1", "1.5", "x", "", "1e3", "0x3"),
    "--num-samples": ("1", "2", "0", "-3", "x"),
    "--greedy": ("",),
    "--temperature": (
        "1",
        "0.5",
        "0",
        "-1",
        "nan",
        "inf",
        "1e-300",
        "1e-45",
        "1e300",
        "x",
        "1e999",
    ),
    "--top-k": ("1", "3", "0", "-1", "99999999999999999999", "x"),
    "--top-p": ("1", "0.5", "0", "1.5", "nan", "1e-300", "x"),
    "--seed": ("0", "7", "-1", "9223372036854775807", "9223372036854775808", "x", "1.5"),
    "--steps": ("1", "5", "0", "-1", "x", "1.5"),
    "--start": ("4", "604", "1000", "0", "3", "-5", "1001", "x", "99999999999999999999999"),
    "--status": ("failed", "completed,killed", "running", "", ",", "nope", "\x00", "\udcff"),
    "--older-than": ("1d", "0s", "3", "-1d", "", "1e3d", "\udcff", "999999999999999999999y"),
    "--jobs": ("",),
    "--dry-run": ("",),
    "--help": ("",),
    "--version": ("",),
    "--nonsense": ("", "3"),
}
_FLAGS = ("--jobs", "--dry-run", "--json", "--greedy", "--help", "--version")
_OF = {
    "evaluate": ("--checkpoint", "--device", "--data-path", "--json"),
    "generate": (
        "--prefix", "--num-tokens", "--num-samples", "--greedy", "--temperature", "--top-k",
        "--top-p", "--seed", "--checkpoint", "--device",
    ),
    "forecast": ("--steps", "--start", "--checkpoint", "--device"),
    "report": ("--metric", "--direction", "--json"),
    "profile": ("--help",),
    "list": ("--status", "--older-than", "--jobs", "--json"),
    "clean": ("--status", "--older-than", "--jobs", "--dry-run"),  # nobody says yes
    "compare": ("--json",),
}  # fmt: skip


def verb_line(seed: str, number: int, sine: Path, language: Path, sweep: Path) -> list[str]:
    """Return the words of that line."""
    rng = random.Random(f"{seed}:verb:{number}")
    verb = rng.choice((*_OF, "generate", "forecast", "evaluate", "report", "", "Generate"))
    fitting = {"generate": language, "forecast": sine, "report": sweep}.get(
        verb, rng.choice((sine, language))
    )
    odd_run = ("nowhere", ".", "", "/dev/null", "\x00", "x" * 5000, str(sine / "config.yaml"))
    run = str(fitting) if rng.random() < 0.85 else rng.choice((str(sine), str(language), *odd_run))
    words = [verb, run]
    if verb in ("generate",):
        words += ["--num-tokens", "2"]
    if verb == "forecast" and rng.random() < 0.7:
        words += ["--steps", "3"]
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        names = _OF.get(verb, ("--help",)) if rng.random() < 0.9 else tuple(OPTIONS)
        name = rng.choice(names)
        words.append(name)
        if name not in _FLAGS:
            chosen = rng.choice(OPTIONS[name]).replace("CKPT", f"{fitting}/checkpoints/best.ckpt")
            odd = value(Random(rng.random()))
            # An odd number of tokens could be a large one.
            keep = rng.random() < 0.9 or name in ("--num-tokens", "--num-samples", "--steps")
            words[-1:] = rng.choice(([name, chosen], [f"{name}={chosen}"])) if keep else [name, odd]
    if rng.random() < 0.05:
        rng.shuffle(words)
    return words


def test_every_verb_line_is_success_or_one_clear_message(
    sine_run: RunFolder,
    language_run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sine, language = tmp_path / "sine", tmp_path / "language"
    shutil.copytree(sine_run.path, sine)
    shutil.copytree(language_run.path, language)
    write_sweep(tmp_path / "sweep", {"x": [1]}, [0], with_files=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    codes: Counter[int | None] = Counter()
    failures = []
    for number in range(LINES):
        words = verb_line(SEED, number, sine, language, tmp_path / "sweep")
        got = answer(main, words)
        codes[got.code] += 1
        found = complaints(got)
        if list(Path().iterdir()):
            found.append(f"written into the working folder: {list(Path().iterdir())}")
        if found:
            shown = [word[:200] for word in words]
            failures.append(f"seed {SEED}, line {number}: {shown}\n  {found}\n  {got.err[-600:]}")
    assert not failures, f"{len(failures)} of {LINES} lines are answered badly:\n" + "\n".join(
        failures[:10]
    )
    assert codes[0] > LINES / 6, codes
    assert codes[2] > LINES / 6, codes
