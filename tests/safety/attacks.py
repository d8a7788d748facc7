"""Hostile configuration nodes: each leaves a mark, or takes the victim away, if anything runs."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pydoc import locate
from typing import Any

import numpy as np
import torch

Node = dict[str, Any]


class Bomb:
    """Runs a shell command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        import os

        return os.system, (self.command,)


class Trap:
    """A folder with everything that attacks need, and what they would change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.mark = folder / "mark"
        self.victim = folder / "victim"
        self.victim.write_text("precious")
        self.command = f"touch {self.mark}"
        self.code = f"import os; os.system({self.command!r})"
        torch.save(Bomb(self.command), folder / "evil.pt")
        np.save(folder / "evil.npy", np.array([Bomb(self.command)], dtype=object))
        (folder / "evil.pkl").write_bytes(pickle.dumps(Bomb(self.command)))
        for name in ("evil.py", "hubconf.py", "lightning_evil.py"):
            (folder / name).write_text(f"{self.code}\nclass Evil: pass\ndef evil(): pass\n")

    @property
    def sprung(self) -> bool:
        """Whether anything ran."""
        return self.mark.exists() or not self.victim.exists()

    def set(self) -> None:
        """Make it ready again."""
        self.mark.unlink(missing_ok=True)
        self.victim.write_text("precious")


@dataclass(frozen=True)
class Attack:
    """A hostile node and where in a configuration it stands.

    Attributes:
        name: for the test's id.
        place: dotted path; the node takes the place of what is there.
        node: its texts may name what the trap has, as `{mark}`.
        runs: whether an unguarded loader runs it at once; the rest waits for a call or network.
    """

    name: str
    place: str
    node: Any
    runs: bool = True

    def applied(self, config: Node, trap: Trap) -> Node:
        """Return the configuration with the node in it."""
        made, kept = filled(self.node, trap), config.get(self.place)
        if isinstance(made, dict) and isinstance(kept, dict) and "task" in kept:
            made = {"task": kept["task"], **made}
        set_in(config, self.place, made)
        return config


def set_in(config: Node, place: str, value: Any) -> None:
    """Put a value at a dotted path, whatever is there."""
    *parents, last = place.split(".")
    for key in parents:
        if config.get(key) is None:
            config[key] = {}
        config = config[key]
    config[last] = value


def filled(node: Any, trap: Trap) -> Any:
    """Return a node with the trap's own places in its texts."""
    if isinstance(node, dict):
        return {key: filled(value, trap) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value, trap) for value in node]
    return node.format_map(vars(trap)) if isinstance(node, str) else node


