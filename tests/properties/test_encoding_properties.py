"""Tokens found block by block are those that the plain functions say, for any text and blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plain_tokens import tokenize
from seqlab.data.tokens.encoding import CharacterEncoder, Encoder
from seqlab.data.tokens.token_file import tokens_in_memory
from seqlab.data.tokens.vocabulary import Vocabulary
from seqlab.data.tokens.word_encoding import WordEncoder, fastest_table
from seqlab.data.tokens.word_table import WordTable
from seqlab.system.errors import UserError
from seqlab.system.text_files import text_blocks
from strategies import ANY, LEVELS, PIECES, PREPROCESSING, refusal


@st.composite
def blocks(draw: st.DrawFn) -> list[str]:
    """Draw a text in blocks: any cuts, also beside each other and at the ends."""
    text = draw(ANY)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[i:j] for i, j in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def encoders(level: str, preprocessing: str) -> list[Encoder]:
    """Return every encoder of a level that this machine has."""
    if level == "char":
        return [CharacterEncoder(preprocessing)]
    return [
        WordEncoder(preprocessing, table) for table in dict.fromkeys([WordTable, fastest_table()])
    ]


@given(blocks(), LEVELS, PREPROCESSING, st.integers(0, 3))
def test_blocks_have_the_tokens_and_the_vocabulary_of_the_text(
    text: list[str], level: str, preprocessing: str, rarest: int
) -> None:
    lowercase = preprocessing != "raw"
    tokens = tokenize("".join(text), level, preprocessing)
    vocabulary = Vocabulary.of(tokens, level, lowercase=lowercase, min_frequency=rarest)

    for encoder in encoders(level, preprocessing):
        numbers = [*(encoder.feed(block.encode()) for block in text), encoder.finish()]
        found = Vocabulary.of(encoder.counts(), level, lowercase=lowercase, min_frequency=rarest)
        assert found.to_plain() == vocabulary.to_plain()
        indices = encoder.indices(found).take(np.concatenate(numbers))
        assert indices.tolist() == vocabulary.encode(tokens)

    letters = [character for block in text for character in block if character.isalpha()]
    few = 2 * sum(map(str.isascii, letters)) < len(letters)
    if few and preprocessing == "chapter":
        assert refusal(lambda: tokens_in_memory("".join(text), level, preprocessing, rarest))
        return
    whole = tokens_in_memory("".join(text), level, preprocessing, rarest)
    assert whole.vocabulary.to_plain() == vocabulary.to_plain()
    assert whole.indices.tolist() == vocabulary.encode(tokens)


@given(
    st.lists(PIECES.map(str.encode) | st.binary(max_size=4), max_size=12).map(b"".join),
    st.integers(1, 6),
)
def test_file_in_pieces_is_the_whole_one_or_refused_alike(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "pieces.txt"
    file.write_bytes(content)
    expected: str | UserError | None
    if b"\0" in content:
        expected = "binary"
    elif not content.removeprefix(b"\xef\xbb\xbf").strip():
        expected = "is empty"
    else:
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            begin = error.start + len(content) - len(error.object)
            expected = f"is not UTF-8: byte {begin} is 0x{content[begin]:02x}"
        else:
            pieces = list(text_blocks(file, size))
            assert "".join(piece.decode() for piece in pieces) == text
            assert max(map(len, pieces)) < max(size, 3) + size + 5
            return
    refused = str(refusal(lambda: list(text_blocks(file, size))))
    assert expected in refused or ("is not UTF-8 but UTF-" in refused and expected != "is empty")
