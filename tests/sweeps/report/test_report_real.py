"""A sweep that was really trained: its report, the command that repeats it, the dashboard."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from conftest import SMALL_LM, trained_here
from dashboard import page, served
from expect import succeeded
from seqlab.config.compose.jobs import Grid, composing
from seqlab.config.compose.snapshot import take_snapshot
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.provenance import fingerprint
from seqlab.sweeps.ledger import read_ledger
from seqlab.sweeps.report import write_report


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep of three small language models."""
    folder = tmp_path_factory.mktemp("real")
    words = [*SMALL_LM, "seed=1,2,3", "hydra.sweep.dir=sweep"]
    succeeded(trained_here(folder, "-m", *words))
    return folder / "sweep"


def test_report_has_the_numbers_of_the_runs(sweep: Path) -> None:
    report = write_report(sweep)
    rows = read_ledger(sweep).current
    results = [RunFolder(sweep / row.folder).read_result()["metrics"] for row in rows]
    assert report.findings.metric == "val/perplexity"
    (setting,) = report.findings.settings
    values = [result["val/perplexity"] for result in results]
    assert setting.spread("val/perplexity").values == pytest.approx(values)
    assert len(values) == 3
    names = {file.relative_to(sweep).as_posix() for file in report.files}
    assert names == {
        *("results.csv", "settings.csv", "results.md", "report.html", "figures/curves.png"),
    }
    text = (sweep / "report.html").read_text(encoding="utf-8")
    sample = RunFolder(sweep / rows[0].folder).samples.read_text().splitlines()[-1]
    assert sample.split(" | ")[1].split(" |")[0] in text


def test_command_makes_the_very_jobs_of_the_best_setting(sweep: Path, tmp_path: Path) -> None:
    findings = write_report(sweep).findings
    assert findings.best is not None
    words = shlex.split(str(findings.command))
    assert words[:4] == ["python", "-m", "train", "-m"]
    assert words[-1] == "name=sweep_again"  # in its own folder, the jobs would be found finished
    with composing(take_snapshot(tmp_path / "conf", None), []) as composer:
        made = [composer.compose(list(each.overrides)) for each in Grid(words[4:])]
    assert [fingerprint(each.plain) for each in made] == [
        row.fingerprint for row in findings.best.rows
    ]


@pytest.mark.browser
def test_dashboard_compares_all_runs_with_their_hyperparameters(browser: Any, sweep: Path) -> None:
    rows = read_ledger(sweep).current
    perplexities = [f"{row.metrics['val/perplexity']:.3f}" for row in rows]
    folders = [row.folder for row in rows]
    with served(sweep) as address:
        text = page(browser, address, "hparams", *perplexities, *folders, "model.hidden_size")
    for word in (*perplexities, *folders, "model.hidden_size", "seed", "val/perplexity"):
        assert word in text, word
