"""Corpora with a known digest: found on this machine, or downloaded whole and verified."""

import hashlib
import http.client
import logging
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from seqlab.system.cache import data_folder
from seqlab.system.errors import UserError
from seqlab.system.files import replacing

logger = logging.getLogger(__name__)

TIMEOUT_S = 20.0
ATTEMPTS = 3
PAUSE_S = 1.0
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Corpus:
    """A file that everyone has to have in exactly the same bytes."""

    name: str
    file_name: str
    url: str
    num_bytes: int
    sha256: str

    def is_in(self, file: Path) -> bool:
        """Return whether a file holds exactly this."""
        if file.stat().st_size != self.num_bytes:
            return False
        return hashlib.sha256(file.read_bytes()).hexdigest() == self.sha256


TIME_MACHINE = Corpus(
    name="The Time Machine",
    file_name="timemachine.txt",
    url="http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
    num_bytes=178_979,
    sha256="8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
)


def shared_folders() -> list[Path]:
    """Return the `shared/data` folders beside the checkout and beside the working folder."""
    package = Path(__file__).resolve().parents[2]
    roots = [package.parent] if package.name == "src" else []
    return [root.parent / "shared" / "data" for root in dict.fromkeys([*roots, Path.cwd()])]


def find_corpus(corpus: Corpus) -> Path:
    """Return the corpus file: from the data folder, a `shared/data` folder, or downloaded.

    A file with other bytes is passed over with a warning, and never overwritten but by a
    verified download into the data folder.

    Raises:
        UserError: it is nowhere, and the download failed.
    """
    target = data_folder() / corpus.file_name
    for file in (target, *(folder / corpus.file_name for folder in shared_folders())):
        if not file.is_file():
            continue
        if corpus.is_in(file):
            return file
        logger.warning("%s holds another text than %s: passed over", file, corpus.name)
    download(corpus, target)
    return target


def download(corpus: Corpus, target: Path) -> None:
    """Download the corpus, verify it and only then put it in place.

    Raises:
        UserError: every attempt failed; `target` is as it was.
    """
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        try:
            _attempt(corpus, target)
        except (OSError, http.client.HTTPException) as error:
            problem = str(getattr(error, "reason", "")) or str(error) or type(error).__name__
            logger.info("download of %s, attempt %d: %s", corpus.name, attempt + 1, problem)
        else:
            return
    raise UserError(
        f"{corpus.name} is not on this machine and could not be downloaded from {corpus.url}: "
        f"{problem}",
        "Three ways out: name the file with data.path=FILE; put it in "
        f"{target.parent} as {corpus.file_name}; or use data=sample_story, which needs no "
        "download.",
    )


def _attempt(corpus: Corpus, target: Path) -> None:
    with replacing(target) as partial:
        with partial.open("wb") as file:
            digest = _fetch(corpus, file)
        if digest != corpus.sha256:
            raise OSError(f"the file that came is damaged: its SHA-256 is {digest[:12]}...")
        partial.chmod(0o644)


def _fetch(corpus: Corpus, file: BinaryIO) -> str:
    digest = hashlib.sha256()
    request = urllib.request.Request(corpus.url, headers={"User-Agent": "seqlab"})
    with (
        urllib.request.urlopen(request, timeout=TIMEOUT_S) as response,
        tqdm(
            total=corpus.num_bytes,
            unit="B",
            unit_scale=True,
            desc=corpus.file_name,
            leave=False,
            disable=None,
        ) as bar,
    ):
        received = 0
        while chunk := response.read(_CHUNK):
            received += len(chunk)
            if received > corpus.num_bytes:
                raise OSError(f"the file that came is longer than {corpus.num_bytes} bytes")
            file.write(chunk)
            digest.update(chunk)
            bar.update(len(chunk))
    if received < corpus.num_bytes:
        raise OSError(f"the connection ended after {received} of {corpus.num_bytes} bytes")
    return digest.hexdigest()
