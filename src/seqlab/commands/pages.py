"""`python -m seqlab help PAGE`: the documentation, which an installed package has with it."""

import re
from difflib import get_close_matches

from seqlab.config.folders import docs_dir
from seqlab.system.columns import entries
from seqlab.system.errors import UserError
from seqlab.system.started import as_started
from seqlab.system.terminal import pour, say

_ROW = re.compile(r"^\| \[.+?\]\((\w+)\.md\) \| (.+?) \|$", re.MULTILINE)
_FOOT = re.compile(r"\n---\n\n(\[.*\]\(\w+\.md.*\))\s*$")
_NEIGHBOUR = re.compile(r"\[(← )?[^\[\]]+?( →)?\]\((\w+)\.md\)")


def show_page(name: str | None) -> int:
    """Print a page of the documentation, or without a name what each of them is about.

    Raises:
        UserError: there is no such page.
    """
    pages = {file.stem: file.read_text(encoding="utf-8") for file in docs_dir().glob("*.md")}
    if name is None:
        say("\n".join(entries(_ROW.findall(pages["index"]))))
        return 0
    if name not in pages:
        near = get_close_matches(name, pages, n=1)
        raise UserError(
            f"there is no page {name}",
            f"Did you mean python -m seqlab help {near[0]}?"
            if near
            else "`python -m seqlab help` lists them.",
        )
    # Its own commands stay as they are written: it may say which of them differ.
    pour(_FOOT.sub("", pages[name]).rstrip() + "\n" + _neighbours(pages[name]))
    return 0


def _neighbours(page: str) -> str:
    """Return the links at the foot of a page as commands."""
    foot = _FOOT.search(page)
    found = _NEIGHBOUR.findall(foot[1]) if foot else []
    lines = [
        f"{'Previous' if back else 'Next'}: python -m seqlab help {name}" for back, _, name in found
    ]
    return as_started("".join(f"\n{line}" for line in lines) + "\n") if lines else ""
