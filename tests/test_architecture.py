"""The rules that keep the structure readable: who may import whom, and how long files get."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
FILES = sorted((SOURCE / "seqlab").rglob("*.py"))

# Each room imports from lines below its own only; rooms of one line do not know each other.
ORDER = """
train
commands
sweeps
runs
callbacks, loggers, profiling, config.space
training, runs.folder, prediction, config.compose
data, models, config.validate
data.tokens, models.scans, parallel, metrics, config
figures, batch, system
"""
LEVELS = {
    room: level
    for level, line in enumerate(ORDER.strip().splitlines())
    for room in line.split(", ")
}
MOST_LEVELS = 9
SAME_THING = {
    *("train", "search", "report"),  # a command, and the room behind it
    *("runs", "sweeps"),  # a room, and its figures
    "summary",  # the closing lines of a run, and of a sweep
}
HEAVY = {"torch", "lightning", "matplotlib", "torchmetrics", "numpy", "tensorboard"}
HYDRA = {"hydra", "omegaconf"}
KNOW_HYDRA = ("commands", "runs", "runs.folder", "config", *[r for r in LEVELS if "config." in r])


def module_of(file: Path) -> str:
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in [SOURCE / "train.py", *FILES]}


@cache
def imported(file: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = whole & MODULES.keys()
            names |= inner if len(inner) == len(whole) else inner | {node.module}
    return frozenset(names)


def room_of(module: str) -> str | None:
    """Return the room that a module lies in; none for `seqlab` itself, which everyone may ask."""
    name = module.removeprefix("seqlab.")
    while name and name not in LEVELS:
        name = name.rpartition(".")[0]
    return name or None


def libraries(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(file)}


def short(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", MODULES.values(), ids=short)
def test_imports_go_one_way(file: Path) -> None:
    room = room_of(module_of(file))
    for name in imported(file) & MODULES.keys():
        other = room_of(name)
        if room is None:  # seqlab itself, and `python -m seqlab`
            assert other in (None, "config.validate", "commands"), f"{short(file)} imports {name}"
        elif other not in (None, room):
            assert LEVELS[room] < LEVELS[other], f"{short(file)} imports {name}"


def test_levels_are_few() -> None:
    assert len(ORDER.strip().splitlines()) <= MOST_LEVELS


def test_every_folder_is_a_room() -> None:
    folders = {f"{module_of(file)}." for file in FILES if file.name == "__init__.py"} - {"seqlab."}
    unplaced = {folder for folder in folders if room_of(folder.rstrip(".")) is None}
    assert not unplaced
    flat = {file.stem for file in (SOURCE / "seqlab").glob("*.py")}
    assert flat == {"__init__", "__main__", "batch", "metrics"}


def test_contributing_shows_the_order() -> None:
    assert ORDER in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_modules_of_one_name_are_one_thing_in_two_rooms() -> None:
    twice: dict[str, list[str]] = {}
    for module in MODULES:
        twice.setdefault(module.rpartition(".")[2], []).append(module)
    found = {name for name, modules in twice.items() if len(modules) > 1}
    assert found <= SAME_THING, {name: twice[name] for name in found - SAME_THING}


@pytest.mark.parametrize("file", FILES, ids=short)
def test_hydra_stays_in_commands_configuration_and_runs(file: Path) -> None:
    if room_of(module_of(file)) not in KNOW_HYDRA:
        assert not libraries(file) & HYDRA


@pytest.mark.parametrize("file", FILES, ids=short)
def test_optuna_stays_in_the_search(file: Path) -> None:
    if file.parent.name != "search":
        assert "optuna" not in libraries(file)


@pytest.mark.parametrize("file", sorted((SOURCE / "seqlab" / "config").rglob("*.py")), ids=short)
def test_configuration_needs_nothing_heavy(file: Path) -> None:
    needed, new = set(), {module_of(file)}
    while new:
        needed |= new
        new = {n for module in new for n in imported(MODULES[module]) & MODULES.keys()} - needed
    for module in needed:
        assert not libraries(MODULES[module]) & HEAVY, f"{short(file)} needs {module}"


@pytest.mark.parametrize("file", FILES, ids=short)
def test_one_module_prints(file: Path) -> None:
    calls = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
    names = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
    assert "print" not in names or file.name == "terminal.py", "use seqlab.system.terminal.say"


SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))


@pytest.mark.parametrize("file", [*FILES, *SCRIPTS], ids=short)
def test_files_can_be_read_in_one_sitting(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "a module says what it is for"
