"""Which encodings a text may be in: the right one is named, with a line as it reads."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from expect import refusal
from seqlab.system.encodings import damaged_utf8, readings, wide_encoding
from seqlab.system.text_files import read_text

RUSSIAN = "Глава первая.\nПривет, мир! Это проба пера.\nЁлка и щука.\n"
TEXTS = {
    "CP1251": RUSSIAN,
    "KOI8-R": RUSSIAN,
    "CP866": RUSSIAN,
    "CP1252": "Le café à la crème, déjà vu — « où »",
    "CP1250": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "CP1253": "Καλημέρα κόσμε, τι κάνεις",
    "CP1254": "Işık ılık süt iç, çağrı şu",
    "CP1255": "שלום עולם מה שלומך",
    "CP1256": "مرحبا بالعالم كيف حالك",
    "TIS-620": "สวัสดีชาวโลก วันนี้อากาศดี",
    "SHIFT-JIS": "これは日本語のテキストです。",
    "EUC-JP": "これは日本語のテキストです。",
    "GB18030": "这是一个中文的文本,我在这里。",
    "BIG5": "這是一個中文的文本,我在這裡。",
    "EUC-KR": "안녕하세요 세계 이것은 한국어 텍스트입니다.",
}


@pytest.mark.parametrize("name", TEXTS)
def test_right_encoding_is_among_the_likely_ones_with_its_line(name: str) -> None:
    data = TEXTS[name].encode(name)
    place = next(place for place, byte in enumerate(data) if byte > 127)
    found = readings(data, place)
    assert len(found) <= 3
    assert dict(found)[name] == TEXTS[name].split("\n")[0]
    if TEXTS[name] == RUSSIAN:
        assert found[0][0] == name


def test_line_is_the_one_of_the_place_and_short() -> None:
    data = RUSSIAN.encode("cp1251")
    second = data.index(b"\n") + 1
    assert readings(data, second + 4)[0] == ("CP1251", "Привет, мир! Это проба пера.")
    long = ("слово " * 40).encode("cp1251")
    name, line = readings(long, 150)[0]
    assert (name, line) == ("CP1251", long.decode("cp1251")[130:190].strip())


def test_what_no_encoding_fits_has_no_reading(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(b"a \xff\xff\x81\x8d\xff")
    found = readings(file.read_bytes(), 2)
    with refusal("byte 2 is 0xff", "Convert it from" if found else "Save it as UTF-8"):
        read_text(file)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("a text".encode("utf-16"), "UTF-16"),
        ("a text".encode("utf-16-le"), "UTF-16LE"),
        ("Привет мир".encode("utf-16-be"), "UTF-16BE"),
        ("a text".encode("utf-32"), "UTF-32"),
        ("a text".encode("utf-32-le"), "UTF-32LE"),
        ("Привет мир".encode("utf-32-be"), "UTF-32BE"),
        (b"abc\0def", None),
        (b"\x7fELF\0\0\0\1\0\0\2\3\0\0", None),
        (b"\0\0\0\0", None),
    ],
)
def test_wide_encodings_are_told_from_binary_files(data: bytes, expected: str | None) -> None:
    assert wide_encoding(data) == expected


def test_damaged_text_in_utf8_is_no_other_encoding(tmp_path: Path) -> None:
    file = tmp_path / "it's damaged.txt"
    file.write_bytes(RUSSIAN.encode()[:-2] + b"\xd0\n")
    assert damaged_utf8(file.read_bytes())
    assert not damaged_utf8(b"caf\xe9 au lait")
    with refusal(
        "is not UTF-8: byte", "The rest is UTF-8: it is damaged there. iconv -c"
    ) as caught:
        read_text(file)
    assert _converted(caught.value.hint, tmp_path).startswith(RUSSIAN[:-3])


@pytest.mark.parametrize("name", ["CP1251", "UTF-16LE", "UTF-32"])
def test_command_that_is_advised_makes_the_text(tmp_path: Path, name: str) -> None:
    file = tmp_path / "книга (1).txt"
    file.write_bytes(RUSSIAN.encode(name))
    with refusal("is not UTF-8", f"iconv -f {name} -t UTF-8 {shlex.quote(str(file))}") as caught:
        read_text(file)
    assert _converted(caught.value.hint, tmp_path) == RUSSIAN


def _converted(hint: str, folder: Path) -> str:
    if not shutil.which("iconv"):
        pytest.skip("there is no iconv")
    command = "iconv" + hint.rpartition(" iconv")[2].partition(" leaves")[0]
    subprocess.run(command, shell=True, cwd=folder, check=False)
    (made,) = (*folder.glob("converted.txt"), *folder.glob("repaired.txt"))
    return made.read_text(encoding="utf-8")
