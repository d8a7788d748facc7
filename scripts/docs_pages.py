"""What scripts write under docs/, and the options of the commands that do.

python scripts/docs_pages.py     the links at the foot of each page, in the order of docs/index.md
"""

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from seqlab.system.files import write_text

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def with_foot(page: Path, text: str) -> str:
    """Return the text of a page with links to the pages before and after it."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    order = re.findall(r"^\| \[(.+?)\]\((\w+\.md)\) \|", index, re.MULTILINE)
    place = next((n for n, (_, name) in enumerate(order) if name == page.name), None)
    text = re.sub(r"\n---\n\n\[[^\n]*\n*$", "", text).rstrip() + "\n"
    if place is None:
        return text
    links = [f"[← {title}]({name})" for title, name in order[:place][-1:]]
    links += ["[All pages](index.md#all-pages)"]
    links += [f"[{title} →]({name})" for title, name in order[place + 1 : place + 2]]
    return f"{text}\n---\n\n{' · '.join(links)}\n"


def write_between_markers(page: Path, name: str, text: str) -> None:
    """Replace what a page has between `<!-- NAME -->` and `<!-- /NAME -->`."""
    block = f"<!-- {name} -->\n{text}\n<!-- /{name} -->"
    marked = re.compile(f"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    write_text(page, marked.sub(lambda _: block, page.read_text(encoding="utf-8")))


def section_parser(description: str, sections: Iterable[str]) -> argparse.ArgumentParser:
    """Return a parser for a page whose sections are measured separately."""

    def section(name: str) -> str:
        if name not in sections:
            raise argparse.ArgumentTypeError(f"there is no section {name!r}; there are: {names}")
        return name

    names = ", ".join(sections)
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "sections", nargs="*", type=section, metavar="SECTION", help=f"{names}; default: all"
    )
    parser.add_argument(
        "--output", type=Path, default=DOCS, metavar="FOLDER", help="where the page is (docs)"
    )
    parser.add_argument(
        "--report-only", action="store_true", help="measure nothing; use what is stored"
    )
    return parser


def at_least(least: int) -> Callable[[str], int]:
    """Return a type of argparse's: a whole number of at least `least`."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return int(text)

    return number


if __name__ == "__main__":
    for each in sorted(DOCS.glob("*.md")):
        write_text(each, with_foot(each, each.read_text(encoding="utf-8")))
