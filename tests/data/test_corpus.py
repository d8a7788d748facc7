"""The corpus: where it is looked for, and what a download may do, against a server of our own."""

import hashlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seqlab.data import corpus as corpus_module
from seqlab.data.corpus import TIME_MACHINE, Corpus, download, find_corpus
from seqlab.system.cache import data_folder
from seqlab.system.errors import UserError

CONTENT = b"".join(b"line %d of a small corpus\n" % number for number in range(5000))
FILE_NAME = "small-corpus.txt"

Answer = Callable[[BaseHTTPRequestHandler], object]


def send(body: bytes, *, code: int = 200, length: int | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class Server(ThreadingHTTPServer):
    """Gives one answer after the other, the last one again and again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = [send(CONTENT, length=len(CONTENT))]
        self.paths: list[str] = []
        self.closing = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that leaves early is meant."""

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer nothing for as long as the test runs."""
        self.closing.wait(60)

    def hang_half_way(self, handler: BaseHTTPRequestHandler) -> None:
        """Send one half, and then nothing more."""
        send(CONTENT[:70_000], length=len(CONTENT))(handler)
        self.closing.wait(60)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        index = min(len(self.server.paths), len(self.server.answers)) - 1
        self.server.answers[index](self)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, not made yet; the working folder is `work` beside it."""
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(corpus_module, "TIMEOUT_S", 10.0)
    monkeypatch.setattr(corpus_module, "ATTEMPTS", 2)
    monkeypatch.setattr(corpus_module, "PAUSE_S", 0.0)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "data"


def corpus_at(port: int) -> Corpus:
    return Corpus(
        name="The Small Corpus",
        file_name=FILE_NAME,
        url=f"http://127.0.0.1:{port}/{FILE_NAME}",
        num_bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


@pytest.fixture
def corpus(server: Server) -> Corpus:
    return corpus_at(server.server_port)


def put(file: Path, content: bytes = CONTENT) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def fails(corpus: Corpus, folder: Path, reason: str) -> None:
    """Assert that the corpus cannot be had for this reason, and that nothing is left of it."""
    with pytest.raises(UserError, match=reason) as caught:
        find_corpus(corpus)
    error = caught.value
    assert str(error).startswith(
        f"The Small Corpus is not on this machine and could not be downloaded from {corpus.url}: "
    )
    assert not str(error).endswith(": ")
    for way_out in ("data.path=FILE", f"{folder} as {FILE_NAME}", "data=sample_story"):
        assert way_out in error.hint
    assert list(folder.iterdir()) == []


def test_the_time_machine_is_pinned() -> None:
    assert TIME_MACHINE.num_bytes == 178_979
    assert TIME_MACHINE.sha256.startswith("8424dbd9532ac81f")
    assert TIME_MACHINE.url.endswith("/timemachine.txt")


def test_the_data_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLAB_DATA", "/somewhere/else")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data_folder() == Path("/somewhere/else")
    monkeypatch.delenv("SEQLAB_DATA")
    assert data_folder() == Path("/cache/seqlab")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_folder() == Path.home() / ".cache" / "seqlab"


def test_the_data_folder_comes_first_then_shared_data_then_the_download(
    server: Server, corpus: Corpus, folder: Path
) -> None:
    own = put(folder / FILE_NAME)
    shared = put(folder.parent / "shared" / "data" / FILE_NAME)
    assert find_corpus(corpus) == own
    own.unlink()
    assert find_corpus(corpus) == shared
    assert server.paths == []
    shared.unlink()
    assert find_corpus(corpus) == own
    assert own.read_bytes() == CONTENT
    assert server.paths == [f"/{FILE_NAME}"]
    assert find_corpus(corpus) == own
    assert len(server.paths) == 1


def test_a_download_appears_only_when_it_is_whole(
    server: Server, corpus: Corpus, folder: Path
) -> None:
    target = folder / FILE_NAME
    present = []

    def in_halves(handler: BaseHTTPRequestHandler) -> None:
        send(CONTENT[:70_000], length=len(CONTENT))(handler)
        present.append(target.exists())
        handler.wfile.write(CONTENT[70_000:])

    server.answers = [in_halves]
    download(corpus, target)
    assert present == [False]
    assert target.read_bytes() == CONTENT
    assert list(folder.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o644


SIZE = len(CONTENT)
FAILURES: dict[str, tuple[Answer, str]] = {
    "corrupt": (send(CONTENT[:-1] + b"?", length=SIZE), "the file that came is damaged"),
    "truncated": (send(CONTENT[:70_000], length=SIZE), "."),
    "length unknown": (send(CONTENT[:70_000]), f"ended after 70000 of {SIZE} bytes"),
    "nothing": (send(b"", length=0), f"ended after 0 of {SIZE} bytes"),
    "too long": (send(CONTENT * 2, length=2 * SIZE), f"longer than {SIZE} bytes"),
    "endless": (send(CONTENT * 20), f"longer than {SIZE} bytes"),
    "not found": (send(CONTENT, code=404, length=SIZE), "Not Found"),
    "broken server": (send(CONTENT, code=500, length=SIZE), "Internal Server Error"),
    "no HTTP": (lambda handler: handler.wfile.write(b"hello?\r\n\r\n"), "hello"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_bad_download_is_refused_with_its_reason_and_leaves_nothing(
    server: Server, corpus: Corpus, folder: Path, failure: str
) -> None:
    answer, reason = FAILURES[failure]
    server.answers = [answer]
    fails(corpus, folder, reason)
    assert len(server.paths) == 2


@pytest.mark.parametrize("how", ["hang", "hang_half_way"])
def test_a_server_that_hangs_is_given_up(
    server: Server, corpus: Corpus, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(corpus_module, "TIMEOUT_S", 0.2)
    server.answers = [getattr(server, how)]
    fails(corpus, folder, "timed out")
    assert len(server.paths) == 2


def test_no_server_at_all(folder: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        fails(corpus_at(unused.getsockname()[1]), folder, "refused")


def test_a_second_attempt_helps(server: Server, corpus: Corpus, folder: Path) -> None:
    server.answers = [FAILURES["truncated"][0], send(CONTENT, length=len(CONTENT))]
    file = find_corpus(corpus)
    assert file.read_bytes() == CONTENT
    assert len(server.paths) == 2
    assert list(folder.iterdir()) == [file]


def test_attempts_are_further_and_further_apart(
    server: Server, corpus: Corpus, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(corpus_module, "ATTEMPTS", 4)
    monkeypatch.setattr(corpus_module, "PAUSE_S", 1.0)
    monkeypatch.setattr(corpus_module.time, "sleep", pauses.append)
    server.answers = [FAILURES["not found"][0]]
    with pytest.raises(UserError):
        find_corpus(corpus)
    assert pauses == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("place", ["data", "shared/data"])
def test_a_wrong_file_is_passed_over_with_a_warning(
    server: Server, corpus: Corpus, folder: Path, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    wrong = put(folder.parent / place / FILE_NAME, b"something else")
    found = find_corpus(corpus)
    assert found == folder / FILE_NAME
    assert found.read_bytes() == CONTENT
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    for word in (str(wrong), "The Small Corpus", "passed over"):
        assert word in record.getMessage()


def test_a_wrong_file_stays_as_it_is_when_the_download_fails(
    server: Server, corpus: Corpus, folder: Path
) -> None:
    wrong = put(folder / FILE_NAME, b"something else")
    server.answers = [FAILURES["corrupt"][0]]
    with pytest.raises(UserError):
        find_corpus(corpus)
    assert wrong.read_bytes() == b"something else"
    assert list(folder.iterdir()) == [wrong]
