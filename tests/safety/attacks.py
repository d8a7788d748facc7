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
        node: makes it.
        runs: whether an unguarded loader runs it at once; the rest waits for a call or network.
    """

    name: str
    place: str
    node: Callable[[Trap], Any]
    runs: bool = True

    def applied(self, config: Node, trap: Trap) -> Node:
        """Return the configuration with the node in it."""
        *parents, last = self.place.split(".")
        inner = config
        for key in parents:
            if inner.get(key) is None:
                inner[key] = {}
            inner = inner[key]
        made = self.node(trap)
        if isinstance(made, dict) and isinstance(inner.get(last), dict) and "task" in inner[last]:
            made = {"task": inner[last]["task"], **made}
        inner[last] = made
        return config


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


def _path(path: Path) -> Node:
    return _call("pathlib.Path", str(path))


def _system(trap: Trap) -> Node:
    return _call("os.system", command=trap.command)


def _sgd(trap: Trap) -> Node:
    return {"_target_": "torch.optim.SGD", "_partial_": True, "lr": _system(trap)}


ATTACKS = [
    Attack("os-system", "model", _system),
    Attack("os-popen", "data", lambda t: _call("os.popen", t.command)),
    Attack("posix-system", "model", lambda t: _call("posix.system", t.command)),
    Attack("os-remove", "data", lambda t: _call("os.remove", path=str(t.victim))),
    Attack("subprocess-run", "model", lambda t: _call("subprocess.run", ["touch", str(t.mark)])),
    Attack("subprocess-call", "data", lambda t: _call("subprocess.call", ["touch", str(t.mark)])),
    Attack("eval", "model", lambda t: _call("builtins.eval", f"exec({t.code!r})")),
    Attack("exec", "optimizer", lambda t: _call("builtins.exec", t.code) | {"_partial_": False}),
    Attack("open", "logger.csv", lambda t: _call("builtins.open", str(t.mark), "w")),
    Attack("import", "model", lambda t: _call("builtins.__import__", "evil")),
    Attack("import-module", "data", lambda t: _call("importlib.import_module", "evil")),
    Attack("run-path", "model", lambda t: _call("runpy.run_path", str(t.folder / "evil.py"))),
    Attack("run-module", "data", lambda t: _call("runpy.run_module", "evil")),
    Attack("copyfile", "data", lambda t: _call("shutil.copyfile", str(t.victim), str(t.mark))),
    Attack("move", "data", lambda t: _call("shutil.move", str(t.victim), str(t.mark))),
    Attack("write-text", "model", lambda t: _call("pathlib.Path.write_text", _path(t.mark), "x")),
    Attack("unlink", "callbacks.evil", lambda t: _call("pathlib.Path.unlink", _path(t.victim))),
    Attack(
        "torch-load",
        "model",
        lambda t: _call("torch.load", str(t.folder / "evil.pt"), weights_only=False),
    ),
    Attack(
        "torch-load-alias",
        "data",
        lambda t: _call(
            "torch.serialization.load", f=str(t.folder / "evil.pt"), weights_only=False
        ),
    ),
    Attack(
        "torch-hub",
        "model",
        lambda t: _call("torch.hub.load", str(t.folder), "evil", source="local"),
    ),
    Attack(
        "cpp-extension",
        "model",
        lambda t: _call("torch.utils.cpp_extension.load", name="evil", sources=["evil.cpp"]),
        runs=False,
    ),
    Attack(
        "numpy-load",
        "data",
        lambda t: _call("numpy.load", str(t.folder / "evil.npy"), allow_pickle=True),
    ),
    Attack("os-by-seqlab", "data", lambda t: _call("seqlab.data.corpus.os.system", t.command)),
    Attack(
        "torch-by-seqlab",
        "model",
        lambda t: _call(
            "seqlab.training.devices.torch.load", str(t.folder / "evil.pt"), weights_only=False
        ),
    ),
    Attack(
        "path-by-seqlab",
        "data",
        lambda t: _call("seqlab.data.text.Path.unlink", _path(t.victim)),
    ),
    Attack(
        "hub-by-optim",
        "model",
        lambda t: _call(
            "torch.optim.swa_utils.torch.hub.load", str(t.folder), "evil", source="local"
        ),
    ),
    Attack(
        "urllib-by-seqlab",
        "data",
        lambda t: _call(
            "seqlab.data.corpus.urllib.request.urlretrieve",
            f"file://{t.victim}",
            str(t.mark),
        ),
    ),
    Attack(
        "seqlab-cli",
        "model",
        lambda t: _call("seqlab.commands.main.main", ["forecast", "x"]),
        runs=False,
    ),
    Attack(
        "seqlab-replacing",
        "data",
        lambda t: _call("seqlab.runs.folder.run_folder.replacing", str(t.mark)),
        runs=False,
    ),
    Attack(
        "seqlab-write",
        "data",
        lambda t: _call(
            "seqlab.system.files.write_text",
            _path(t.mark),
            "x",
        ),
    ),
    Attack("lambda-callback", "callbacks.evil", lambda t: _lambda(t)),
    Attack(
        "model-checkpoint",
        "callbacks.evil",
        lambda t: _call("lightning.pytorch.callbacks.ModelCheckpoint", dirpath=str(t.mark)),
        runs=False,
    ),
    Attack(
        "csv-logger",
        "logger.evil",
        lambda t: _call("lightning.pytorch.loggers.CSVLogger", save_dir="..", name=str(t.mark)),
        runs=False,
    ),
    Attack("hydra-call", "model", lambda t: _call("hydra.utils.call", _system(t))),
    Attack("hydra-instantiate", "data", lambda t: _call("hydra.utils.instantiate", _system(t))),
    Attack(
        "hydra-get-method",
        "callbacks.evil",
        lambda t: _call("hydra.utils.get_method", path="os.system"),
        runs=False,
    ),
    Attack(
        "functools-partial",
        "optimizer",
        lambda t: _call("functools.partial", _call("hydra.utils.get_method", "os.system"), "x"),
        runs=False,
    ),
    Attack("nested-in-optimizer", "optimizer", _sgd),
    Attack("nested-in-list", "data.tau", lambda t: [1, [_system(t)]]),
    Attack("nested-in-dict", "model.hidden_size", lambda t: {"a": {"b": _system(t)}}),
    Attack("nested-in-callback", "callbacks.progress.bar", _system),
    Attack("nested-in-logger", "logger.csv.flush", _system),
    Attack("nested-in-plugins", "trainer.plugins", lambda t: [_system(t)]),
    Attack("nested-in-strategy", "trainer.strategy", _system),
    Attack("nested-in-profiler", "trainer.profiler", _system),
    Attack(
        "scheduler",
        "scheduler",
        lambda t: {
            "_target_": "torch.optim.lr_scheduler.LambdaLR",
            "_partial_": True,
            "lr_lambda": _system(t),
        },
    ),
    Attack("partial-in-partial", "optimizer.lr", lambda t: _sgd(t)),
    Attack("instead-of-trainer", "trainer._target_", lambda t: "os.system", runs=False),
    Attack("whole-callbacks", "callbacks", _system),
    Attack("module-in-working-folder", "model", lambda t: _call("evil.evil")),
    Attack("class-in-working-folder", "callbacks.evil", lambda t: _call("evil.Evil")),
]


def _lambda(trap: Trap) -> Node:
    return _call("lightning.pytorch.callbacks.LambdaCallback", setup=_system(trap))
