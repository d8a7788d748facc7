"""samples.txt: one line a sample, whatever is in it, also after a resume."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import SMALL_LM, Outcome
from seqlab.callbacks.samples import SampleLines
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.report.learning_curves import last_samples

ODD = "a | b\nc\r\u2028\\"


def state(*lines: str, num_lines: int | None = None) -> dict[str, Any]:
    return {"num_lines": len(lines) if num_lines is None else num_lines, "lines": list(lines)}


def test_prefix_with_line_ends_and_separators_makes_one_line_a_sample_before_and_after_a_resume(
    train: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "odd/experiment").mkdir(parents=True)
    (tmp_path / "odd/experiment/odd.yaml").write_text(
        f"# @package _global_\ncallbacks:\n  samples:\n    prefixes: [{json.dumps(ODD)}]\n"
    )
    words = ["--config-dir", "odd", *(w for w in SMALL_LM if w != "recipe=none")]
    done = train(*words, "experiment=odd", "hydra.run.dir=run")
    assert done.code == 0, done.err
    run = RunFolder(tmp_path / "run")
    assert train("resume=run", "trainer.max_epochs=3").code == 0
    assert "had lost lines" not in run.log.read_text()
    lines = run.samples.read_text(encoding="utf-8").splitlines()
    shown = r"a \| b\nc\r\u2028" + "\\\\"
    both = (shown, f"{shown} (temperature 0.8)")
    assert [line.split(" |", 2)[:2] for line in lines] == [
        [f"{epoch:5d}", f" {each}"] for epoch in range(4) for each in both
    ]
    assert tuple(prefix for prefix, _ in last_samples(run.path)) == both


def test_lines_of_an_earlier_version_are_counted_as_samples_and_become_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = RunFolder(tmp_path)
    earlier, kept = "    0 | a\nb | x\n", "    1 | a\nb | y\n"
    run.samples.write_text(earlier + kept + "    2 | later\n")
    lines = SampleLines()
    lines.continue_from(state(kept, num_lines=2), run)
    assert run.samples.read_text() == "    0 | a\\nb | x\n    1 | a\\nb | y\n"
    assert lines.state() == state("    0 | a\\nb | x\n", "    1 | a\\nb | y\n")
    assert lines.ends_with(1)
    assert caplog.text == ""


def test_lines_that_are_nowhere_any_more_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    SampleLines().continue_from(state("    7 | a | b\n", num_lines=8), RunFolder(tmp_path))
    assert "samples.txt had lost lines: they are missing" in caplog.text


def test_sampled_text_is_beside_the_greedy_one_and_changes_nothing_else(
    train: Callable[..., Outcome], tmp_path: Path, language_run: RunFolder
) -> None:
    words = [*SMALL_LM, "callbacks.samples.temperature=null", "hydra.run.dir=run"]
    assert train(*words).code == 0
    run = RunFolder(tmp_path / "run")
    lines = language_run.samples.read_text(encoding="utf-8").splitlines()
    sampled = lines[1::2]
    assert all(" (temperature 0.8) |" in line for line in sampled)
    assert run.samples.read_text(encoding="utf-8").splitlines() == lines[::2]
    assert "<unk>" not in "".join(lines)
    ours, theirs = (torch.load(each.last, weights_only=True) for each in (run, language_run))
    for name, weights in ours["state_dict"].items():
        assert torch.equal(weights, theirs["state_dict"][name])


def test_checkpoint_has_the_lines_as_they_are_in_the_file(language_run: RunFolder) -> None:
    content = torch.load(language_run.last, weights_only=True)
    kept = content["callbacks"]["Samples"]["lines"]
    assert language_run.samples.read_text(encoding="utf-8").startswith("".join(kept[:3]))
