"""The space of a search: what spans it, which jobs it describes, what it refuses."""

from typing import Any

import pytest

from expect import refusal, refusals, words_of
from seqlab.config.space.dimensions import Dimension, Space, text_of
from seqlab.config.space.reading import read_space

DESCRIBED = {
    "optimizer.lr": {"type": "float", "low": 1e-3, "high": 10, "log": True},
    "model": {"type": "choice", "values": ["rnn", "gru"]},
    "model.num_layers": {"type": "int", "low": 1, "high": 3, "when": {"model": "gru"}},
}


def one(word: str) -> Dimension:
    return read_space({}, [word]).dimensions[0]


@pytest.mark.parametrize(
    ("word", "dimension"),
    [
        ("a=interval(1,8)", Dimension("a", "float", 1.0, 8.0)),
        ("a=int(interval(1,8))", Dimension("a", "int", 1, 8)),
        ("a=tag(log, interval(0.001,10))", Dimension("a", "float", 0.001, 10.0, log=True)),
        ("a=tag(log, int(interval(4,64)))", Dimension("a", "int", 4, 64, log=True)),
        ("a=range(1,10,2)", Dimension("a", "int", 1, 9, step=2)),
        ("a=range(1,4)", Dimension("a", "int", 1, 3)),
        ("a=range(0,1,0.25)", Dimension("a", "float", 0.0, 0.75, step=0.25)),
        ("a=rnn,gru", Dimension("a", "choice", values=("rnn", "gru"))),
        ("a=choice(rnn,'x y')", Dimension("a", "choice", values=("rnn", "x y"))),
        ("a=null,0.5,true", Dimension("a", "choice", values=("null", "0.5", "true"))),
        ("a=[1,2],[3]", Dimension("a", "choice", values=("[1,2]", "[3]"))),
        ("+a=1,2", Dimension("+a", "choice", values=("1", "2"))),
    ],
)
def test_words_of_hydra_span_dimensions(word: str, dimension: Dimension) -> None:
    assert one(word) == dimension


def test_descriptions_span_dimensions_parents_first() -> None:
    layers = {"model.num_layers": DESCRIBED["model.num_layers"]}
    space = read_space(layers | {"model": DESCRIBED["model"]}, ["trainer.max_epochs=2"])
    assert space.dimensions == (
        Dimension("model", "choice", values=("rnn", "gru")),
        Dimension("model.num_layers", "int", 1, 3, when={"model": ("gru",)}),
    )
    assert space.is_conditional
    assert space.fixed == ("trainer.max_epochs=2",)


def test_a_later_word_takes_the_place_of_an_earlier_one() -> None:
    space = read_space(DESCRIBED, ["optimizer.lr=0.5", "seed=0,1", "seed=3", "+x=1,2", "y=4"])
    assert [each.key for each in space.dimensions] == ["model", "+x", "model.num_layers"]
    assert space.fixed == ("optimizer.lr=0.5", "seed=3", "y=4")
    assert space.seeds == ()
    again = read_space({}, ["a=1,2", "a=interval(0,1)"])
    assert again.dimensions == (Dimension("a", "float", 0.0, 1.0),)


def test_a_trial_is_one_job_a_seed() -> None:
    space = read_space(DESCRIBED, ["trainer.max_epochs=2", "seed=range(2)"])
    values = {"optimizer.lr": 0.1, "model": "gru", "model.num_layers": 2}
    first, second = space.assignments(values, trial=7)
    assert first.overrides == (
        "trainer.max_epochs=2",
        "optimizer.lr=0.1",
        "model=gru",
        "model.num_layers=2",
        "seed=0",
    )
    assert second.overrides[-1] == "seed=1"
    assert first.trial == second.trial == 7
    assert first.parameters == {"trainer.max_epochs": 2, **values, "seed": 0}
    assert first.label == "lr=0.1 model=gru num_layers=2 seed=0"


@pytest.mark.parametrize("value", [8, 0.5, True, None, "8", "x y", [1, 2]])
def test_a_choice_has_the_value_that_was_listed(value: Any) -> None:
    space = read_space({"a": {"type": "choice", "values": [value, "other"]}}, [])
    (job,) = space.assignments({"a": space.dimensions[0].values[0]})
    assert job.parameters == {"a": value}
    assert space.values_in(job.parameters) == {"a": space.dimensions[0].values[0]}


def test_a_key_is_left_out_where_its_condition_does_not_hold() -> None:
    space = read_space(DESCRIBED, [])
    (job,) = space.assignments({"optimizer.lr": 1e-05, "model": "rnn"})
    assert job.overrides == ("optimizer.lr=1e-05", "model=rnn")
    assert job.parameters == {"optimizer.lr": 1e-05, "model": "rnn"}
    assert job.varied == ("optimizer.lr", "model")


