"""The vocabulary: every text comes back as it was, and its size is explained when impossible."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.errors import CheckpointError, SettingError
from rarenmt.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

SENTENCES = [
    f"{subject} {verb} the {thing} {number}."
    for subject in ("The old man", "Die alte Frau", "Somebody", "Ein Kind")
    for verb in ("reads", "schreibt", "has forgotten", "über")
    for thing in ("book", "Straße", "letter", "Brief")
    for number in (1, 23, 456)
]
PIECES = 300


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(SENTENCES, PIECES)


ODD = [
    "",
    " ",
    "   ",
    "a",
    " a",
    "  a",
    "a ",
    "a  ",
    "a  b",
    " The old man  reads ",
    "\t",
    "a\tb",
    "\r",
    "a\r",
    "\x0b\x0c\x1c\x85\u2028\u2029",
    "\x01\x1b[31m\x7f",
    "a\0b",
    "\u2581",  # sentencepiece's mark for a space
    "\u2581a",
    "a\u2581\u2581b",
    "\ue081",  # our escape for it
    "\ue0810",
    "\ue0811",
    "\ue081\u2581\ue081\ue0810",
    "\u2585",  # sentencepiece's mark for unknown bytes
    "\u2047",
    " \u2047 ",
    "\ufffd",
    "a\ufffd",
    "\ufffd\ue081\ufffd",
    "\ufeffa",
    "\ufffe\uffff\U0010ffff",
    "\xa0\u3000\u200b\u2009",
    "ﬁne ﬂuﬀ",
    "é e\u0301 ệ",
    "Å \u212b",  # the second is the ångström sign, which normalisation would replace
    "Straße ſ ẞ",
    "½ ² ① Ⅷ ａｂｃ",
    "👩‍👩‍👧 🇩🇪 👍🏽",
    "日本語 हिन्दी العربية",
    "<s>",
    "</s>",
    "<unk>",
    "<pad>",
    "<0x41>",
    "x<0x0A>y <s> z</s>",
    "<mask><sep><cls>",
    "1234567890",
]


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_text_survives(text: str, tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_the_pieces_of_odd_text_put_together_are_the_text(text: str, tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(text)

    pieces = tokenizer.pieces(ids)

    assert len(pieces) == len(ids)
    assert "".join(pieces) == text


line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))
"""Whatever may stand in a line of UTF-8; lone surrogates may not."""


@settings(max_examples=400, deadline=None)
@given(text=line)
def test_any_line_survives(text: str, tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(text)

    assert tokenizer.decode(ids) == text
    assert "".join(tokenizer.pieces(ids)) == text


@settings(max_examples=200, deadline=None)
@given(ids=st.lists(st.integers(0, PIECES - 1)))
def test_the_pieces_of_any_ids_put_together_are_what_they_decode_to(
    ids: list[int], tokenizer: Tokenizer
) -> None:
    assert "".join(tokenizer.pieces(ids)) == tokenizer.decode(ids)


@given(st.text(max_size=30))
def test_the_span_of_each_piece_is_where_it_stands(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)

    pieces = tokenizer.pieces(ids)

    for place, piece in enumerate(pieces):
        start, end = tokenizer.span(ids, place)
        assert text[start:end] == piece.lstrip()
        assert end == len("".join(pieces[: place + 1]))


def test_text_that_names_a_special_piece_does_not_become_one(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("<s></s><unk><pad>")

    assert not {PAD, BOS, EOS, UNK} & set(ids)


def test_nothing_is_ever_unknown(tokenizer: Tokenizer) -> None:
    assert UNK not in tokenizer.encode("日本 \u2581 ☃ \U0010ffff \x01")


def test_padding_start_and_end_vanish(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("Somebody reads")

    assert tokenizer.decode([BOS, *ids, EOS, PAD, PAD]) == "Somebody reads"


def test_digits_stand_alone(tokenizer: Tokenizer) -> None:
    assert tokenizer.pieces(tokenizer.encode("456"))[-3:] == ["4", "5", "6"]


def test_a_piece_carries_the_space_before_it(tokenizer: Tokenizer) -> None:
    pieces = tokenizer.pieces(tokenizer.encode("Somebody reads the letter"))

    assert [place for place, piece in enumerate(pieces) if piece.startswith(" ")]
    assert not any(" " in piece[1:] for piece in pieces)


def test_the_vocabulary_has_the_size_asked_for(tokenizer: Tokenizer) -> None:
    assert len(tokenizer) == PIECES


def test_the_same_text_gives_the_same_vocabulary(tokenizer: Tokenizer) -> None:
    assert Tokenizer.train(SENTENCES, PIECES).fingerprint == tokenizer.fingerprint


def test_another_text_gives_another_vocabulary(tokenizer: Tokenizer) -> None:
    other = Tokenizer.train([*SENTENCES, "Something else is read."], PIECES)

    assert other.fingerprint != tokenizer.fingerprint


def test_a_vocabulary_is_the_same_after_a_trip_to_the_disk(tokenizer: Tokenizer) -> None:
    again = Tokenizer(bytes(tokenizer.model))

    assert again.fingerprint == tokenizer.fingerprint
    assert again.encode("Die alte Frau") == tokenizer.encode("Die alte Frau")


def test_odd_text_can_be_learnt_from() -> None:
    tokenizer = Tokenizer.train(ODD + SENTENCES, 380)

    assert [tokenizer.decode(tokenizer.encode(text)) for text in ODD] == ODD


def refusal(size: int) -> str:
    with pytest.raises(SettingError) as caught:
        Tokenizer.train(SENTENCES, size)
    return str(caught.value)


def test_too_large_a_vocabulary_names_the_largest_possible() -> None:
    sentence = refusal(5000)

    found = re.fullmatch(
        r"a vocabulary of 5000 pieces is larger than this data allows; "
        r"use --vocabulary (\d+) or less",
        sentence,
    )
    assert found
    assert len(Tokenizer.train(SENTENCES, int(found[1]))) == int(found[1])


@pytest.mark.parametrize("size", [-7, 0, 1, 100, 260])
def test_too_small_a_vocabulary_names_the_smallest_possible(size: int) -> None:
    sentence = refusal(size)

    found = re.fullmatch(
        rf"a vocabulary of {size} pieces is smaller than the characters of this data; "
        r"use --vocabulary (\d+) or more",
        sentence,
    )
    assert found
    assert len(Tokenizer.train(SENTENCES, int(found[1]))) == int(found[1])


def test_no_text_is_no_vocabulary() -> None:
    with pytest.raises(SettingError, match=r"^no vocabulary could be learnt from this data: "):
        Tokenizer.train([], PIECES)


@pytest.mark.parametrize("damage", [b"", b"hello", b"\0" * 100, b"{}"])
def test_what_is_no_vocabulary_is_one_sentence(damage: bytes) -> None:
    with pytest.raises(CheckpointError) as caught:
        Tokenizer(damage)

    assert str(caught.value) == "the vocabulary is not a sentencepiece model"


@pytest.mark.parametrize("part", [0.25, 0.5, 0.99])
def test_a_truncated_vocabulary_is_refused(part: float, tokenizer: Tokenizer) -> None:
    with pytest.raises(CheckpointError):
        Tokenizer(tokenizer.model[: int(part * len(tokenizer.model))])


def test_a_word_is_as_likely_as_its_pieces_together(tokenizer: Tokenizer) -> None:
    first, second = tokenizer.log_probability("book"), tokenizer.log_probability("the")

    assert first < 0
    assert second < 0
    assert tokenizer.log_probability("book the") == pytest.approx(first + second)
    assert tokenizer.log_probability("") == 0


def test_a_word_that_has_to_be_spelled_is_less_likely(tokenizer: Tokenizer) -> None:
    words = ["the", "book", "bookthe", "日本"]

    likely = [tokenizer.log_probability(word) for word in words]

    assert likely == sorted(likely, reverse=True)
    assert len(set(likely)) == len(words)


def test_every_byte_counts_as_the_rarest_piece(tokenizer: Tokenizer) -> None:
    def more(word: str, end: str) -> float:
        return tokenizer.log_probability(word + end) - tokenizer.log_probability(word)

    rarest = more("日", "本") / 3  # of three bytes

    assert more("日本", "語") == pytest.approx(3 * rarest)
    assert more("日", "é") == pytest.approx(2 * rarest)
    letters = {letter for sentence in SENTENCES for letter in sentence if letter.isalpha()}
    assert all(more("日", letter) > rarest - 1e-6 for letter in letters)


def test_only_pieces_that_continue_a_word_are_inside_one(tokenizer: Tokenizer) -> None:
    inside = tokenizer.continues_word

    assert len(inside) == len(tokenizer) == PIECES
    assert not any(inside[piece] for piece in (PAD, BOS, EOS, UNK))
    assert all(inside[piece] for piece in tokenizer.encode("日")[-3:])
    for text in SENTENCES:
        ids = tokenizer.encode(text)
        for piece, spelled in zip(ids, tokenizer.pieces(ids), strict=True):
            if spelled[:1] in " .":
                assert not inside[piece], (text, spelled)


def test_the_first_piece_of_a_word_starts_it_and_the_others_are_inside(
    tokenizer: Tokenizer,
) -> None:
    for word in ["the", "forgotten", "Straßenbuch", "book"]:
        first, *others = tokenizer.encode(word)

        assert not tokenizer.continues_word[first]
        assert all(tokenizer.continues_word[piece] for piece in others)
