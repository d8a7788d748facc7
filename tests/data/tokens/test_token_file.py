"""Token files: made once, found again, made anew where damaged; a full disk, two processes."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from expect import refusal
from seqlab.data.tokens import token_file
from seqlab.data.tokens.token_file import Tokens, tokens_in_file, tokens_in_memory

TEXT = "the sea was out and the clock ran slow; " * 25
HOW: tuple[str, str, int] = ("char", "joined", 0)


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "tokens"


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    file = tmp_path / "text.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


def only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def same(one: Tokens, other: Tokens) -> bool:
    return (
        one.indices.tolist() == other.indices.tolist()
        and one.vocabulary.to_plain() == other.vocabulary.to_plain()
        and one.text_sha256 == other.text_sha256
    )


@pytest.mark.parametrize("level", ["char", "word"])
@pytest.mark.parametrize("preprocessing", ["raw", "joined", "chapter"])
@pytest.mark.parametrize("min_frequency", [0, 30])
def test_file_has_the_tokens_that_memory_would(
    tmp_path: Path, level: str, preprocessing: str, min_frequency: int
) -> None:
    file = tmp_path / "mixed.txt"
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 300))) + TEXT + "é\n\n ß " * 40
    file.write_text(text, encoding="utf-8")
    how = level, preprocessing, min_frequency
    assert same(tokens_in_file(file, *how), tokens_in_memory(text, *how))


@pytest.mark.parametrize(
    ("num_symbols", "kind"), [(255, np.uint8), (256, np.uint16), (65_536, np.int32)]
)
def test_tokens_take_the_smallest_type(tmp_path: Path, num_symbols: int, kind: type) -> None:
    file = tmp_path / "symbols.txt"
    file.write_text("".join(map(chr, range(0x10000, 0x10000 + num_symbols))), encoding="utf-8")
    tokens = tokens_in_file(file, "char", "raw", 0)
    assert tokens.indices.dtype == kind
    assert tokens.indices.tolist() == list(range(1, num_symbols + 1))


def test_same_again_reads_no_text(
    text_file: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tokens_in_file(text_file, *HOW)
    written = only(data_folder).stat().st_mtime_ns
    monkeypatch.setattr(token_file, "text_blocks", None)
    assert same(tokens_in_file(text_file, *HOW), first)
    assert only(data_folder).stat().st_mtime_ns == written


@pytest.mark.parametrize("how", [("word", "joined", 0), ("char", "raw", 0), ("char", "joined", 40)])
def test_other_settings_have_a_file_of_their_own(
    text_file: Path, data_folder: Path, how: tuple[str, str, int]
) -> None:
    tokens_in_file(text_file, *HOW)
    assert same(tokens_in_file(text_file, *how), tokens_in_memory(TEXT, *how))
    assert len(list(data_folder.iterdir())) == 2


@pytest.mark.parametrize("change", ["size", "time"])
def test_changed_text_is_tokenized_again(text_file: Path, change: str) -> None:
    tokens_in_file(text_file, *HOW)
    changed = TEXT + "z" if change == "size" else TEXT.replace("sea", "sun")
    text_file.write_text(changed, encoding="utf-8")
    os.utime(text_file, ns=(1, text_file.stat().st_mtime_ns + (change == "time")))
    assert same(tokens_in_file(text_file, *HOW), tokens_in_memory(changed, *HOW))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "short": lambda content: content[:10],
    "byte lost in front": lambda content: content[1:],
    "byte lost at the end": lambda content: content[:-1],
    "tokens lost": lambda content: content[:400] + content[500:],
    "flipped": lambda content: content.replace(b'"level"', b'"lovel"'),
    "vocabulary": lambda content: content.replace(b'" "', b'"_"'),
    "foreign": lambda content: b"another file altogether" * 50,
    "mark": lambda content: content[:-8] + b"seqlabzz",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_is_made_anew_with_a_warning(
    text_file: Path,
    data_folder: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:
    first = tokens_in_file(text_file, *HOW)
    file = only(data_folder)
    whole = file.read_bytes()
    file.unlink()  # the mapped one stays as it is
    file.write_bytes(damage(whole))
    caplog.clear()
    assert same(tokens_in_file(text_file, *HOW), first)
    assert caplog.messages.count(f"{file} is damaged: the text is tokenized anew") >= 1
    assert file.read_bytes() == whole


def test_file_of_another_text_under_this_name_is_not_taken(
    text_file: Path, tmp_path: Path, data_folder: Path
) -> None:
    tokens_in_file(text_file, *HOW)
    mine = only(data_folder)
    other = tmp_path / "other.txt"
    other.write_text(TEXT.upper(), encoding="utf-8")
    tokens_in_file(other, "char", "raw", 0)
    (theirs,) = set(data_folder.iterdir()) - {mine}
    mine.unlink()
    theirs.rename(mine)
    assert same(tokens_in_file(text_file, *HOW), tokens_in_memory(TEXT, *HOW))


def test_begin_and_end_are_logged(text_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    tokens_in_file(text_file, *HOW)
    begin, end = caplog.messages
    assert begin.startswith(f"tokenizing {text_file}, 0 MB, into ")
    assert end.startswith(f"tokenized {text_file}: 975 tokens, ")
    assert end.endswith(" MB/s")


def test_full_disk_is_refused_with_a_remedy_and_leaves_nothing(
    text_file: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    what = f"the tokens of data.path={text_file} cannot be kept in {data_folder}"
    with refusal(f"{what}: No space left on device", "SEQLAB_DATA=FOLDER"):
        tokens_in_file(text_file, *HOW)
    assert list(data_folder.iterdir()) == []


def test_folder_that_cannot_be_made_is_refused(text_file: Path, data_folder: Path) -> None:
    data_folder.parent.mkdir()
    data_folder.write_text("a file is in the way")
    with refusal("cannot be kept in"):
        tokens_in_file(text_file, *HOW)


def test_text_that_changes_meanwhile_is_refused(
    text_file: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def growing(path: Path, size: int) -> Iterator[bytes]:
        yield path.read_bytes()
        path.write_text(TEXT * 2, encoding="utf-8")

    monkeypatch.setattr(token_file, "text_blocks", growing)
    with refusal("was changed while it was read"):
        tokens_in_file(text_file, *HOW)
    assert list(data_folder.iterdir()) == []


def test_what_a_killed_process_left_is_removed(text_file: Path, data_folder: Path) -> None:
    tokens_in_file(text_file, *HOW)
    file = only(data_folder)
    left = file.with_name(f".{file.name}.123.partial")
    left.write_text("half of it")
    file.unlink()
    tokens_in_file(text_file, *HOW)
    assert only(data_folder) == file


def test_of_several_processes_one_tokenizes(text_file: Path, data_folder: Path) -> None:
    tokens_in_file(text_file, *HOW)
    file = only(data_folder)
    file.unlink()
    words = f"from pathlib import Path; tokens_in_file(Path({str(text_file)!r}), *{HOW})"
    logging = "import logging; logging.basicConfig(level=logging.INFO, format='%(message)s')"
    code = f"{logging}; from seqlab.data.tokens.token_file import tokens_in_file; {words}"
    with token_file._alone(file):
        processes = [
            subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        first = [process.stderr.readline() for process in processes if process.stderr]
    printed = [process.communicate(timeout=60)[1] for process in processes]
    assert all("is tokenizing into" in line and "waiting for it" in line for line in first)
    assert [process.returncode for process in processes] == [0, 0]
    assert "".join(printed).count("tokenized ") == 1
    assert only(data_folder) == file


def test_tokens_that_others_may_have_written_are_made_elsewhere_or_held_in_memory(
    text_file: Path,
    data_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    expected = tokens_in_file(text_file, *HOW)
    theirs = only(data_folder)
    assert theirs.stat().st_mode & 0o022 == 0
    theirs.chmod(0o666)
    assert same(tokens_in_file(text_file, *HOW), expected)
    assert caplog.messages == [
        f"others may write to {theirs} (chmod go-w {theirs}): the text is tokenized anew"
    ]
    assert theirs.stat().st_mode & 0o022 == 0, "a new file took its place"
    own = tmp_path / "cache" / "seqlab" / "tokens"
    for folder, descriptors in ((data_folder, True), (own, False)):
        folder.chmod(0o777)
        caplog.clear()
        found = tokens_in_file(text_file, *HOW)
        assert same(found, expected)
        assert (found.descriptor is not None) == descriptors
        assert caplog.messages[-1] == (
            f"others may write to {folder} (chmod go-w {folder}): no tokens are read from there"
        )