@pytest.mark.parametrize(
    ("parameters", "values"),
    [
        (
            {"optimizer.lr": 0.1, "model": "rnn", "trainer.max_epochs": 3},
            {"optimizer.lr": 0.1, "model": "rnn"},
        ),
        (
            {"optimizer.lr": 1, "model": "gru", "model.num_layers": 3},
            {"optimizer.lr": 1, "model": "gru", "model.num_layers": 3},
        ),
        ({"optimizer.lr": 0.1, "model": "gru"}, None),
        ({"optimizer.lr": 11, "model": "rnn"}, None),
        ({"optimizer.lr": 0.1, "model": "lstm"}, None),
        ({"optimizer.lr": 0.1, "model": "gru", "model.num_layers": 1.5}, None),
        ({}, None),
    ],
)
def test_what_lies_in_the_space(parameters: dict[str, Any], values: Any) -> None:
    assert read_space(DESCRIBED, []).values_in(parameters) == values


def test_steps_are_kept() -> None:
    dimension = one("a=range(0,1,0.25)")
    assert dimension.contains(0.5)
    assert not dimension.contains(0.3)


def test_the_edges_hold_every_choice() -> None:
    corners = read_space(DESCRIBED, []).corners()
    assert {"optimizer.lr": 0.001, "model": "rnn"} in corners
    assert {"optimizer.lr": 10.0, "model": "gru", "model.num_layers": 3} in corners
    assert len(corners) == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (3, "3"),
        (None, "null"),
        (True, "true"),
        ("true", "'true'"),
        ("3", "'3'"),
        ("a,b", "'a,b'"),
        ("it's", r"'it\'s'"),
        ([1, "x"], "[1,x]"),
    ],
)
def test_values_are_written_as_they_are_typed(value: Any, text: str) -> None:
    assert text_of(value) == text


def described(**spec: Any) -> dict[str, Any]:
    return {"a": spec}


@refusals(
    (described(low=1, high=2), "params.a: type is missing, and has to be one of float, int"),
    (described(type="real", low=1, high=2), "type is 'real'"),
    (described(type="float", low=1, hihg=2), "float has no hihg"),
    (described(type="choice", values=[1], low=1), "choice has no low"),
    (described(type="choice", values="rnn"), "values is 'rnn', and has to be a list"),
    (described(type="choice", values=[]), "values is [], and has to be a list"),
    (described(type="choice", values=[1, 1]), "1 is listed twice"),
    (described(type="float", low=1), "high is missing, and has to be a number"),
    (described(type="float", low=True, high=2), "low is True, and has to be a number"),
    (described(type="float", low=2, high=1), "low 2 is above high 1"),
    (described(type="float", low=0, high=1, log=True), "begins above 0, not at 0"),
    (described(type="float", low=1, high=2, log="yes"), "log is 'yes'"),
    (described(type="float", low=1, high=2, step=0), "step 0 leads nowhere"),
    (described(type="float", low=1, high=2, step="x"), "step is 'x'"),
    (described(type="int", low=1, high=8, step=2, log=True), "log and step exclude"),
    (described(type="int", low=0.5, high=2), "an int has whole numbers, not low 0.5"),
    (described(type="int", low=1, high=2, when="x"), "when is 'x'"),
    (described(type="int", low=1, high=2, when={"b": 1}), "when: b is not in the space"),
    (
        described(type="int", low=1, high=2, when={"b": 1})
        | {"b": {"type": "int", "low": 1, "high": 2}},
        "when: b is a range, and a condition needs a choice",
    ),
    (
        described(type="int", low=1, high=2, when={"b": 3})
        | {"b": {"type": "choice", "values": [1, 2]}},
        "when: b is never 3",
    ),
    (
        {
            "a": {"type": "choice", "values": [1], "when": {"b": 1}},
            "b": {"type": "choice", "values": [1], "when": {"a": 1}},
        },
        "a, b: their conditions go in a circle",
    ),
    ({"seed": {"type": "int", "low": 0, "high": 9}}, "the seed is nothing to search over"),
    ({}, "there is nothing to search over"),
)
def test_what_cannot_be_searched_is_refused(asked: dict[str, Any], message: str) -> None:
    with refusal(message) as caught:
        read_space(asked, ["optimizer.lr=1"])
    assert caught.value.hint


@refusals(
    ("a=interval(2,1)", "a=interval(2,1): low 2.0 is above high 1.0"),
    (("a=tag(log, interval(0,1))",), "begins above 0, not at 0.0"),
    (("a=tag(lin, interval(1,2))",), "tag 'lin' says nothing"),
    (("a=tag(log, choice(1,2))",), "a choice has no scale"),
    ("a=range(3,1)", "lists no value"),
    ("seed=interval(0,1)", "the seed is nothing to search over"),
)
def test_words_that_cannot_be_searched_are_refused(asked: str, message: str) -> None:
    with refusal(message) as caught:
        read_space({}, [*words_of(asked), "b=1,2"])
    assert caught.value.hint


def test_described_seeds_are_seeds() -> None:
    space = read_space({"seed": {"type": "choice", "values": [4, 5]}}, ["a=1,2"])
    assert space.seeds == ("4", "5")
    assert isinstance(space, Space)
