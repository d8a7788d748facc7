"""Words as typed: what Hydra cannot read is a text, and what is broken is told."""

import pytest

from expect import refusal, refusals
from seqlab.config.compose.jobs import Grid
from seqlab.config.words import readable

PLAIN = (
    *("seed=1", "seed=1,2", "x=[1,2]", "x={a: 1}", "x=range(1,4)", "x=a b", "x='a, b'", "x="),
    *('x="it\'s"', "x=${oc.env:HOME}/a", "~x", "+x=tag(log, interval(0.1, 1))", "x=a:b", "x=null"),
)


@pytest.mark.parametrize("word", PLAIN)
def test_word_that_hydra_can_read_stays_as_it_is(word: str) -> None:
    assert readable(word) == word


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("x=книга.txt", 'x="книга.txt"'),
        ("++x=книга", '++x="книга"'),
        ("data@x.y=книга", 'data@x.y="книга"'),
        ("x=My File (1).txt", 'x="My File (1).txt"'),
        ("x=a (1, 2).txt", 'x="a (1, 2).txt"'),
        ("x=a(1)", 'x="a(1)"'),
        ("x=[a].txt", 'x="[a].txt"'),
        ("x={a} b", 'x="{a} b"'),
        ("x=it's", 'x="it\'s"'),
        ("x='a", 'x="\'a"'),
        ('x=a"b', r'x="a\"b"'),
        ("x=a=b&c@d;e#f!", 'x="a=b&c@d;e#f!"'),
        ("x=б\\", 'x="б\\\\"'),
        ("x= б ", 'x="б"'),
        ("x=:(", 'x=":("'),
        ("x=a\nb", 'x="a\nb"'),
        ("x=${oc.env:HOME}/книга", 'x="${oc.env:HOME}/книга"'),
        ("x=книга,б", 'x="книга","б"'),
        ("x=1, it's, 'a, b'", "x=1,\"it's\",'a, b'"),
        ("x=[а, [б,1], 'в, г']", 'x=["а",["б",1],\'в, г\']'),
        ("x={a: б, b: [в]}", 'x={a:"б", b:["в"]}'),
        ("x=choice(а,б)", 'x=choice("а","б")'),
        ("x=shuffle(list=[а,б])", 'x=shuffle(list=["а","б"])'),
    ],
)
def test_what_hydra_cannot_read_is_a_text(typed: str, read: str) -> None:
    assert readable(typed) == read
    assert readable(read) == read


_BROKEN = "A list is [a,b], a dictionary {a: 1}, a function range(1,4)."


@refusals(
    ("x=[1,2", "'x=[1,2' cannot be read: its brackets do not match", "'x=\"[1,2\"'"),
    ("x=[1,2]]", "its brackets do not match", _BROKEN),
    (("x={a: [1}",), "its brackets do not match", _BROKEN),
    (("x={б: 1}",), "a list, dictionary or function is broken", _BROKEN),
    ("x=range(1,4", "the bracket after range is not closed", _BROKEN),
    ("x=rnage(1,4)", "there is no function rnage. Did you mean range(...)?", _BROKEN),
    ("x=choice()", "cannot be read: empty choice is not legal", _BROKEN),
    ("x=int(a)", "cannot be read: invalid literal for int() with base 10: 'a'", _BROKEN),
    ("x=а,", "a value is missing beside a comma", "'x=\"а,\"'"),
    ("x=[а,,б]", "a value is missing beside a comma", _BROKEN),
    ("1=2", "'1=2' cannot be read: '1' is no key", "letters a to z"),
    (("x y=1",), "'x y' is no key", "letters a to z"),
    ("x", "'x' has no value", "Write key=value"),
)
def test_what_is_broken_is_told(asked: str | tuple[str], message: str, remedy: str) -> None:
    (word,) = (asked,) if isinstance(asked, str) else asked
    with refusal(message, remedy) as caught:
        readable(word)
    assert "Exception" not in f"{caught.value}{caught.value.hint}"


def test_jobs_of_a_sweep_over_texts_are_words_that_can_be_read_again() -> None:
    jobs = list(Grid(["name=книга,My File (1)", "data.path=~/б,a"]))
    assert [each.parameters["name"] for each in jobs] == ["книга"] * 2 + ["My File (1)"] * 2
    assert jobs[1].overrides == ('name="книга"', "data.path=a")
    assert jobs[1].label == "name=книга path=a"
    for job in jobs:
        assert next(iter(Grid(list(job.overrides)))).parameters == job.parameters
