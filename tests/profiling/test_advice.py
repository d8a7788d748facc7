"""Advice on phases that take long: from which share on, and with keys that exist."""

from typing import Any

import pytest
from hydra.errors import HydraException

from composed import checked
from seqlab.profiling.advice import (
    MODEL_ON_CPU,
    MODEL_ON_GPU,
    REMEDIES,
    SMALL_MODEL,
    Remedy,
    advise,
    options_of,
)
from seqlab.profiling.clock import Row
from seqlab.system.errors import UserError

EXPERIMENTS = {"forecasting": "sine_mlp", "language_model": "time_machine_rnn"}
ALL = list(REMEDIES.items())
ALL += [("forward", each) for each in (MODEL_ON_CPU, MODEL_ON_GPU, SMALL_MODEL)]


@pytest.fixture(scope="module")
def configs() -> dict[str, dict[str, Any]]:
    return {task: checked(f"experiment={name}") for task, name in EXPERIMENTS.items()}


@pytest.mark.parametrize("task", EXPERIMENTS)
def test_every_remedy_is_made_of_keys_that_exist(
    task: str, configs: dict[str, dict[str, Any]]
) -> None:
    words: list[str] = []
    for _, remedy in ALL:
        if remedy.task in (None, task):
            words += [word for _, word in options_of(remedy, configs[task])]
    words = ["seed=1" if word == "-m seed=1,2,3" else word.strip("'") for word in words]
    assert len(words) > 10
    for removing in (True, False):  # a key cannot be taken away and set
        checked(
            f"experiment={EXPERIMENTS[task]}",
            *(word for word in words if word.startswith("~") is removing),
        )
    with pytest.raises((UserError, HydraException)):
        checked(f"experiment={EXPERIMENTS[task]}", "callbacks.samples.every_epochs=3")


def test_every_option_is_one_of_some_experiment(configs: dict[str, dict[str, Any]]) -> None:
    offered = {what for _, each in ALL for c in configs.values() for what, _ in options_of(each, c)}
    assert offered == {what for _, each in ALL for what, _ in each.options} - {"less of it"}
    whole = checked("experiment=time_machine_rnn", "data.max_tokens=null")
    assert options_of(REMEDIES["data"], whole) == [("less of it", "data.max_tokens=100000")]


@pytest.mark.parametrize(("phase", "remedy"), ALL, ids=lambda each: str(each)[:30])
def test_advice_begins_at_its_share(
    phase: str, remedy: Remedy, configs: dict[str, dict[str, Any]]
) -> None:
    config = configs[remedy.task or "language_model"]
    if phase == "data":
        config = config | {"data": {"task": "language_model", "max_tokens": None}}
    above, below = remedy.share + 0.001, remedy.share - 0.001
    on_gpu = remedy is MODEL_ON_GPU
    said = advise([Row(phase, 1, 1.0, above)], config, on_gpu=on_gpu)
    assert list(said) == [phase]
    assert said[phase].startswith(f"{remedy.why}. Try ")
    assert advise([Row(phase, 1, 1.0, below)], config, on_gpu=on_gpu) == {}


def test_forward_and_backward_are_judged_together(configs: dict[str, dict[str, Any]]) -> None:
    rows = [Row("forward", 1, 0.2, 0.2), Row("backward", 1, 0.3, 0.3), Row("data", 1, 0.1, 0.1)]
    assert advise(rows, configs["language_model"]) == {
        "backward": "forward and backward are the model's own work. Try a smaller model: "
        "model.hidden_size=128, or larger batches: data.batch_size=64, or a GPU: "
        "trainer.accelerator=gpu."
    }
    on_gpu = advise(rows, configs["language_model"], on_gpu=True)["backward"]
    assert "trainer.precision=bf16-mixed" in on_gpu
    assert "accelerator" not in on_gpu
    assert advise(rows[:1], configs["language_model"]) == {}


def test_numbers_follow_the_run_s_own_and_quotes_the_shell(
    configs: dict[str, dict[str, Any]],
) -> None:
    config = configs["forecasting"]
    assert config["data"]["batch_size"] == 16
    said = advise(
        [Row("the loop itself", 1, 1.0, 0.5), Row("callbacks.forecasts", 1, 1.0, 0.5)], config
    )
    assert said["the loop itself"].endswith("Try larger batches: data.batch_size=32.")
    assert said["callbacks.forecasts"].endswith(
        "Try fewer steps ahead: callbacks.forecasts.horizons=[1,4], or none: "
        "'~callbacks.forecasts'."
    )


def test_nothing_is_said_that_the_run_has_no_key_for_or_does_already(
    configs: dict[str, dict[str, Any]],
) -> None:
    config = configs["language_model"]
    bare = config | {"callbacks": {}, "data": {"task": "language_model", "batch_size": "auto"}}
    rows = [Row("callbacks.samples", 1, 1.0, 0.5), Row("batches", 1, 1.0, 0.5)]
    assert advise(rows, bare) == {}
    assert list(advise(rows, config)) == ["callbacks.samples", "batches"]
    trainer = {"check_val_every_n_epoch": None, "limit_val_batches": 0.1}
    assert options_of(REMEDIES["validation"], {"trainer": trainer}) == []
    trainer |= {"limit_val_batches": 0.5}
    assert [w for _, w in options_of(REMEDIES["validation"], {"trainer": trainer})] == [
        "trainer.limit_val_batches=0.2"
    ]
    small = {"model": {"hidden_size": 1}, "trainer": {"precision": "bf16-mixed"}}
    assert options_of(MODEL_ON_GPU, small) == []
    ahead = {"callbacks": {"forecasts": {"horizons": [1, 4]}}}
    assert options_of(REMEDIES["callbacks.forecasts"], ahead) == [
        ("none", "'~callbacks.forecasts'")
    ]
