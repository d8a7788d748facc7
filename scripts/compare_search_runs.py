"""Real trainings, searched in three ways with whole commands, and judged over fresh seeds."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from seqlab.sweeps.ledger import read_ledger
from seqlab.sweeps.metric import best_row

BUDGET = 16
METRIC = "val/loss"
LR, HIDDEN = (1e-4, 1.0), (4, 64)
FIXED = ["experiment=sine_mlp", "trainer.max_epochs=3", "callbacks=none", "logger=csv"]
FRESH = "seed=range(1000,1005)"


def compare_runs(repeats: int) -> list[dict[str, Any]]:
    """Return what each method finds: the mean of its setting's metric over five fresh seeds.

    Each repetition trains with a seed of its own, which also draws its data.
    """
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="seqlab_compare_") as name:
        folder = Path(name)
        for repeat in range(repeats):
            for method, words in _methods(repeat).items():
                sweep = folder / f"{method}_{repeat}"
                _train(sweep, *words, f"seed={repeat}")
                row = best_row(read_ledger(sweep).current, METRIC)
                assert row is not None
                setting = [
                    word for word in row.overrides if word.startswith(("optimizer.lr=", "model."))
                ]
                judged = folder / f"{method}_{repeat}_again"
                _train(judged, *setting, FRESH)
                values = [each.metrics[METRIC] for each in read_ledger(judged).current]
                found.setdefault(method, []).append(round(float(np.mean(values)), 6))
                print(f"{method} {repeat}: {' '.join(setting)}: {found[method][-1]}", flush=True)
    return [{"budget": BUDGET, "case": "sine_mlp", "found": found}]


def _methods(repeat: int) -> dict[str, list[str]]:
    side = round(BUDGET**0.5)
    lrs = ",".join(f"{value:.6g}" for value in np.geomspace(*LR, side))
    sizes = ",".join(str(round(value)) for value in np.geomspace(*HIDDEN, side))
    search = [
        "hydra/sweeper=optuna_search",
        f"hydra.sweeper.n_trials={BUDGET}",
        f"hydra.sweeper.metric={METRIC}",
        f"hydra.sweeper.sampler_seed={repeat}",
        f"optimizer.lr=tag(log, interval({LR[0]}, {LR[1]}))",
        f"model.hidden_size=tag(log, int(interval({HIDDEN[0]}, {HIDDEN[1]})))",
    ]
    return {
        "grid": [f"optimizer.lr={lrs}", f"model.hidden_size={sizes}"],
        "random": [*search, "hydra.sweeper.sampler=random"],
        "tpe": [*search, "hydra.sweeper.sampler=tpe"],
        "gp": search,
    }


def _train(sweep: Path, *words: str) -> None:
    command = [sys.executable, "-m", "train", "-m", f"hydra.sweep.dir={sweep}", *FIXED, *words]
    subprocess.run(
        command,
        check=True,
        cwd=sweep.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
