"""The rules for values: what each kind allows, and the words that it puts into a message."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from seqlab.config.folders import conf_dir
from seqlab.config.validate.rules import RULES, AnyOf, Choice, ListOf, Number, Text, count

WHOLE = Number(1, 8, whole=True)
OPEN = Number(0, 1, low_open=True, high_open=True)


@pytest.mark.parametrize("value", [1, 8, 4])
def test_whole_number_within_its_bounds_is_allowed(value: Any) -> None:
    assert WHOLE.allows(value)


@pytest.mark.parametrize("value", [0, 9, 4.5, 4.0, "4", True, False, None, [4], {}, math.nan])
def test_anything_but_a_whole_number_within_its_bounds_is_refused(value: Any) -> None:
    assert not WHOLE.allows(value)


@pytest.mark.parametrize("value", [0.5, 1e-300, 0.999])
def test_number_between_open_bounds_is_allowed(value: float) -> None:
    assert OPEN.allows(value)


@pytest.mark.parametrize("value", [0, 0.0, 1, 1.0, -0.1, 1.1])
def test_open_bounds_leave_out_the_bounds_themselves(value: float) -> None:
    assert not OPEN.allows(value)


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_closed_bounds_include_the_bounds_themselves(value: float) -> None:
    assert Number(0, 1).allows(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_without_bounds_is_finite_all_the_same(value: float) -> None:
    assert Number().allows(-1e300)
    assert not Number().allows(value)


@pytest.mark.parametrize("value", [True, False])
def test_boolean_is_no_number(value: bool) -> None:
    assert not Number().allows(value)
    assert not Number(whole=True).allows(value)


def test_number_null_is_allowed_only_where_it_was_asked_for() -> None:
    assert not Number(0).allows(None)
    assert Number(0, or_null=True).allows(None)
    assert not Number(0, or_null=True).allows(-1)


def test_choice_tells_one_from_true_and_from_a_text() -> None:
    ones = Choice((1,))
    truths = Choice((True,))
    assert ones.allows(1)
    assert not ones.allows(True)
    assert not ones.allows(1.0)
    assert not ones.allows("1")
    assert truths.allows(True)
    assert not truths.allows(1)


def test_choice_allows_null_only_where_it_was_asked_for() -> None:
    assert not Choice(("a",)).allows(None)
    assert Choice(("a",), or_null=True).allows(None)
    assert Choice((), or_null=True).allows(None)
    assert not Choice((), or_null=True).allows("")


@pytest.mark.parametrize("value", ["", 3, None, ["a"], True])
def test_text_is_a_string_that_is_not_empty(value: Any) -> None:
    assert Text().allows("a b")
    assert not Text().allows(value)


def test_text_may_forbid_characters_and_allow_null() -> None:
    rule = Text(or_null=True, forbidden="/:")
    assert rule.allows(None)
    assert rule.allows("a-b")
    assert not rule.allows("a/b")
    assert not rule.allows("a:b")


def test_list_is_not_empty_and_every_item_keeps_the_rule() -> None:
    rule = ListOf(count())
    assert rule.allows([1, 4])
    for value in ([], [1, 0], [1, "4"], 1, (1,), None, "14"):
        assert not rule.allows(value)
    assert ListOf(count(), or_null=True).allows(None)


def test_any_of_takes_what_one_of_its_rules_takes() -> None:
    rule = AnyOf((Choice((-1,)), count()))
    assert rule.allows(-1)
    assert rule.allows(3)
    for value in (0, -2, 1.5, None, "3"):
        assert not rule.allows(value)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Number(), "a number"),
        (Number(whole=True), "a whole number"),
        (Number(0), "a number of at least 0"),
        (Number(0, low_open=True), "a number above 0"),
        (Number(0, 1), "a number of at least 0 and of at most 1"),
        (Number(0, 1, high_open=True), "a number of at least 0 and below 1"),
        (Number(high=0.5), "a number of at most 0.5"),
        (Number(0, low_open=True, or_null=True), "a number above 0, or null"),
        (
            Number(0, 2**32 - 1, whole=True),
            "a whole number of at least 0 and of at most 4294967295",
        ),
        (count(), "a whole number of at least 1"),
        (count(2, or_null=True), "a whole number of at least 2, or null"),
        (Choice(("rnn", "gru")), "one of rnn, gru"),
        (Choice((True, False)), "one of true, false"),
        (Choice((True, "warn"), or_null=True), "one of true, warn, null"),
        (Choice((-1,)), "one of -1"),
        (Text(), "a text"),
        (Text(or_null=True), "a text, or null"),
        (Text(or_null=True, forbidden="/:"), "a text without / :, or null"),
        (ListOf(count()), "a list, each item a whole number of at least 1"),
        (ListOf(Text(), or_null=True), "a list, each item a text, or null"),
        (AnyOf((Choice(("auto",)), count())), "one of auto; or a whole number of at least 1"),
    ],
)
def test_rule_says_in_words_what_it_allows(rule: Any, words: str) -> None:
    assert rule.describe() == words


@pytest.mark.parametrize("key", RULES)
def test_no_rule_names_an_alternative_twice(key: str) -> None:
    words = RULES[key].describe().removeprefix("one of ").split(", ")
    assert len(words) == len(set(words))


def _declared() -> list[tuple[str, str, Any]]:
    """Return `(file, key, value)` for every value in the YAML files that a rule is about."""
    found = []
    root = yaml.safe_load((conf_dir() / "train.yaml").read_text(encoding="utf-8"))
    # What `${...}` in the options refers to.
    chosen = {"trainer": "default", "optimizer": "adam"}
    context = root | {
        group: _content(conf_dir() / group / f"{name}.yaml") for group, name in chosen.items()
    }
    for file in sorted(conf_dir().rglob("*.yaml")):
        group = file.parent.name if file.parent != conf_dir() else ""
        content = _content(file)
        if group and group != "experiment":
            content = {group: content}
        plain = OmegaConf.to_container(OmegaConf.create({**context, **content}), resolve=False)
        config = OmegaConf.create(plain)
        for key in RULES:
            if _has(content, key):
                found.append((f"{group}/{file.name}", key, OmegaConf.select(config, key)))
    return found


def _content(file: Path) -> dict[str, Any]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert isinstance(content, dict), file
    return {key: value for key, value in content.items() if key not in ("defaults", "hydra")}


def _has(content: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True


@pytest.mark.parametrize(("file", "key", "value"), _declared())
def test_rule_accepts_the_value_that_the_files_themselves_declare(
    file: str, key: str, value: Any
) -> None:
    if OmegaConf.is_config(value):
        value = OmegaConf.to_container(value)
    assert RULES[key].allows(value), f"{file}: {key}={value} must be {RULES[key].describe()}"


def test_every_rule_is_about_a_key_that_some_file_declares() -> None:
    declared = {key for _, key, _ in _declared()}
    assert set(RULES) - declared == set()
