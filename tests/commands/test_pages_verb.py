"""`python -m seqlab help`: the pages that messages name, wherever seqlab is installed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, Outcome
from docs_pages import with_foot
from expect import refusals, refused

Command = Callable[..., Outcome]

WHERE = ("Previous", "Next")
PAGES = sorted((ROOT / "docs").glob("*.md"))
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "conf").rglob("*.yaml")]


def test_foot_of_a_page_names_the_pages_before_and_after_it(seqlab: Command) -> None:
    text = seqlab("help", "models").out
    assert text.endswith(
        "\n\nPrevious: python -m seqlab help data\nNext: python -m seqlab help optimizers\n"
    )
    first, last = seqlab("help", "how_do_i").out, seqlab("help", "safety").out
    assert first.endswith("\n```\n\nNext: python -m seqlab help configuration\n")
    assert last.endswith("\n\nPrevious: python -m seqlab help guarantees\n")
    assert "seqlab help" not in seqlab("help", "index").out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_foot_of_every_page_follows_the_index(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == with_foot(page, text), "python scripts/docs_pages.py writes the links"


def test_list_has_every_page_with_its_content(seqlab: Command) -> None:
    lines = [line.split(maxsplit=1) for line in seqlab("help").out.splitlines()]
    names = [name for name, *_ in lines if (ROOT / "docs" / f"{name}.md").is_file()]
    assert sorted([*names, "index"]) == [page.stem for page in PAGES]
    assert ["sweep_reports", "tables, intervals, the best setting, figures"] in lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_printed_whole(seqlab: Command, page: Path) -> None:
    outcome = seqlab("help", page.stem)
    whole = page.read_text(encoding="utf-8").partition("\n---\n")[0].rstrip()
    assert outcome.code == 0
    assert outcome.out.startswith(f"{whole}\n")
    assert set(outcome.out.removeprefix(whole).splitlines()) <= {
        "",
        *(f"{where}: python -m seqlab help {each.stem}" for where in WHERE for each in PAGES),
    }


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
    named = re.findall(r"(?:seqlab |\()help ([a-z_]+)", text)
    assert {"safety", "data", "devices"} <= set(named) <= {page.stem for page in PAGES}
