"""`python -m seqlab help`: the pages that messages name, wherever seqlab is installed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, Outcome
from expect import refusals, refused

Command = Callable[..., Outcome]

PAGES = sorted((ROOT / "docs").glob("*.md"))
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "conf").rglob("*.yaml")]


def test_list_has_every_page_with_its_title(seqlab: Command) -> None:
    lines = [line.split(maxsplit=1) for line in seqlab("help").out.splitlines()]
    assert [name for name, _ in lines] == [page.stem for page in PAGES]
    assert ["safety", "Safe loading"] in lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_printed_whole(seqlab: Command, page: Path) -> None:
    outcome = seqlab("help", page.stem)
    assert (outcome.code, outcome.out) == (0, page.read_text(encoding="utf-8").rstrip() + "\n")


@refusals(
    ("safty", "there is no page safty", "Did you mean python -m seqlab help safety?"),
    ("xyz", "there is no page xyz", "`python -m seqlab help` lists them."),
)
def test_page_that_is_not_there_is_refused(
    seqlab: Command, asked: str, message: str, remedy: str
) -> None:
    refused(seqlab("help", asked), message, remedy)


def test_messages_point_to_nothing_that_an_installed_package_lacks() -> None:
    assert len(SOURCES) > 200
    text = "\n".join(file.read_text(encoding="utf-8") for file in SOURCES)
    assert not re.findall(r"docs/\w+\.md|README|CHANGELOG", text)
    named = re.findall(r"seqlab help ([a-z_]+)", text)
    assert {"safety", "data", "devices"} <= set(named) <= {page.stem for page in PAGES}
