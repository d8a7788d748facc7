"""A hostile checkpoint: refused by every command, and nothing in it runs."""

import io
import operator
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attacks import Bomb, Trap
from torch import Tensor

from conftest import Outcome
from expect import Command, Commands, refused
from seqlab.runs.folder.run_folder import RunFolder

pytest_plugins = ["hostile"]

Content = dict[str, Any]


class NumpyBomb:
    """A numpy scalar whose type is made by a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return np.core.multiarray.scalar, (Bomb(self.command), b"")  # type: ignore[attr-defined]


class StateBomb(dict):  # type: ignore[type-arg]
    """A dictionary whose state is a bomb."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self.command = command

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], Any]:
        return dict, (), Bomb(self.command)


def _in(*path: str) -> Callable[[Content, Trap], Content]:
    def put(content: Content, trap: Trap) -> Content:
        inner: Any = content
        for key in path[:-1]:
            inner = inner[int(key)] if isinstance(inner, list) else inner.setdefault(key, {})
        inner[path[-1]] = Bomb(trap.command)
        return content

    return put


def _replaced(make: Callable[[Trap], Any]) -> Callable[[Content, Trap], Any]:
    return lambda content, trap: make(trap)


BOMBS: dict[str, Callable[[Content, Trap], Any]] = {
    "whole": _replaced(lambda t: Bomb(t.command)),
    "in-a-list": _replaced(lambda t: [Bomb(t.command)]),
    "top": _in("more"),
    "hyper-parameters": _in("hyper_parameters", "x"),
    "hyper-parameters-name": _in("hparams_name"),
    "data-hyper-parameters": _in("datamodule_hyper_parameters", "x"),
    "optimizer": _in("optimizer_states", "0", "state"),
    "scheduler": _in("lr_schedulers"),
    "callbacks": _in("callbacks", "Checkpoints", "x"),
    "loops": _in("loops", "fit_loop", "state_dict", "x"),
    "data-module": _in("SampleStoryData", "vocabulary"),
    "weights": _in("state_dict", "network.head.bias"),
    "epoch": _in("epoch"),
    "version": _in("pytorch-lightning_version"),
    "numpy-scalar": _replaced(lambda t: {"state_dict": {}, "epoch": NumpyBomb(t.command)}),
    "reduced-state": _replaced(lambda t: {"state_dict": StateBomb(t.command)}),
}


@pytest.fixture
def texts(texts: RunFolder) -> RunFolder:
    """A run with one checkpoint, which is read as it is: no checksum tells that it was changed."""
    texts.best.unlink()
    return texts


def told(outcome: Outcome, *parts: str) -> None:
    """Assert exit code 2 and one message; to resume, the reason comes before it as a warning."""
    assert outcome.code == 2, outcome.err
    assert outcome.err.count("error: ") == 1, outcome.err
    assert "Traceback" not in outcome.err
    for part in parts:
        assert part in outcome.err


def refused_by_all(outcomes: list[Outcome], trap: Trap) -> None:
    """Assert that every command refused the checkpoint, and that nothing in it ran."""
    for outcome in outcomes:
        told(outcome, "the checkpoint", "cannot be loaded")
    assert not trap.sprung


def _last(run: RunFolder) -> Content:
    content: Content = torch.load(run.last, weights_only=True)
    return content


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_anywhere_goes_off_unguarded_and_in_no_command(
    name: str, trap: Trap, texts: RunFolder, commands: Commands
) -> None:
    torch.save(BOMBS[name](_last(texts), trap), texts.last)
    try:
        torch.load(texts.last, weights_only=False)
    except Exception:  # what comes after it may well fail
        assert trap.sprung
    assert trap.sprung
    trap.set()
    refused_by_all(commands(texts), trap)


def _plain_pickle(file: Path, trap: Trap) -> None:
    file.write_bytes(pickle.dumps(Bomb(trap.command)))


def _protocol_zero(file: Path, trap: Trap) -> None:
    file.write_bytes(pickle.dumps(Bomb(trap.command), protocol=0))


def _legacy_file(file: Path, trap: Trap) -> None:
    torch.save({"state_dict": Bomb(trap.command)}, file, _use_new_zipfile_serialization=False)


def _legacy_tar(file: Path, trap: Trap) -> None:
    with tarfile.open(file, "w") as tar:
        bomb = pickle.dumps(Bomb(trap.command), protocol=2)
        for name in ("storages", "tensors", "pickle"):
            entry = tarfile.TarInfo(name)
            entry.size = len(bomb)
            tar.addfile(entry, io.BytesIO(bomb))


def _changed_data(file: Path, trap: Trap) -> None:
    whole = zipfile.ZipFile(file)
    entries = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(file, "w") as changed:
        for name, content in entries.items():
            bomb = pickle.dumps(Bomb(trap.command), protocol=2)
            changed.writestr(name, bomb if name.endswith("data.pkl") else content)


