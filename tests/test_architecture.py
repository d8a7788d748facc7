"""The rules that keep the structure readable: who may import whom, and how long files get."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
FILES = sorted((SOURCE / "seqlab").rglob("*.py"))

# What each part of the package may import from the package, itself aside.
ALLOWED = {
    "__init__": {"config.allowed"},
    "masking": set(),
    "errors": {"masking"},
    "files": set(),
    "random_state": set(),
    "batch": set(),
    "metrics": {"batch"},
    "text_files": {"errors"},
    "config": {"errors", "files", "masking", "text_files"},
    "project": {"config", "errors"},
    "run_folder": {"config.folders", "errors", "files"},
    "checkpoint": {"errors", "files"},
    "resumption": {"checkpoint", "errors", "run_folder"},
    "parallel": {"deferral", "errors"},
    "devices": {"errors"},
    "data": {"batch", "compiler", "errors", "files", "text_files"},
    "models": {"batch", "compiler", "metrics", "errors", "parallel"},
    "training_loop": {"data.loader"},
    "profiling": {"errors", "files", "run_folder", "training_loop"},
    "prediction": {"metrics"},
    "figures": set(),
    "loggers": {"files", "run_folder"},
    "callbacks": {
        *("batch", "metrics", "prediction", "figures", "run_folder", "errors"),
        *("checkpoint", "deferral", "files", "masking", "random_state", "parallel.group"),
    },
    "messages": {"masking"},
    "deferral": set(),
    "leaving": set(),
    "memory": set(),
    "cores": set(),
    "compiler": {"files"},
    "provenance": {"__init__"},
    # config.jobs, config.space: for what a job is made of; config.claim: whether it is at work
    "sweeps": {
        *("config.jobs", "config.space", "config.claim", "deferral", "errors", "figures", "files"),
        *("masking", "messages", "provenance", "run_folder"),
    },
    "summary": {"run_folder"},
    # experiment: for a type only
    "record": {"errors", "provenance", "resumption", "run_folder", "masking", "experiment"},
}
HEAVY = {"torch", "lightning", "matplotlib", "torchmetrics", "numpy", "tensorboard"}
HYDRA = {"hydra", "omegaconf"}


def imported(file: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "seqlab":
                names += [f"seqlab.{alias.name}" for alias in node.names]
            else:
                names.append(node.module)
    return names


def part_of(file: Path) -> str:
    return file.relative_to(SOURCE / "seqlab").with_suffix("").parts[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_go_one_way(file: Path) -> None:
    part = part_of(file)
    if part not in ALLOWED:
        pytest.skip(f"{part} stands at the top and may import anything")
    for name in imported(file):
        if not name.startswith("seqlab."):
            continue
        inner = name.removeprefix("seqlab.")
        allowed = inner.split(".")[0] == part or any(
            inner == other or inner.startswith(f"{other}.") for other in ALLOWED[part]
        )
        assert allowed or inner == "__version__", f"{file.name} imports {name}"


def test_top_is_only_what_sees_data_and_models() -> None:
    top = {part_of(file) for file in FILES} - set(ALLOWED)
    runs = {"experiment", "run", "rank_process", "trained", "worker"}
    commands = {"verbs", "cli", "train_cli", "sweep_cli", "search_cli", "__main__"}
    assert top == runs | commands


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_hydra_stays_in_the_configuration_and_the_run(file: Path) -> None:
    if part_of(file) in ("config", "run", "train_cli"):
        return
    assert not {name.split(".")[0] for name in imported(file)} & HYDRA


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_optuna_stays_in_the_search(file: Path) -> None:
    if file.parent.name != "search":
        assert "optuna" not in {name.split(".")[0] for name in imported(file)}


@pytest.mark.parametrize("file", sorted((SOURCE / "seqlab" / "config").glob("*.py")))
def test_configuration_needs_nothing_heavy(file: Path) -> None:
    assert not {name.split(".")[0] for name in imported(file)} & HEAVY


@pytest.mark.parametrize("file", [*FILES, *sorted((ROOT / "scripts").glob("*.py"))])
def test_files_can_be_read_in_one_sitting(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "a module says what it is for"
