"""The pages that scripts write under docs/, and the options of the commands that write them."""

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from seqlab.system.files import write_text

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


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
