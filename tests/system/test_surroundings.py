"""Variables of launchers and libraries: hidden, put back, and what several processes are told."""

import logging
import os
import sys
import types

import pytest

from expect import refusal
from seqlab.system.surroundings import check_started_once, own_environment, tasks_around

HIDDEN = {
    "PL_TRAINER_FAST_DEV_RUN": "1",
    "MPLBACKEND": "module://nowhere",
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    "HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE": "*",
    "LOCAL_RANK": "gold",
}
LEFT = {"RANK": "3", "SLURM_PROCID": "1", "PL_GLOBAL_SEED": "7", "TORCH_LOGS": "recompiles"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK"):
        monkeypatch.delenv(name, raising=False)


def together(monkeypatch: pytest.MonkeyPatch, world: int, here: int, rank: int) -> None:
    """Set what torchrun sets."""
    numbers = {"WORLD_SIZE": world, "LOCAL_WORLD_SIZE": here, "RANK": rank}
    for name, value in {**numbers, "TORCHELASTIC_RUN_ID": "none"}.items():
        monkeypatch.setenv(name, str(value))


def test_variables_that_would_change_a_run_are_hidden_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (HIDDEN | LEFT).items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with own_environment():
        assert not HIDDEN.keys() & os.environ.keys()
        assert os.environ.items() >= LEFT.items()
        assert not logging.getLogger("matplotlib").isEnabledFor(logging.WARNING)
    assert dict(os.environ) == before
    assert logging.getLogger("matplotlib").isEnabledFor(logging.WARNING)


@pytest.mark.parametrize("backend", ["Agg", "module://nowhere"])
def test_notebook_gets_its_own_backend_back(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    matplotlib = types.SimpleNamespace(rcParams={"backend": "auto"})
    monkeypatch.setitem(sys.modules, "matplotlib", matplotlib)  # type: ignore[arg-type]
    monkeypatch.setenv("MPLBACKEND", backend)
    with own_environment():
        assert matplotlib.rcParams["backend"] == "auto"
    assert matplotlib.rcParams["backend"] == backend


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["model=mlp", "name=a b"], "model=mlp 'name=a b' trainer=ddp trainer.devices=2"),
        (["trainer=ddp", "trainer.devices=4"], "trainer=ddp trainer.devices=2"),
        (["resume=runs/1"], "resume=runs/1 trainer.strategy=ddp trainer.devices=2"),
    ],
)
def test_torchrun_over_several_processes_is_told_what_to_type(
    monkeypatch: pytest.MonkeyPatch, words: list[str], typed: str
) -> None:
    together(monkeypatch, world=4, here=2, rank=0)
    with refusal(
        "torchrun has started 4 processes of this command, and each would train a run of its own",
        f"Type, without torchrun: python -m train {typed}",
    ):
        check_started_once(words)


def test_only_the_first_process_of_torchrun_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("seqlab.system.surroundings.time.sleep", waited.append)
    together(monkeypatch, world=2, here=2, rank=1)
    with pytest.raises(SystemExit) as left:
        check_started_once([])
    assert (left.value.code, len(waited)) == (2, 1)
    assert capsys.readouterr() == ("", "")


def test_one_process_of_torchrun_or_of_a_pod_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    together(monkeypatch, world=1, here=1, rank=0)
    check_started_once([])
    together(monkeypatch, world=4, here=1, rank=3)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    check_started_once([])


@pytest.mark.parametrize(
    ("variable", "launcher"),
    [
        ("SLURM_STEP_NUM_TASKS", "srun"),
        ("OMPI_COMM_WORLD_SIZE", "mpirun"),
        ("PMI_SIZE", "mpiexec"),
        ("JSM_NAMESPACE_SIZE", "jsrun"),
    ],
)
def test_tasks_of_one_step_are_counted(
    monkeypatch: pytest.MonkeyPatch, variable: str, launcher: str
) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "4")  # of the allocation; nobody has started them
    for value, expected in (("1", ("", 1)), ("few", ("", 1)), ("4", (launcher, 4))):
        monkeypatch.setenv(variable, value)
        assert tasks_around() == expected