def unguarded(node: Any) -> Any:
    """Instantiate whatever a node says, as a loader without a list does."""
    if isinstance(node, list):
        return [unguarded(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: unguarded(value) for key, value in node.items() if key != "task"}
    if "_target_" not in made:
        return made
    partial, target = made.pop("_partial_", False), locate(made.pop("_target_"))
    arguments = made.pop("_args_", [])
    assert callable(target)
    return None if partial else target(*arguments, **made)


def _call(target: str, *arguments: Any, **named: Any) -> Node:
    node: Node = {"_target_": target, **named}
    return node | {"_args_": list(arguments)} if arguments else node


SYSTEM = _call("os.system", command="{command}")
MARK, VICTIM = (_call("pathlib.Path", name) for name in ("{mark}", "{victim}"))
PICKLED = "{folder}/evil.pt"
SGD: Node = {"_target_": "torch.optim.SGD", "_partial_": True, "lr": SYSTEM}
LAMBDA = "torch.optim.lr_scheduler.LambdaLR"
SCHEDULER: Node = {"_target_": LAMBDA, "_partial_": True, "lr_lambda": SYSTEM}
CALLBACKS = "lightning.pytorch.callbacks"
GET_METHOD = "hydra.utils.get_method"

ATTACKS = [
    Attack("os-system", "model", SYSTEM),
    Attack("os-popen", "data", _call("os.popen", "{command}")),
    Attack("posix-system", "model", _call("posix.system", "{command}")),
    Attack("os-remove", "data", _call("os.remove", path="{victim}")),
    Attack("subprocess-run", "model", _call("subprocess.run", ["touch", "{mark}"])),
    Attack("subprocess-call", "data", _call("subprocess.call", ["touch", "{mark}"])),
    Attack("eval", "model", _call("builtins.eval", "exec({code!r})")),
    Attack("exec", "optimizer", _call("builtins.exec", "{code}") | {"_partial_": False}),
    Attack("open", "logger.csv", _call("builtins.open", "{mark}", "w")),
    Attack("import", "model", _call("builtins.__import__", "evil")),
    Attack("import-module", "data", _call("importlib.import_module", "evil")),
    Attack("run-path", "model", _call("runpy.run_path", "{folder}/evil.py")),
    Attack("run-module", "data", _call("runpy.run_module", "evil")),
    Attack("copyfile", "data", _call("shutil.copyfile", "{victim}", "{mark}")),
    Attack("move", "data", _call("shutil.move", "{victim}", "{mark}")),
    Attack("write-text", "model", _call("pathlib.Path.write_text", MARK, "x")),
    Attack("unlink", "callbacks.evil", _call("pathlib.Path.unlink", VICTIM)),
    Attack("torch-load", "model", _call("torch.load", PICKLED, weights_only=False)),
    Attack(
        "torch-load-alias",
        "data",
        _call("torch.serialization.load", f=PICKLED, weights_only=False),
    ),
    Attack("torch-hub", "model", _call("torch.hub.load", "{folder}", "evil", source="local")),
    Attack(
        "cpp-extension",
        "model",
        _call("torch.utils.cpp_extension.load", name="evil", sources=["evil.cpp"]),
        runs=False,
    ),
    Attack("numpy-load", "data", _call("numpy.load", "{folder}/evil.npy", allow_pickle=True)),
    Attack("os-by-seqlab", "data", _call("seqlab.data.tokens.token_file.os.system", "{command}")),
    Attack(
        "torch-by-seqlab",
        "model",
        _call("seqlab.training.devices.torch.load", PICKLED, weights_only=False),
    ),
    Attack("path-by-seqlab", "data", _call("seqlab.data.text.Path.unlink", VICTIM)),
    Attack(
        "hub-by-optim",
        "model",
        _call("torch.optim.swa_utils.torch.hub.load", "{folder}", "evil", source="local"),
    ),
    Attack(
        "urllib-by-seqlab",
        "data",
        _call("seqlab.data.corpus.urllib.request.urlretrieve", "file://{victim}", "{mark}"),
    ),
    Attack(
        "seqlab-cli", "model", _call("seqlab.commands.main.main", ["forecast", "x"]), runs=False
    ),
    Attack(
        "seqlab-replacing",
        "data",
        _call("seqlab.runs.folder.run_folder.replacing", "{mark}"),
        runs=False,
    ),
    Attack("seqlab-write", "data", _call("seqlab.system.files.write_text", MARK, "x")),
    Attack("lambda-callback", "callbacks.evil", _call(f"{CALLBACKS}.LambdaCallback", setup=SYSTEM)),
    Attack(
        "model-checkpoint",
        "callbacks.evil",
        _call(f"{CALLBACKS}.ModelCheckpoint", dirpath="{mark}"),
        runs=False,
    ),
    Attack(
        "csv-logger",
        "logger.evil",
        _call("lightning.pytorch.loggers.CSVLogger", save_dir="..", name="{mark}"),
        runs=False,
    ),
    Attack("hydra-call", "model", _call("hydra.utils.call", SYSTEM)),
    Attack("hydra-instantiate", "data", _call("hydra.utils.instantiate", SYSTEM)),
    Attack("hydra-get-method", "callbacks.evil", _call(GET_METHOD, path="os.system"), runs=False),
    Attack(
        "functools-partial",
        "optimizer",
        _call("functools.partial", _call(GET_METHOD, "os.system"), "x"),
        runs=False,
    ),
    Attack("nested-in-optimizer", "optimizer", SGD),
    Attack("nested-in-list", "data.tau", [1, [SYSTEM]]),
    Attack("nested-in-dict", "model.hidden_size", {"a": {"b": SYSTEM}}),
    Attack("nested-in-callback", "callbacks.progress.bar", SYSTEM),
    Attack("nested-in-logger", "logger.csv.flush", SYSTEM),
    Attack("nested-in-plugins", "trainer.plugins", [SYSTEM]),
    Attack("nested-in-strategy", "trainer.strategy", SYSTEM),
    Attack("nested-in-profiler", "trainer.profiler", SYSTEM),
    Attack("scheduler", "scheduler", SCHEDULER),
    Attack("partial-in-partial", "optimizer.lr", SGD),
    Attack("instead-of-trainer", "trainer._target_", "os.system", runs=False),
    Attack("whole-callbacks", "callbacks", SYSTEM),
    Attack("module-in-working-folder", "model", _call("evil.evil")),
    Attack("class-in-working-folder", "callbacks.evil", _call("evil.Evil")),
]
