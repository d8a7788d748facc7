"""What a configuration takes from the environment appears in nothing that a run leaves."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from conftest import own_class
from expect import Command, succeeded
from seqlab.config.environment import shown, watch_environment
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.masking import masked, remember

SECRET = "hunter2-and-more"

OWN = """
import logging
import warnings
from seqlab.data.sine import SineData

class Private(SineData):
    def __init__(self, *, token, more=None, again=None, **options):
        super().__init__(**options)
        self.token = token

    def summary(self):
        logging.getLogger("seqlab.private").warning("the token is %s", self.token)
        logging.getLogger("elsewhere").warning("token %s", self.token)
        warnings.warn(f"careful with {self.token}")
        return f"read with {self.token}"

    def make_series(self):
        if self.more == "break":
            raise RuntimeError(f"{self.token} is not accepted")
        return super().make_series()

    more = None

class Breaking(Private):
    def train_dataloader(self):
        raise RuntimeError(f"{self.token} is not accepted")

class Refusing(Private):
    def make_series(self):
        raise RuntimeError(f"{self.token} is not accepted")
"""

YAML = """
task: forecasting
_target_: private.CLASS
token: ${oc.env:SEQLAB_TEST_TOKEN}
more: [a, "x-${data.token}", {b: "${oc.decode:'\\"${oc.env:SEQLAB_TEST_TOKEN}\\"'}"}]
again: ${data.more}
tau: 4
length: 1000
frequency: 0.01
noise: 0.2
num_train: 600
num_val: null
batch_size: 16
seed: ${seed}
"""


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Words that choose a data set of the person's own that knows a secret."""
    monkeypatch.setenv("SEQLAB_TEST_TOKEN", SECRET)

    def choose(kind: str) -> list[str]:
        own_class(tmp_path, "private", OWN, "data/private", YAML.replace("CLASS", kind))
        return [
            *("--config-dir", "mine", "data=private", "recipe=none"),
            *("trainer.max_epochs=1", "hydra.run.dir=run"),
        ]

    return choose


def files_with(text: str, folder: Path) -> list[Path]:
    return [
        file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()
    ]


def test_secret_is_in_no_file_of_a_completed_run(
    private: Callable[[str], list[str]], train: Command, tmp_path: Path
) -> None:
    outcome = succeeded(train(*private("Private")))
    run = RunFolder(tmp_path / "run")
    assert files_with(SECRET, run.path) == []
    assert SECRET not in outcome.out + outcome.err
    reference = "${oc.env:SEQLAB_TEST_TOKEN}"
    assert f"token: {reference}" in run.config.read_text()
    assert f"the token is {reference}" in run.read_result()["warnings"]
    log = run.log.read_text()
    for text in ("read with", "the token is", "token", "careful with"):
        assert f"{text} {reference}" in log
    assert files_with(reference, run.tensorboard), "the hyperparameters name the variable"


def test_secret_is_in_no_file_of_a_failed_run(
    private: Callable[[str], list[str]], train: Command, tmp_path: Path
) -> None:
    outcome = train(*private("Breaking"))
    assert outcome.code == 1
    run = RunFolder(tmp_path / "run")
    assert files_with(SECRET, run.path) == []
    assert SECRET not in outcome.out + outcome.err
    message = "${oc.env:SEQLAB_TEST_TOKEN} is not accepted"
    assert run.read_result()["error"]["message"] == message
    assert message in run.log.read_text()


def test_secret_is_in_no_message_of_a_refusal(
    private: Callable[[str], list[str]], train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLAB_TRACEBACK", "1")
    outcome = train(*private("Refusing"))
    assert outcome.code == 1
    assert SECRET not in outcome.out + outcome.err
    assert "${oc.env:SEQLAB_TEST_TOKEN} is not accepted" in outcome.err
    for word in ("data.tau=${data.token}", "name=a/${data.token}", "data.num_val=${data.token}"):
        outcome = train(*private("Private"), word)
        assert outcome.code == 2
        assert "${oc.env:SEQLAB_TEST_TOKEN}" in outcome.err
        assert SECRET not in outcome.err


def test_name_from_the_environment_stays_a_reference_in_the_configuration(
    private: Callable[[str], list[str]], train: Command, tmp_path: Path
) -> None:
    outcome = train(*private("Private"), "name=${data.token}", "callbacks=none")
    run = RunFolder(tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert "name: ${data.token}" in run.config.read_text()
    assert files_with(SECRET, run.path) == []


def test_secret_of_a_run_folder_stays_out_of_its_verbs_too(
    private: Callable[[str], list[str]], train: Command, seqlab: Command, tmp_path: Path
) -> None:
    assert train(*private("Private"), "callbacks.checkpoints.every_n_epochs=1").code == 0
    run = RunFolder(tmp_path / "run")
    text = run.config.read_text().replace("tau: 4", "tau: ${data.token}")
    run.config.write_text(text)
    outcome = seqlab("evaluate", str(run.path))
    assert outcome.code == 2
    assert SECRET not in outcome.err
    assert "data.tau=${oc.env:SEQLAB_TEST_TOKEN}" in outcome.err


def test_shown_hides_what_came_from_the_environment_at_whatever_remove(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEQLAB_TEST_TOKEN", "7")
    watch_environment()
    raw = {
        "a": "${oc.env:SEQLAB_TEST_TOKEN}",
        "b": "${a}",
        "c": "${b}/x",
        "d": "${oc.decode:${oc.env:SEQLAB_TEST_TOKEN}}",
        "e": "${oc.env:SEQLAB_NOT_SET,fallback}",
        "f": ["${a}", 1],
        "g": {"h": "${d}", "i": 7},
        "j": "${g}",
        "k": "${f}",
        "l": "${oc.env:${m}}",
        "m": "SEQLAB_TEST_TOKEN",
    }
    assert shown(OmegaConf.create(raw)) == raw | {"e": "fallback"}


def test_masked_replaces_the_longest_value_first_and_leaves_short_ones() -> None:
    remember("SHORT", "abc")
    remember("PART", "abcd")
    remember("WHOLE", "abcdefgh")
    assert masked("abc") == "abc"
    assert masked(["abcd", {"k": "x abcdefgh y"}, 3]) == [
        "${oc.env:PART}",
        {"k": "x ${oc.env:WHOLE} y"},
        3,
    ]
