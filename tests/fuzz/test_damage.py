"""At least 300 damaged run folders: each is used, repaired or refused, with one clear message.

A failure names its damage; `python tests/fuzz/damage.py SEED NUMBER RUN_FOLDER` does the same to a
copy of any run. For a long hunt:

    SEQLAB_FUZZ_DAMAGES=5000 SEQLAB_FUZZ_SEED=another python -m pytest tests/fuzz/test_damage.py
"""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from damage import REPLAY, damaged, tried
from expect import tree
from seqlab.runs.folder.run_folder import RunFolder

DAMAGES = int(os.environ.get("SEQLAB_FUZZ_DAMAGES", "300"))
SEED = os.environ.get("SEQLAB_FUZZ_SEED", "0")


@pytest.mark.parametrize("kind", ["sine", "language"])
def test_damaged_run_is_used_or_refused_with_one_clear_message(
    kind: str,
    sine_run: RunFolder,
    language_run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = (sine_run if kind == "sine" else language_run).path
    codes: Counter[int | None] = Counter()
    failures = []
    for number in range(DAMAGES // 2):
        damage, got, found = tried(run, f"{SEED}{kind}", number, tmp_path / "run")
        codes[got.code] += 1
        if found:
            again = REPLAY.format(seed=f"{SEED}{kind}", number=number)
            failures.append(f"{again}\n  {damage}\n  {found}\n  {got.code}: {got.err[-800:]}")
    shown = "\n".join(failures[:10])
    assert not failures, f"{len(failures)} damages are answered badly:\n{shown}"
    assert list(tmp_path.iterdir()) == [], "something was written beside the run folder"
    assert codes[0] > DAMAGES / 20, codes
    assert codes[2] > DAMAGES / 20, codes


def test_damage_comes_again_from_its_seed_and_number_alone(
    sine_run: RunFolder, tmp_path: Path
) -> None:
    done = []
    for name in ("one", "two"):
        shutil.copytree(sine_run.path, tmp_path / name / "run")
        words = damaged(tmp_path / name / "run", 3, 5)
        contents = {n: c for n, (c, _) in tree(tmp_path / name).items()}
        done.append((words.what, words.words[2:], contents))
    assert done[0] == done[1]
