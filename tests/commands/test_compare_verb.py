"""`python -m seqlab compare`: what differs, what cannot be compared, where the figure goes."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from expect import Command, refusals, refused, succeeded, tree, words_of
from made import job, made_run, write_ledger
from processes import probe
from seqlab.sweeps.differences import compare, compared

CURVES = {"train/loss": [0.2, 0.1], "val/loss": [0.4, 0.3]}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two runs, `a` and `b`, that differ in a learning rate and a seed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    made_run(Path("a"), curves=CURVES, result={"device": "cpu"}, age_s=150)
    lower = {name: [value / 2 for value in values] for name, values in CURVES.items()}
    made_run(Path("b"), "failed", curves=lower, optimizer__lr=0.5, seed=3, age_s=7200)
    return tmp_path


def test_tables_and_figure(seqlab: Command, here: Path) -> None:
    done = succeeded(seqlab("compare", "a", "b"))
    (figure,) = Path("outputs/comparisons").iterdir()
    assert done.out.splitlines() == [
        "1  a  completed, 2 minutes",
        "2  b  failed, 2 hours",
        "",
        "configuration     1    2",
        "seed              0    3",
        "optimizer.lr   0.01  0.5",
        "",
        "result              1       2",
        "status      completed  failed",
        "train/loss        0.1   0.05*",
        "val/loss          0.3   0.15*",
        "epochs              2       2",
        "duration_s        1.5     1.5",
        "device            cpu       –",
        "* the lowest",
        "",
        f"figure  {figure}",
    ]
    assert figure.read_bytes().startswith(b"\x89PNG")
    before = tree(here)
    assert seqlab("compare", "a", "b").code == 0  # its own figure is replaced
    assert tree(here).keys() == before.keys()


def test_runs_are_not_written_into(seqlab: Command, here: Path) -> None:
    before = tree(here / "a"), tree(here / "b")
    succeeded(seqlab("compare", "a", "b"))
    assert (tree(here / "a"), tree(here / "b")) == before


def test_json(seqlab: Command, here: Path) -> None:
    made_run(Path("c"), curves={"val/loss": [math.inf]}, data__noise=0.5, data__tau=8)
    done = succeeded(seqlab("compare", "a", "b", "c", "--json", "--output", "new/f.png"))
    found = json.loads(done.out, parse_constant=pytest.fail)
    assert [run["folder"] for run in found["runs"]] == ["a", "b", "c"]
    assert found["configuration"] == {
        "seed": [0, 3, 0],
        "data.noise": [0.2, 0.2, 0.5],
        "data.tau": [4, 4, 8],
        "optimizer.lr": [0.01, 0.5, 0.01],
    }
    assert found["metrics"] == {
        "train/loss": {"values": [0.1, 0.05, None], "comparable": False},
        "val/loss": {"values": [0.3, 0.15, None], "comparable": False},
    }
    assert found["notes"] == [
        "train and val scores of run 3 cannot be compared with those of run 1: data.noise differs"
    ]
    assert found["figure"] == "new/f.png"
    assert Path("new/f.png").is_file()


def texts(folder: str, **changes: Any) -> Path:
    curves = {"train/perplexity": [9.0, 8.0], "val/perplexity": [12.0, 11.0], "val/loss": [2, 2]}
    return made_run(Path(folder), kind="gru", curves=curves, **changes).path


@pytest.mark.parametrize(
    ("changes", "train_differs", "val_differs"),
    [
        ({"data__batch_size": 4, "data__num_steps": 7, "seed": 4}, False, False),
        ({"data__sampling": "random", "data__carry_state": False}, False, False),
        ({"model__hidden_size": 9, "trainer__max_epochs": 1}, False, False),
        ({"data__max_tokens": 99}, True, False),
        ({"data__level": "word"}, True, True),
        ({"data__min_frequency": 3}, True, True),
        ({"data__preprocessing": "raw"}, True, True),
        ({"data__val_fraction": 0.2}, True, True),
        ({"data__key_of_a_later_version": 1}, False, False),
        ({"result": {"sees_future": True}}, True, True),
    ],
)
def test_which_perplexities_can_be_compared(
    here: Path, changes: dict[str, Any], train_differs: bool, val_differs: bool
) -> None:
    found = compare([compared(texts("first")), compared(texts("second", **changes))])
    assert found.are_comparable("train/perplexity") != train_differs
    assert found.are_comparable("val/perplexity") != val_differs
    assert found.are_comparable("train/gradient_norm")
    assert bool(found.reasons) == train_differs


def test_the_same_text_elsewhere_is_the_same_text(here: Path) -> None:
    for name, text in {"one": "abc", "copy": "abc", "other": "abd"}.items():
        Path(f"{name}.txt").write_text(text)
        texts(name, data__path=str(here / f"{name}.txt"))
    runs = {name: compared(Path(name)) for name in ("one", "copy", "other")}
    assert compare([runs["one"], runs["copy"]]).are_comparable("val/loss")
    assert not compare([runs["one"], runs["other"]]).are_comparable("val/loss")
    Path("copy.txt").unlink()  # nobody knows any more
    assert not compare([runs["one"], runs["copy"]]).are_comparable("val/loss")


def test_what_cannot_be_compared_is_marked_and_drawn_apart(
    seqlab: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("seqlab.figures.comparison.comparison", lambda *given: drawn.append(given))
    monkeypatch.setattr("seqlab.figures.style.png_of", lambda draw, **_: draw() or b"png")
    texts("text")
    done = succeeded(seqlab("compare", "a", "text", "b"))
    lines = done.out.splitlines()
    assert [line for line in lines if line.startswith("val/loss")] == [
        "val/loss ≠                0.3          2    0.15"
    ]
    assert (
        "≠ train and val scores of run 2 cannot be compared with those of run 1: data._target_"
        in done.out
    )
    assert "the lowest" not in done.out
    ((panels, labels),) = drawn
    assert {title: list(curves) for title, curves in panels.items()} == {
        "train/loss by epoch, of runs 1, 3": [0, 2],
        "train/perplexity by epoch, of run 2": [1],
        "val/loss by epoch, of runs 1, 3": [0, 2],
        "val/perplexity by epoch, of run 2": [1],
    }
    assert labels == ["1: a", "2: text", "3: b"]


def test_labels_say_what_differs(
    seqlab: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("seqlab.figures.comparison.comparison", lambda *given: drawn.append(given))
    monkeypatch.setattr("seqlab.figures.style.png_of", lambda draw, **_: draw() or b"png")
    succeeded(seqlab("compare", "a", "b"))
    assert drawn[0][1] == ["1: seed=0, lr=0.01", "2: seed=3, lr=0.5"]


def test_columns_that_do_not_fit_follow_below(
    seqlab: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        made_run(Path(f"r{number}"), curves=CURVES, optimizer__lr=10.0 ** (-3 * number) / 7)
    monkeypatch.setenv("COLUMNS", "60")
    lines = seqlab("compare", "r0", "r1", "r2", "r3").out.splitlines()
    assert max(map(len, lines)) <= 60
    assert [line for line in lines if line.startswith(("configuration", "optimizer.lr"))] == [
        "configuration         1            2            3",
        "optimizer.lr   0.142857  0.000142857  1.42857e-07",
        "configuration            4",
        "optimizer.lr   1.42857e-10",
    ]


def test_run_without_a_result_or_curves(seqlab: Command, here: Path) -> None:
    made_run(Path("begun"), None).metrics.unlink()
    made_run(Path("damaged")).result.write_text("{")
    done = succeeded(seqlab("compare", "begun", "damaged"))
    assert "The configuration is the same." in done.out
    assert "status  killed  damaged" in done.out
    assert done.out.endswith("\nno curves: no run has written metrics.csv\n")
    assert not Path("outputs").exists()


def test_class_says_enough_of_a_callback_that_a_run_lacks(seqlab: Command, here: Path) -> None:
    made_run(Path("c"), curves=CURVES, callbacks={})
    rows = succeeded(seqlab("compare", "a", "c")).out.splitlines()
    assert [row.split() for row in rows if row.startswith("callbacks.forecasts")] == [
        ["callbacks.forecasts._target_", "Forecasts", "–"]
    ]


@refusals(
    ("a", "compare needs two runs or more", "python -m seqlab list names them."),
    ("a b a", "a is named twice", "Name each run once."),
    ("a ./a", "./a is named twice", ""),
    ("a nowhere", "there is no folder nowhere", "Name a run"),
    ("a .", ". holds runs, and is none itself", "Name one of them, such as broken."),
    ("a sweep", "sweep is a sweep", "python -m seqlab report sweep"),
    ("a s3://b/run", "is a URL", "Download it"),
    ("a broken", "broken/config.yaml cannot be read", "damaged"),
    ("a b --output f.pdf", "--output f.pdf: the figure is PNG", "ends in .png"),
    ("a b --output old.png", "old.png: it exists already; nothing in it was changed", "new file"),
    ("a b --output old.png/f.png", "cannot be written to old.png: File exists", "--output"),
)
def test_what_is_wrong_is_refused(
    seqlab: Command, here: Path, asked: str, message: str, remedy: str
) -> None:
    write_ledger(Path("sweep"), [job(0)])
    made_run(Path("broken")).config.write_text("a: [\n")
    Path("old.png").write_text("mine")
    before = tree(here)
    refused(seqlab("compare", *words_of(asked)), message, remedy)
    assert tree(here) == before


def test_torch_is_not_imported(here: Path) -> None:
    outcome, imported = probe("seqlab.commands.main", "compare", "a", "b", cwd=here)
    assert outcome.code == 0, outcome.err
    assert not imported
