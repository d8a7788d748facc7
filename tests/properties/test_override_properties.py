"""What is typed after a key comes back as it was meant, or is refused in words."""

import json
import math
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from seqlab.config.compose.naming import experiment_name, typed
from seqlab.config.validate.check import Sources, leaves, nearest
from seqlab.config.words import quoted, readable
from seqlab.runs.folder.saved_config import _parsed
from strategies import SEEDS, refusal

# Neither Hydra nor a shell lets anyone type the others.
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\x00")
KEYS = st.from_regex(r"[a-z_][a-z0-9_]{0,8}(\.[a-z_][a-z0-9_]{0,8}){0,3}", fullmatch=True)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(CHARACTERS, max_size=12)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)


def printed(value: Any) -> str:
    """Write a value as a person would type it: strings quoted, the rest as in YAML."""
    if isinstance(value, str):
        # Backslashes are escapes only before the quote, and at the very end.
        return "'" + _escaped(value) + "'"
    if isinstance(value, list):
        return f"[{','.join(map(printed, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}: {printed(item)}" for key, item in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return str(value)


def _escaped(text: str) -> str:
    parts = text.split("'")
    doubled = [p + "\\" * (len(p) - len(p.rstrip("\\"))) for p in parts]
    return "\\'".join(doubled)


@given(KEYS, VALUES)
def test_value_comes_back_as_it_was_printed(key: str, value: Any) -> None:
    assume("${" not in str(value))
    assert _parsed([f"{key}={printed(value)}"]) == [(key, value)]


@given(KEYS, st.text(CHARACTERS, min_size=1, max_size=12))
def test_text_is_read_as_it_was_typed_or_by_hydra_or_told(key: str, text: str) -> None:
    word = f"{key}={text}"
    if refused := refusal(lambda: readable(word)):
        assert repr(word) in str(refused)
        return
    read = readable(word)
    [override] = OverridesParser.create().parse_overrides([read])
    if read != word and "," not in text and text[0] not in "[{~":
        assert override.value() == text.strip()
    advised = f"{key}={quoted(text)}"
    assert readable(advised) == advised
    assert OverridesParser.create().parse_override(advised).value() == text


@given(st.lists(st.text(CHARACTERS, max_size=20), max_size=3))
def test_any_words_are_parsed_or_refused_in_words(words: list[str]) -> None:
    if refused := refusal(lambda: _parsed(words)):
        assert str(refused)
        assert refused.hint
        return
    assert all(any(key in word for word in words) for key, _ in _parsed(words))


@given(KEYS)
def test_what_adds_cannot_change_an_earlier_run(key: str) -> None:
    word = f"+{key}=1"
    assert str(refusal(lambda: _parsed([word]))) == f"{word!r} cannot change an earlier run"


@given(st.lists(st.text(CHARACTERS, max_size=20), max_size=4))
def test_overrides_are_kept_as_they_were_typed(words: list[str]) -> None:
    assert typed(OmegaConf.create(words)) == words
    assert typed(OmegaConf.create([*words, "seed=${oc.env:HOME}"]))[-1] == "seed=${oc.env:HOME}"


@given(KEYS, st.sampled_from(("", "+", "++", "~")), st.lists(KEYS, max_size=3))
def test_source_of_a_key_is_the_last_word_that_sets_it(
    key: str, prefix: str, others: list[str]
) -> None:
    others = [o for o in others if not key.startswith(f"{o}.") and o != key]
    word = f"{prefix}{key}=1"
    words = [f"{key}=0", word, *(f"{other}=2" for other in others)]
    sources = Sources(words, None)
    assert sources.of(key) == f"in {word!r} on the command line"
    inside = f"{key}.inside"
    if inside not in others:
        assert sources.of(inside) == f"in {word!r} on the command line"
    assert Sources([], None).of(key) == "in the configuration"


@given(st.dictionaries(st.from_regex("[a-z]{1,4}", fullmatch=True), VALUES, max_size=4))
def test_leaves_are_every_value_under_its_path(content: dict[str, Any]) -> None:
    assume("${" not in str(content))
    config = OmegaConf.create(content)
    plain = dict(_flat(content))
    assert [path for path, _ in leaves(config)] == list(plain)


def _flat(content: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in content.items():
        if isinstance(value, dict) and value:
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


@given(st.lists(KEYS, min_size=1, max_size=8, unique=True), SEEDS)
def test_nearest_are_known_words_and_a_known_word_is_nearest_to_itself(
    known: list[str], seed: int
) -> None:
    word = known[seed % len(known)]
    assert nearest(word, known)[0] == word
    for strange in (word[1:], word + "x", "qqqqqqqqqq", ""):
        close = nearest(strange, known)
        assert set(close) <= set(known)
        assert len(close) <= 2


@given(st.none() | st.just("") | KEYS, st.sampled_from((None, "none", "sine_mlp", "mine")))
def test_run_is_called_by_its_name_its_experiment_or_its_parts(
    name: str | None, experiment: str | None
) -> None:
    called = experiment_name(name, {"data": "a", "model": "b", "experiment": experiment})
    if name:
        assert called == name
    elif experiment in (None, "none"):
        assert called == "a_b"
    else:
        assert called == experiment


@given(KEYS, VALUES)
def test_saved_override_composes_to_the_same_value_again(key: str, value: Any) -> None:
    assume("${" not in str(value))
    [override] = OverridesParser.create().parse_overrides([f"{key}={printed(value)}"])
    config = OmegaConf.create({})
    OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)
    again = OmegaConf.create(OmegaConf.to_yaml(config))
    assert again == config
