"""`python -m seqlab help PAGE`: the documentation, which an installed package has with it."""

from difflib import get_close_matches

from seqlab.config.folders import docs_dir
from seqlab.system.errors import UserError
from seqlab.system.terminal import say


def show_page(name: str | None) -> int:
    """Print a page of the documentation, or without a name what each of them is about.

    Raises:
        UserError: there is no such page.
    """
    pages = {file.stem: file for file in sorted(docs_dir().glob("*.md"))}
    if name is None:
        width = max(map(len, pages))
        for each, file in pages.items():
            title = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
            say(f"  {each:<{width}}  {title}")
        return 0
    if name not in pages:
        near = get_close_matches(name, pages, n=1)
        raise UserError(
            f"there is no page {name}",
            f"Did you mean python -m seqlab help {near[0]}?"
            if near
            else "`python -m seqlab help` lists them.",
        )
    say(pages[name].read_text(encoding="utf-8").rstrip())
    return 0
