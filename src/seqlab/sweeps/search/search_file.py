"""search.json: where the study of a sweep's folder is kept."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from seqlab.sweeps.search.options import JOURNAL
from seqlab.system.files import json_text, write_text

_SEARCH = "search.json"


@dataclass(frozen=True)
class SearchRecord:
    """The study that a sweep's folder belongs to.

    Attributes:
        storage: `sqlite:///FILE` or a journal's path, absolute.
        study: the study's name in there.
    """

    storage: str
    study: str


def write_search(folder: Path, record: SearchRecord) -> None:
    """Write it; a journal inside the folder is found there too once the folder has been moved."""
    inside = record.storage == str((folder / JOURNAL).absolute())
    values = asdict(record) | ({"storage": JOURNAL} if inside else {})
    write_text(folder / _SEARCH, json_text(values, indent=2) + "\n")


def read_search(folder: Path) -> SearchRecord | None:
    """Return the record; `None` where the folder is that of no search, or it is damaged."""
    try:
        values = json.loads((folder / _SEARCH).read_text(encoding="utf-8"))
        storage, study = str(values["storage"]), str(values["study"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return SearchRecord(
        str((folder / JOURNAL).absolute()) if storage == JOURNAL else storage, study
    )
