"""What each word of a shown pair translates: lexicon, spelling, elimination and attention."""

from pathlib import Path

import pytest
import torch
from conftest import SENTENCES
from torch import Tensor

from rarenmt.model.checkpoint import load_tokenizer
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import UNALIGNED
from rarenmt.translation_memory.word_alignment import (
    UNLINKED_KNOWN,
    UNLINKED_NEW,
    WordAligner,
    align,
    reweight_attention,
)

LEXICON = Lexicon([("the", "der"), ("eats", "frisst"), ("devours", "frisst"), ("often", "oft")])


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return load_tokenizer(folder)


def encoded(tokenizer: Tokenizer, source: str, target: str) -> tuple[Ids, Ids]:
    return tokenizer.encode(source), tokenizer.encode(target)


def even(*pairs: tuple[Ids, Ids]) -> Tensor:
    """Attention that tells nothing, and looks at no padding."""
    weights = torch.zeros(
        len(pairs),
        max(len(target) + 1 for _, target in pairs),
        max(len(source) + 1 for source, _ in pairs),
    )
    for own, (source, _) in zip(weights, pairs, strict=True):
        own[:, : len(source) + 1] = 1 / (len(source) + 1)
    return weights


def by_word(tokenizer: Tokenizer, weights: Tensor, pair: tuple[Ids, Ids]) -> dict[str, list[str]]:
    """The source words that get most of the attention of each target word, of equals all."""
    (source, target), found = pair, {}
    sizes = [len(word) for word in tokenizer.split_words(source)]
    place = 0
    for text, word in zip(tokenizer.words(target), tokenizer.split_words(target), strict=True):
        parts = [float(part.mean()) for part in weights[place, : len(source)].split(sizes)]
        most = max(parts)
        names = zip(tokenizer.words(source), parts, strict=True)
        found[text] = [name for name, part in names if part > 0.99 * most]
        place += len(word)
    return found


def test_each_word_attends_to_what_it_can_translate(tokenizer: Tokenizer) -> None:
    pair = encoded(tokenizer, "The zebra eats Kant.", "Der Zebroid frisst Kant.")
    counterparts = WordAligner(tokenizer, LEXICON)

    weights = reweight_attention(even(pair), [counterparts.prior(*pair)])

    assert by_word(tokenizer, weights[0], pair) == {
        "der": ["the"],
        "zebroid": ["zebra"],  # which nothing else accounts for
        "frisst": ["eats"],
        "kant": ["kant"],  # spelt alike
        ".": ["."],
    }
    assert torch.allclose(weights.sum(dim=2), torch.ones(1, len(pair[1]) + 1))


def test_what_is_known_is_believed_less_than_what_is_left(tokenizer: Tokenizer) -> None:
    pair = encoded(tokenizer, "The zebra", "Der Zebroid")
    sizes = [len(word) for word in tokenizer.split_words(pair[0])]
    first_new = len(tokenizer.split_words(pair[1])[0])

    weights = reweight_attention(even(pair), [WordAligner(tokenizer, LEXICON).prior(*pair)])[0]

    the, zebra, _ = weights[0].split([*sizes, 1])
    assert float(zebra[0] / the[0]) == pytest.approx(UNLINKED_KNOWN)
    the, zebra, _ = weights[first_new].split([*sizes, 1])
    assert float(the[0] / zebra[0]) == pytest.approx(UNLINKED_NEW)


def test_a_known_word_whose_sources_are_not_there_attends_as_it_did(tokenizer: Tokenizer) -> None:
    pair = encoded(tokenizer, "The zebra eats", "oft")

    weights = reweight_attention(even(pair), [WordAligner(tokenizer, LEXICON).prior(*pair)])

    assert torch.allclose(weights, even(pair))


def test_pairs_in_one_batch_do_not_touch_each_other(tokenizer: Tokenizer) -> None:
    pairs = [encoded(tokenizer, *some) for some in (*SENTENCES, ("The zebra", "Der Zebroid"))]
    counterparts = WordAligner(tokenizer, LEXICON)

    together = reweight_attention(even(*pairs), [counterparts.prior(*pair) for pair in pairs])

    for row, pair in zip(together, pairs, strict=True):
        alone = reweight_attention(even(pair), [counterparts.prior(*pair)])[0]
        assert torch.allclose(row[: alone.shape[0], : alone.shape[1]], alone)
        assert not row[:, alone.shape[1] :].any()


def test_links_are_the_words_with_most_attention(tokenizer: Tokenizer) -> None:
    source, target = pair = encoded(tokenizer, "The zebra eats", "Der Zebroid")
    heard, said = tokenizer.split_words(source), tokenizer.split_words(target)
    weights = torch.full((len(target) + 1, len(source) + 1), 0.01)
    weights[: len(said[0]), 0] = 0.9
    weights[len(said[0]) : -1, len(heard[0])] = 0.5
    weights[len(said[0]) : -1, -2] = 0.4  # the end of the third word
    weights[:, -1] = 2.0  # EOS is no word

    links = align(weights, WordAligner(tokenizer, Lexicon()).prior(*pair))

    wanted = [[0, 0]] * len(said[0]) + [[1, 2]] * len(said[1]) + [[UNALIGNED, UNALIGNED]]
    assert links.tolist() == wanted


def test_a_known_word_is_linked_to_a_known_one_wherever_the_attention_is(
    tokenizer: Tokenizer,
) -> None:
    source, target = pair = encoded(tokenizer, "The zebra eats", "oft")
    heard = tokenizer.split_words(source)
    weights = torch.zeros((len(target) + 1, len(source) + 1))
    weights[:, len(heard[0])] = 0.9  # the zebra, which no lexicon knows
    weights[:, -2] = 0.1

    links = align(weights, WordAligner(tokenizer, LEXICON).prior(*pair))

    assert links.tolist() == [[2, 2]] * len(target) + [[UNALIGNED, UNALIGNED]]


def test_a_known_word_matches_in_no_other_form(tokenizer: Tokenizer) -> None:
    words = WordAligner(tokenizer, LEXICON).source_words(tokenizer.encode("The zebras often"))

    found = words.positions([{"the"}, {"zebra"}, {"oftener"}, {"often"}])

    assert [words.pieces[row].unique().tolist() for row in found] == [[0], [1], [], [2]]


@pytest.mark.parametrize(("source", "target"), [("", "Der Hund"), ("The dog", ""), ("", "")])
def test_where_a_side_is_empty_nothing_is_linked(
    tokenizer: Tokenizer, source: str, target: str
) -> None:
    pair = encoded(tokenizer, source, target)
    counterparts = WordAligner(tokenizer, LEXICON)

    weights = reweight_attention(even(pair), [counterparts.prior(*pair)])

    assert torch.allclose(weights, even(pair))
    links = align(weights[0], counterparts.prior(*pair))
    assert links.tolist() == [[UNALIGNED, UNALIGNED]] * (len(pair[1]) + 1)
