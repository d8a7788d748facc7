"""Characters as numbers, block by block, on inputs small enough to check by hand."""

import numpy as np
import pytest

from plain_tokens import is_mark
from seqlab.data.tokens.encoding import CharacterEncoder, _histogram, smallest_type
from seqlab.data.tokens.letters import Letters, encoded, folds
from seqlab.data.tokens.vocabulary import Vocabulary


def letters(*blocks: str, lines: bool) -> str:
    cleaner = Letters(lines=lines, every_script=not lines)
    found = [*(cleaner.feed(block.encode()) for block in blocks), cleaner.finish()]
    return b"".join(map(encoded, found)).decode()


@pytest.mark.parametrize(
    ("blocks", "joined", "chapter"),
    [
        (["  The cat, the CAT!\n\nA dog\n"], " the cat the cat a dog ", "the cat the cata dog"),
        (["a ", " \n", "! b"], "a b", "ab"),
        (["a ", " ", "! b"], "a b", "a b"),
        (["a.", "", "b", " "], "a b ", "a b"),
        (["\n a", "  b\t\nc"], " a b c", "a bc"),
        (["a\u2028b\x85c\xa0d\u2029e"], "a b c d e", "abc de"),
        (["a\x0bb\x0cc\x1cd\x1de\x1ef\x1fg\rh"], "a b c d e f g h", "abcdef gh"),
        (["é", "¡"], "é ", ""),
        (["¡", "é", "¿b"], " é b", "b"),
        (["«ΑΣ", "»", " — ", "Σ\u0301"], " ας σ\u0301", ""),
        (["aΣ"], "aς", "a"),
        ([""], "", ""),
    ],
)
def test_letters_exactly(blocks: list[str], joined: str, chapter: str) -> None:
    assert letters(*blocks, lines=False) == joined
    assert letters(*blocks, lines=True) == chapter


def test_every_letter_and_mark_has_its_fold() -> None:
    table = folds()
    for point in range(0x110000):
        character = chr(point)
        if character.isalpha():
            assert chr(table[point]) == character.lower()[0]
            assert (len(character.lower()) == 1) != (character == "İ")
        else:
            assert table[point] == (-point if is_mark(character) else ord(" "))


def test_characters_are_counted_in_the_order_of_their_first_appearance() -> None:
    encoder = CharacterEncoder("raw")
    numbers = [encoder.feed(block.encode()) for block in ("ba", "éb新", "aé")]
    numbers.append(encoder.finish())
    assert encoder.counts() == {"b": 2, "a": 2, "é": 2, "新": 1}
    vocabulary = Vocabulary.of(encoder.counts(), "char", lowercase=False, min_frequency=2)
    assert vocabulary.tokens == ["<unk>", "b", "a", "é"]
    indices = encoder.indices(vocabulary)
    assert indices.take(np.concatenate(numbers)).tolist() == [1, 2, 3, 1, 0, 2, 3]
    assert indices.dtype == np.uint8


def test_numbers_take_no_more_bytes_than_they_need() -> None:
    encoder = CharacterEncoder("raw")
    assert encoder.feed(b"ab").dtype == np.uint8
    assert encoder.feed("é".encode()).dtype == np.uint8
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 200)))
    assert encoder.feed(many.encode()).dtype == np.uint16
    assert encoder.feed(b"ab").dtype == np.uint8
    assert [smallest_type(n) for n in (256, 257, 65_536, 65_537)] == [
        np.uint8, np.uint16, np.uint16, np.int32,
    ]  # fmt: skip


@pytest.mark.parametrize("length", [0, 1, 65_535, 65_536, 65_537])
def test_every_byte_is_counted(length: int) -> None:
    numbers = np.random.default_rng(0).integers(0, 200, length).astype(np.uint8)
    counts = _histogram(numbers)
    expected = np.bincount(numbers)
    assert counts[: len(expected)].tolist() == expected.tolist()
    assert counts.sum() == length