@pytest.mark.parametrize(
    "write",
    [_plain_pickle, _protocol_zero, _legacy_file, _legacy_tar, _changed_data],
    ids=lambda write: write.__name__.strip("_"),
)
def test_bomb_in_any_format_goes_off_unguarded_and_in_no_command(
    write: Callable[[Path, Trap], None], trap: Trap, texts: RunFolder, commands: Commands
) -> None:
    write(texts.last, trap)
    try:
        torch.load(texts.last, weights_only=False)
    except Exception:  # a pickle alone is no checkpoint; unpickled it goes off all the same
        if write in (_plain_pickle, _protocol_zero):
            pickle.loads(texts.last.read_bytes())
    assert trap.sprung
    trap.set()
    refused_by_all(commands(texts), trap)


def test_compiled_program_is_no_checkpoint(
    trap: Trap, texts: RunFolder, commands: Commands
) -> None:
    traced = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    torch.jit.save(traced, texts.last)
    refused_by_all(commands(texts), trap)


def test_environment_variable_does_not_open_checkpoints(
    trap: Trap, texts: RunFolder, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save(_last(texts) | {"more": Bomb(trap.command)}, texts.last)
    torch.load(texts.last)
    assert trap.sprung
    trap.set()
    refused_by_all(commands(texts), trap)


def test_checkpoint_that_lightning_would_take_up_by_itself_does_not_run(
    trap: Trap, texts: RunFolder, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    for number, slurm in ((1, None), (2, "1")):
        torch.save(Bomb(trap.command), texts.path / f"hpc_ckpt_{number}.ckpt")
        if slurm:
            monkeypatch.setenv("SLURM_NTASKS", slurm)
            monkeypatch.setenv("SLURM_JOB_NAME", "run")
        for outcome in commands(texts):
            assert outcome.code in (0, 1, 2)
            assert "Traceback" not in outcome.err
        assert not trap.sprung


def _set(*path: str, value: Any) -> Callable[[Content], None]:
    return lambda content: operator.setitem(_inner(content, path), path[-1], value)


def _without(*path: str) -> Callable[[Content], None]:
    return lambda content: operator.delitem(_inner(content, path), path[-1])


def _inner(content: Content, path: tuple[str, ...]) -> Any:
    return reduce(operator.getitem, path[:-1], content)


def _huge() -> Tensor:
    return torch.zeros(1).expand(10**9, 10**9)


WRONG: dict[str, Callable[[Content], None]] = {
    "vocabulary-of-numbers": _set("SampleStoryData", "vocabulary", "tokens", value=[1, 2, 3]),
    "vocabulary-of-one": _set("SampleStoryData", "vocabulary", "tokens", value=["<unk>"]),
    "vocabulary-is-a-text": _set("SampleStoryData", "vocabulary", "tokens", value="<unk>abc"),
    "vocabulary-is-nothing": _set("SampleStoryData", "vocabulary", value=None),
    "level-unknown": _set("SampleStoryData", "vocabulary", "level", value="\x1b]0;evil\x07"),
    "no-tokens": _without("SampleStoryData", "vocabulary", "tokens"),
    "no-vocabulary": _without("SampleStoryData", "vocabulary"),
    "data-is-a-number": _set("SampleStoryData", value=7),
    "no-data": _without("SampleStoryData"),
    "weights-are-a-list": _set("state_dict", value=[1, 2]),
    "no-weights": _set("state_dict", value={}),
    "weight-is-a-text": _set("state_dict", "network.head.bias", value="x"),
    "weight-of-another-shape": _set("state_dict", "network.head.bias", value=torch.zeros(3)),
    "weight-is-huge": _set("state_dict", "network.head.bias", value=_huge()),
}


@pytest.mark.parametrize("name", WRONG)
def test_checkpoint_of_wrong_values_is_one_message(
    name: str, texts: RunFolder, seqlab: Command
) -> None:
    content = _last(texts)
    WRONG[name](content)
    torch.save(content, texts.last)
    outcome = seqlab("generate", str(texts.path), "--checkpoint", "last", "--num-tokens", "3")
    refused(
        outcome, "the checkpoint", "not a run's" if name == "weights-are-a-list" else "very run"
    )


UNFIT: dict[str, Callable[[Content], None]] = {
    "no-epoch": _without("epoch"),
    "epoch-is-a-text": _set("epoch", value="x"),
    "no-step": _without("global_step"),
    "loops-broken": _set("loops", value={"fit_loop": 7}),
    "no-loops": _without("loops"),
    "callbacks-broken": _set("callbacks", value=[1]),
    "optimizer-broken": _set("optimizer_states", value=[{"state": 1, "param_groups": "x"}]),
    "state-broken": _set("state", value="x"),
    "place-broken": _set("SampleStoryData", "loader", value={"epoch": "x", "position": []}),
    "version-broken": _set("pytorch-lightning_version", value="not a version"),
    "version-ancient": _set("pytorch-lightning_version", value="0.0.1"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_checkpoint_that_cannot_be_gone_on_with_is_one_message(
    name: str, texts: RunFolder, train: Command
) -> None:
    content = _last(texts)
    UNFIT[name](content)
    torch.save(content, texts.last)
    outcome = train(f"resume={texts.path}", "trainer.max_epochs=3")
    assert outcome.code in (0, 1, 2)
    assert "Traceback" not in outcome.err
    assert outcome.err.count("error: ") == (outcome.code != 0)
