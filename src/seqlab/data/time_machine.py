"""*The Time Machine* by H. G. Wells, as Dive into Deep Learning serves it."""

import logging
from pathlib import Path

from seqlab.data.corpus import TIME_MACHINE, find_corpus
from seqlab.data.text import TextData

logger = logging.getLogger(__name__)


class TimeMachineData(TextData):
    """The chapter's corpus: 170,580 characters and 28 symbols after its preprocessing.

    `path` names the file; without it the corpus is looked for, and downloaded at last. The other
    arguments are those of `TextData`.
    """

    sample_prefixes = ("time traveller", "traveller")

    def prepare_data(self) -> None:
        """Find the corpus, or download it.

        Raises:
            UserError: it is nowhere, and cannot be downloaded.
        """
        self._file()

    def setup(self, stage: str | None = None) -> None:
        """Do as `TextData.setup`, and warn where the text is not the chapter's."""
        file, fresh = self._file(), not self.parts
        super().setup(stage)
        if fresh and not TIME_MACHINE.is_in(file):
            logger.warning(
                "%s is not the chapter's text: published figures do not apply. "
                "data=text is for other texts",
                file,
            )

    def _file(self) -> Path:
        if self.path is None:
            self.path = find_corpus(TIME_MACHINE)
        return self.path
