"""scripts/benchmark.py: what it writes, and that a missed limit is said; times are not tested."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark import gpu_training, sizes, text_costs, training_speed
from benchmark.generated_text import write_generated
from benchmark.plain_loops import Text
from benchmark.sections import Row, Section, read_sections, write_report
from benchmark.sweep_costs import write_finished
from conftest import ROOT, script
from expect import Command, succeeded
from seqlab.data.sample_story import SampleStoryData

STORY = ROOT / "src" / "seqlab" / "data" / "stories" / "sample_story.txt"


def story_text(cell: str) -> Text:
    data = SampleStoryData(max_tokens=3000, val_fraction=0.0)
    data.setup()
    return Text(data.parts["train"].long(), data.describe()["vocabulary_size"], cell)


def test_ratio_is_the_median_over_pairs() -> None:
    row = Row("a", (2.0, 9.0, 4.0), (1.0, 3.0, 4.0), limit=2.0)
    assert row.ratio == 2.0  # of 2, 3 and 1
    assert row.holds
    assert row.line() == "| a | **2.00** | 2: kept | 2.00 / 4.00 / 9.00 | 3.00 |"


def test_missed_limit_is_said_in_the_table_and_by_the_section() -> None:
    row = Row("a", (3.3,), (1.0,), limit=3.0)
    assert "| **3.30** | 3: MISSED |" in row.line()
    assert Section("t", "e", "b", [row]).missed() == ["a: 3.30, limit 3"]
    assert Section("t", "e", "b", [Row("a", (9.0,), (1.0,))]).missed() == []


def test_report_of_one_section_keeps_the_others(tmp_path: Path) -> None:
    write_report(tmp_path, {"one": Section("One", "first", "base", [Row("a", (1.0,), (1.0,))])})
    sections = read_sections(tmp_path)
    before = sections["one"]
    sections["two"] = Section("Two", "second", "base", [Row("b", (4.0, 6.0), (2.0, 2.0), 3.0)])
    write_report(tmp_path, sections)
    again = read_sections(tmp_path)
    assert again["one"] == before
    assert again["two"].rows[0].ratio == 2.5
    text = (tmp_path / "benchmarks.md").read_text()
    assert text.index("## One") < text.index("## Two")
    assert "| b | **2.50** | 3: kept | 4.00 / 5.00 / 6.00 | 2.00 |" in text


def test_start_section_writes_table_figures_and_machine(tmp_path: Path) -> None:
    words = ["start", "--repeats", "1", "--only", "seqlab", "lr=fast", "--output", str(tmp_path)]
    done = script("benchmark", *words, cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr  # one pair proves nothing about the limit
    assert (done.returncode == 1) == ("missed: " in done.stderr)
    section: dict[str, Any] = json.loads((tmp_path / "benchmarks.json").read_text())["start"]
    labels = [row["label"] for row in section["rows"]]
    assert labels == ["`python -m train optimizer.lr=fast` (refused)", "`python -m seqlab --help`"]
    for row in section["rows"]:
        assert (len(row["seconds"]), len(row["baseline"]), row["limit"]) == (1, 1, 3.0)
        assert row["ratio"] == pytest.approx(row["seconds"][0] / row["baseline"][0], abs=1e-3)
    assert section["repeats"] == 1
    assert section["machine"]["cores"] >= 1
    assert set(section["machine"]["libraries"]) >= {"torch", "hydra-core", "omegaconf"}
    text = (tmp_path / "benchmarks.md").read_text()
    assert all(label in text for label in labels)
    assert "Repeats: 1." in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_gpu_section_without_a_gpu_is_refused(tmp_path: Path) -> None:
    done = script("benchmark", "gpu", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("error: gpu: PyTorch sees no CUDA GPU on this machine\n")


def test_text_section_measures_rates_and_costs_and_draws_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_costs, "MEGABYTES", 0.1)
    monkeypatch.setattr(text_costs, "_SECONDS", 0.001)
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    wanted = ["ASCII, char, raw", "Cyrillic, word, joined", "random, 100,000 tokens"]
    section = text_costs.measure_text(2, wanted)
    rate, _, cost = section.rows
    assert [row.label for row in section.rows] == [
        "tokenizing ASCII, char, raw",
        "tokenizing Cyrillic, word, joined",
        "batches, random, 100,000 tokens: ns",
    ]
    assert (rate.limit, rate.baseline, len(cost.seconds)) == (1.0, (1.0, 1.0), 2)
    assert all(value > 0 for row in section.rows for value in row.seconds + row.baseline)
    assert os.environ["SEQLAB_DATA"] == str(tmp_path / "mine")
    assert (tmp_path / "mine").is_dir()
    text_costs.draw_costs(section, tmp_path)
    assert (tmp_path / "cost_per_token.png").stat().st_size > 10_000
    text_costs.draw_costs(Section("t", "e", "b", [rate]), tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("ascii_only", [True, False])
def test_generated_text_has_its_size_and_is_the_same_again(
    tmp_path: Path, ascii_only: bool
) -> None:
    for name in ("one", "two"):
        write_generated(tmp_path / name, 50_001, ascii_only=ascii_only)
    content = (tmp_path / "one").read_bytes()
    assert content == (tmp_path / "two").read_bytes()
    assert 50_000 <= len(content) <= 50_001
    assert content.isascii() == ascii_only
    assert "\n\n" in content.decode()


def test_committed_report_has_every_section_and_keeps_its_limits() -> None:
    sections = read_sections(ROOT / "docs")
    wanted = {"start", "run", "training", "limit", "sizes", "text", "sweeps", "sweep_report"}
    assert set(sections) - {"gpu"} == wanted  # a GPU's is there once one was at hand
    assert all(len(row.seconds) >= 5 for each in sections.values() for row in each.rows)
    assert [line for section in sections.values() for line in section.missed()] == []


def test_readme_tells_the_measured_speed() -> None:
    rows = {row.label: row for row in read_sections(ROOT / "docs")["training"].rows}
    text = (ROOT / "README.md").read_text()
    table = text[text.index("<!-- speed -->") : text.index("<!-- /speed -->")]
    told = [re.findall(r"[^|]+", line) for line in table.splitlines()[3:]]
    found = {each[0].strip(): tuple(map(str.strip, each[1:])) for each in told}
    assert found == {
        **{
            name: tuple(f"{1 / rows[f'{name}, {kind}'].ratio:.2f}" for kind in ("template", "all"))
            for name in ("RNN", "GRU", "LSTM", "sine MLP")
        },
        "sine MLP, steps": ("", f"{1 / rows['sine MLP, steps'].ratio:.2f}"),
    }


def test_ledger_of_finished_jobs_is_one_that_the_same_command_knows(
    train: Command, tmp_path: Path
) -> None:
    words = ["optimizer.lr=0.1,1", "seed=range(5)"]
    write_finished(tmp_path / "sweep", words)
    outcome = succeeded(train("-m", *words, "hydra.sweep.dir=sweep"))
    assert "10 jobs: 10 completed, 10 of them before" in outcome.out
    assert "0009_lr=1_seed=4" in {folder.name for folder in (tmp_path / "sweep").iterdir()}


@pytest.mark.parametrize("only", ["sine", "rnn"])
def test_training_section_has_a_row_for_each_contender(
    monkeypatch: pytest.MonkeyPatch, only: str
) -> None:
    monkeypatch.setattr(training_speed, "EPOCHS", 1)
    monkeypatch.setattr(training_speed, "TIME_MACHINE", None)
    monkeypatch.setattr(training_speed, "find_corpus", lambda _: STORY)
    monkeypatch.setattr(training_speed, "chapter_text", story_text)
    section = training_speed.measure_training(2, [only])
    expected = {
        "sine": [
            *("steps", "steps, beside a loop without a DataLoader"),
            *("all", "all, validated", "template"),
        ],
        "rnn": ["all", "steps", "template"],
    }[only]
    name = {"sine": "sine MLP", "rnn": "RNN"}[only]
    assert [row.label for row in section.rows] == [f"{name}, {what}" for what in expected]
    assert all(len(row.seconds) == len(row.baseline) == 2 for row in section.rows)
    assert {row.limit for row in section.rows} == {{"sine": 1.0, "rnn": 0.8}[only], None}


def test_gpu_section_tried_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_speed, "EPOCHS", 1)
    monkeypatch.setattr(training_speed, "TIME_MACHINE", None)
    monkeypatch.setattr(training_speed, "find_corpus", lambda _: STORY)
    monkeypatch.setattr(training_speed, "chapter_text", story_text)
    monkeypatch.setattr(gpu_training, "chapter_text", story_text)
    monkeypatch.setattr(gpu_training, "_MEBIBYTES", 1)
    section = gpu_training.measure_gpu(2, ["rnn"], device="cpu")
    limits = {row.label: row.limit for row in section.rows}
    assert limits == {
        "RNN, all: loop": 0.25,
        "RNN, steps: loop": None,
        "RNN, uncaptured, all: loop": None,
        "RNN, template: loop": None,
        "RNN, all: 2,000,000 tokens/s": 1.0,
        "RNN, steps: products": None,
        "RNN, steps: bytes": None,
    }
    asked = section.rows[4]
    assert asked.baseline == (0.56, 0.56)  # 32 times 35 tokens
    assert all(value > 0 for row in section.rows for value in row.seconds + row.baseline)


def test_bytes_that_a_step_moves() -> None:
    text = Text(torch.zeros(9), 3, "lstm", hidden_size=2, batch_size=5, num_steps=7)
    weights = 8 * 3 + 8 * 2 + 8 + 8 + 2 * 3 + 3  # input, recurrent, two biases, head, its bias
    activations = 5 * 7 * (8 + 2 + 3 + 3)  # gates, states, logits, their softmax
    assert gpu_training.needed_bytes(text) == 4 * (6 * weights + 4 * activations)


def test_products_are_those_of_the_cell() -> None:
    seen: list[tuple[int, ...]] = []
    text = Text(torch.zeros(3000, dtype=torch.int64), 28, "gru")

    def noted(rows: int, inner: int, columns: int, device: str) -> float:
        seen.append((rows, inner, columns))
        return 1.0

    patch = pytest.MonkeyPatch()
    patch.setattr(training_speed, "_product", noted)
    total = training_speed.products(text)
    patch.undo()
    assert seen[:3] == [(32, 256, 768), (32, 768, 256), (768, 1120, 256)]
    assert total == 1000 * (35 + 35 + 1 + 3)
    assert training_speed._product(2, 3, 4, "cpu") > 0


def test_memory_that_a_step_needs() -> None:
    size = sizes.Size(hidden_size=2, batch_size=3, num_steps=5)
    weights = 2 * 4 + 2 + 2 + 2 * 2 + 2 * 4 + 4  # input, two biases, recurrent, head
    activations = 15 * (2 + 4 + 4)
    assert size.needed(vocabulary_size=4) == pytest.approx(8 * (weights + activations) / 2**20)


def test_sizes_are_drawn(tmp_path: Path) -> None:
    rows = [
        Row(f"hidden_size {value}: {unit}", (2.0 * value,) * 5, (1.0 * value,) * 5)
        for value in sizes.VALUES["hidden_size"]
        for unit in ("ms", "MiB")
    ]
    sizes.draw_sizes(Section("t", "e", "b", rows), tmp_path)
    assert (tmp_path / "sizes.png").stat().st_size > 10_000
