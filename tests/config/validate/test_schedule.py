"""A schedule is stepped in its own unit, or refused before anything starts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Outcome
from expect import refusal, refused
from seqlab.config.validate.schedule import check_schedule

TORCH = "torch.optim.lr_scheduler"


def where(path: str) -> str:
    return f"at {path}"


@pytest.mark.parametrize(
    ("kind", "more", "message", "remedy"),
    [
        (
            f"{TORCH}.OneCycleLR",
            {"interval": "epoch"},
            "scheduler.interval=epoch at scheduler.interval would be stepped once an epoch: "
            "OneCycleLR changes the learning rate at every optimizer step",
            "Use scheduler.interval=step",
        ),
        (f"{TORCH}.CyclicLR", {}, "CyclicLR at scheduler._target_ would", "interval: step."),
        (
            "seqlab.models.schedules.WarmupCosine",
            {"interval": "epoch"},
            "WarmupCosine changes",
            "Use scheduler.interval=step",
        ),
        (
            f"{TORCH}.ReduceLROnPlateau",
            {"interval": "step"},
            "ReduceLROnPlateau is stepped whenever the metric that it watches is measured",
            "scheduler.monitor=NAME",
        ),
        (
            f"{TORCH}.StepLR",
            {"monitor": "val/loss"},
            "scheduler.monitor=val/loss at scheduler.monitor: StepLR watches no metric",
            "Use scheduler=plateau",
        ),
    ],
)
def test_wrong_unit_is_refused(kind: str, more: dict[str, Any], message: str, remedy: str) -> None:
    with refusal(message, remedy):
        check_schedule({"_target_": kind} | more, where)


@pytest.mark.parametrize(
    "node",
    [
        {},
        {"_target_": f"{TORCH}.OneCycleLR", "interval": "step"},
        {"_target_": f"{TORCH}.StepLR"},
        {"_target_": f"{TORCH}.StepLR", "interval": "step"},
        {"_target_": f"{TORCH}.ReduceLROnPlateau", "monitor": "val/loss"},
        {"_target_": "mine.Plateau", "monitor": "val/loss"},
    ],
    ids=str,
)
def test_own_unit_is_not(node: dict[str, Any]) -> None:
    check_schedule(node, where)


def test_option_file_without_a_unit_is_told_the_line(
    train: Callable[..., Outcome], tmp_path: Path
) -> None:
    folder = tmp_path / "conf" / "scheduler"
    folder.mkdir(parents=True)
    (folder / "cycle.yaml").write_text(
        f"_target_: {TORCH}.OneCycleLR\n_partial_: true\nmax_lr: 1.0\n"
    )
    outcome = train("--config-dir=conf", "scheduler=cycle")
    refused(
        outcome, "OneCycleLR in scheduler/cycle.yaml would be stepped once an", "interval: step"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("scheduler=one_cycle scheduler.interval=epoch", "would be stepped once an epoch"),
        ("scheduler=one_cycle scheduler.interval=batch", "must be one of epoch, step"),
        ("scheduler=plateau scheduler.monitor=val/los", "Did you mean val/loss?"),
        ("scheduler=plateau scheduler.interval=step", "scheduler.interval belongs to"),
        (
            "scheduler.interval=step",
            "scheduler.interval belongs to scheduler=cosine, scheduler=one",
        ),
    ],
)
def test_words_are_refused(refuses: Callable[..., None], words: str, text: str) -> None:
    refuses(words, text)
