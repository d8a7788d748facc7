"""Text files in pieces: what they are, and which bytes a refusal names."""

from pathlib import Path

import pytest

from expect import refusal, refusals
from seqlab.system import text_files
from seqlab.system.text_files import read_text, text_blocks


def file_with(folder: Path, content: bytes) -> Path:
    file = folder / "text.txt"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("content", "size", "expected"),
    [
        (b"abcdefg", 3, [b"abc", b"def", b"g"]),
        ("aé新".encode(), 3, ["aé".encode(), "新".encode()]),
        (b"ab\r\ncd\r", 3, [b"ab", b"\ncd", b"\r"]),
        (b"\xef\xbb\xbfa\xef\xbb\xbf", 3, [b"a", b"\xef\xbb\xbf"]),
    ],
    ids=["ascii", "code-points", "line-ends", "bom"],
)
def test_pieces_are_whole(tmp_path: Path, content: bytes, size: int, expected: list[bytes]) -> None:
    file = file_with(tmp_path, content)
    pieces = list(text_blocks(file, size))
    assert b"".join(pieces) == b"".join(expected) == read_text(file).encode()
    assert pieces == expected


@refusals(
    (b"ab\xff", "is not UTF-8: byte 2 is 0xff"),
    ("Ж €".encode("utf-16")[:4], "is not UTF-8 but UTF-16"),
    (b"\xef\xbb\xbfab\xff", "is not UTF-8: byte 5 is 0xff"),
    (b"abcdef\xe6\x96", "is not UTF-8: byte 6 is 0xe6"),
    (b"ab\xffcdefghij\0", "is a binary file"),
    (b"abcdefghij\0\xff", "is a binary file"),
    (b" \n" * 20, "is empty"),
    (b"", "is empty"),
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_refusals_are_the_same_in_pieces_of_any_size(
    tmp_path: Path, asked: bytes, message: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "BLOCK", size)
    with refusal(message):
        list(text_blocks(file_with(tmp_path, asked), size))
