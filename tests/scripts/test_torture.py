"""Runs that are killed again and again end as if nothing had happened."""

from pathlib import Path

import pytest

from conftest import SCRIPTS, spawn

KILLS = 12


@pytest.mark.slow
def test_runs_survive_kills_at_random_moments_and_operations(tmp_path: Path) -> None:
    # A process of its own: what is forked must not have computed anything before.
    program = f"""
from pathlib import Path
from torture import SUBJECTS, WAYS, torture
tally = torture(Path("."), list(SUBJECTS), 600, seed=7, most_kills={KILLS})
print(tally.survived, [way for way in WAYS if tally.kills[way]])
print(*tally.mismatches, *tally.lost, sep="\\n")
"""
    done = spawn("-c", program, cwd=tmp_path, PYTHONPATH=str(SCRIPTS))
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert int(first.split()[0]) >= KILLS
    assert all(way in first for way in ("moment", "operation", "SIGTERM", "SIGINT", "power cut"))
    assert [line for line in rest if line] == []


def test_torture_notices_a_run_that_ends_differently(tmp_path: Path) -> None:
    program = """
from pathlib import Path
import seqlab.callbacks.checkpoints as checkpoints
import torture
checkpoints.set_random_state = lambda state: None  # the dropout of a resumed run is then another
tally = torture.torture(Path("."), ["text"], 60, seed=3, ways=["SIGTERM"], most_kills=3)
print(*tally.mismatches, sep="\\n")
"""
    done = spawn("-c", program, cwd=tmp_path, PYTHONPATH=str(SCRIPTS))
    assert done.returncode == 0, done.stderr
    assert "differs" in done.stdout
