"""A short story that comes with the package."""

from pathlib import Path

from seqlab.data.text import TextData
from seqlab.system.text_files import read_text


class SampleStoryData(TextData):
    """*The Tide Clock*, written for this project: a language model without any download.

    The arguments are those of `TextData`, but for `path`.
    """

    sample_prefixes = ("the tide clock", "the sea")

    def read(self) -> str:
        """Return the story."""
        return read_text(Path(__file__).parent / "stories" / "sample_story.txt")
