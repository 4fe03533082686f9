"""A word is the same word behind a space, a bracket, a quotation mark or a hyphen."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from rarenmt.decoding.prefix import LastWords
from rarenmt.text.tokenizer import BOS, Tokenizer
from rarenmt.text.words import WordBoundaries, attach_to_opening

VOCABULARY = Path(__file__).parents[2] / "checkpoints" / "en-de" / "vocabulary.model"
SIGNS = ["„", '"', "(", "-"]
WORDS = ["Wombat", "Ellen", "schlummern", "Čapek", "über"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(VOCABULARY.read_bytes())


@pytest.fixture(scope="module")
def joints(tokenizer: Tokenizer) -> WordBoundaries:
    return WordBoundaries.from_tokenizer(tokenizer)


def spelt(joints: WordBoundaries, pieces: list[int]) -> list[int]:
    """The word begun so far after each piece."""
    words: Tensor = LastWords.from_inputs(torch.tensor([BOS, *pieces])[:, None], joints).word
    return words[1:, 0].tolist()


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("sign", SIGNS)
def test_a_word_behind_a_sign_is_one_of_its_own(tokenizer: Tokenizer, sign: str, word: str) -> None:
    assert tokenizer.words(tokenizer.encode(f"So {sign}{word}."))[-3:] == [
        sign,
        word.casefold(),
        ".",
    ]


def test_a_number_with_signs_goes_on_behind_them(
    tokenizer: Tokenizer, joints: WordBoundaries
) -> None:
    pieces = tokenizer.encode("at 11:10 for 3.50")

    assert tokenizer.words(pieces) == ["at", "11", ":10", "for", "3", ".50"]
    assert (
        spelt(joints, tokenizer.encode("so.5"))[-1] != spelt(joints, tokenizer.encode("so 5"))[-1]
    )


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("sign", SIGNS)
def test_it_has_the_number_that_it_has_behind_a_space(
    tokenizer: Tokenizer, joints: WordBoundaries, sign: str, word: str
) -> None:
    before = tokenizer.encode(f"so {sign}")
    joined = tokenizer.encode(f"so {sign}{word}")[len(before) :]
    first = tokenizer.with_space[joined[0]]
    apart = [first, *(joined if first == tokenizer.space else joined[1:])]

    assert tokenizer.decode(apart) == word
    assert joints.continues_word[joined].all()
    assert spelt(joints, before + joined)[-1] == spelt(joints, [*before, *apart])[-1]
    within = tokenizer.encode("so")
    assert spelt(joints, within + joined)[-1] != spelt(joints, within + apart)[-1]


def test_a_piece_that_starts_a_word_stays_as_it_is(tokenizer: Tokenizer) -> None:
    for piece in tokenizer.encode('This is a house, (isn\'t "it")?'):
        if not tokenizer.continues_word[piece]:
            assert tokenizer.with_space[piece] == piece


def test_what_opens_is_followed_without_a_space(
    tokenizer: Tokenizer, joints: WordBoundaries
) -> None:
    def opens(text: str) -> bool:
        return bool(joints.is_joined(torch.tensor(spelt(joints, tokenizer.encode(text))[-1])))

    assert opens('he said "')
    assert opens("he said „")
    assert opens("he (")
    assert opens("so-")
    assert not opens('he said "no"')
    assert not opens("„nein“")
    assert not opens("he (so)")
    assert not opens("no.")
    assert not opens("wombat")


def test_of_what_opens_all_but_hyphens_are_brackets(
    tokenizer: Tokenizer, joints: WordBoundaries
) -> None:
    texts = {tokenizer.texts[piece].strip() for piece in joints.opening_punctuation.tolist()}
    opens = {
        tokenizer.texts[piece].strip() for piece in joints.attaches_right.nonzero()[:, 0].tolist()
    }

    assert {"(", "„", '"'} <= texts
    assert opens - texts == {"-", "/"}


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Das", ' "', " Wo", "mbat", '"', " sch", "läft"], 'Das "Wombat" schläft'),
        (["„", " Wombat", "“", " und", " (", " so", ")"], "„Wombat“ und (so)"),
        (['"', " Ja", '"', " und"], '"Ja" und'),
        (["Vor", "-", " und", " Nach", "teile"], "Vor- und Nachteile"),
        ([" (", " ", "x"], " (x"),
        ([], ""),
    ],
)
def test_no_space_is_written_after_opening_punctuation(pieces: list[str], text: str) -> None:
    assert "".join(attach_to_opening(pieces)) == text


def test_words_that_differ_in_a_capital_letter_are_alike(
    tokenizer: Tokenizer, joints: WordBoundaries
) -> None:
    def number(word: str) -> Tensor:
        return torch.tensor(spelt(joints, tokenizer.encode(f"So {word}"))[-1])

    for word in ("die", "wann", "kann"):
        assert number(word) != number(word.capitalize())
        assert joints.fold_case(number(word)) == joints.fold_case(number(word.capitalize()))
    assert joints.fold_case(number("die")) != joints.fold_case(number("der"))
    assert joints.fold_case(number("Wombat")) == number("Wombat")  # of several pieces
    assert joints.fold_case(torch.tensor(-1)) == -1


def test_each_piece_is_the_twin_of_its_twin(tokenizer: Tokenizer, joints: WordBoundaries) -> None:
    texts = tokenizer.texts
    assert torch.equal(joints.case_twin[joints.case_twin], torch.arange(len(texts)))
    for piece, twin in enumerate(joints.case_twin.tolist()):
        assert texts[piece].casefold() == texts[twin].casefold()
    assert sum(piece != twin for piece, twin in enumerate(joints.case_twin.tolist())) > 500
