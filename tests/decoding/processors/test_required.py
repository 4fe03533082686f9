"""A required word gets probability where it is attended to, and its absence costs at the end."""

import math
from collections.abc import Collection, Sequence

import pytest
import torch
from torch import Tensor

from rarenmt.decoding.processors.processor import Step
from rarenmt.decoding.processors.required import RequiredWord, RequiredWords, Requiring
from rarenmt.model.seq2seq import Prediction
from rarenmt.text.tokenizer import EOS, Tokenizer
from rarenmt.text.words import WordBoundaries

YESTERDAY = RequiredWord(range(1, 3), ["gestern", "tag"], 3.0)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["Der Tag war gut, gestern war ein Tag wie heute."], 280)


def requiring(
    tokenizer: Tokenizer, words: Sequence[Sequence[RequiredWord]], weight: float = 0.5
) -> Requiring:
    found = RequiredWords.from_words(words, 5, tokenizer, WordBoundaries.from_tokenizer(tokenizer))
    assert found is not None
    return Requiring(found, 1, weight)


def processed(processor: Requiring, tokenizer: Tokenizer, attention: Tensor) -> Tensor:
    """(N, V) the log-probabilities that are left of a uniform distribution."""
    rows = len(attention)
    log_probs = torch.full((rows, len(tokenizer)), 1 / len(tokenizer)).log()
    processor.process(Step(torch.empty(rows, 0).long(), attention, Prediction(log_probs)))
    return log_probs


def write(processor: Requiring, tokenizer: Tokenizer, text: str, rows: int = 1) -> None:
    for piece in tokenizer.encode(text):
        step = Step(torch.empty(rows, 0).long(), torch.zeros(rows, 5), Prediction(torch.empty(0)))
        processor.advance(step, torch.arange(rows), torch.full((rows,), piece))


def at(*positions: int) -> Tensor:
    """(1, S) all attention on these source pieces, in equal parts."""
    found = torch.zeros(1, 5)
    found[0, list(positions)] = 1 / len(positions)
    return found


def probability(rows: Tensor, pieces: Collection[int]) -> float:
    """The probability (1, V) of some pieces together."""
    return float(rows[0, list(pieces)].exp().sum())


def test_attention_gives_probability_to_first_pieces_and_takes_it_from_beginnings(
    tokenizer: Tokenizer,
) -> None:
    words = ("gestern", "Gestern", "tag", "Tag")
    first = {tokenizer.encode(word)[0] for word in words}
    inside = [piece for piece in range(len(tokenizer)) if tokenizer.continues_word[piece]]
    beginning = set(range(len(tokenizer))) - set(inside)

    on, off = (
        processed(requiring(tokenizer, [[YESTERDAY]]), tokenizer, at(*pieces))
        for pieces in ((1, 2), (0, 3))
    )

    uniform, mass = 1 / len(tokenizer), len(beginning) / len(tokenizer)
    assert probability(off, first) == pytest.approx(len(first) * uniform, abs=1e-5)
    assert probability(on, first) == pytest.approx(
        0.5 * mass + 0.5 * len(first) * uniform, abs=1e-5
    )
    assert probability(on, inside) == pytest.approx(len(inside) * uniform, abs=1e-5)
    rest = beginning - first - {EOS}
    assert probability(on, rest) == pytest.approx(0.5 * len(rest) * uniform, abs=1e-5)


def test_a_word_that_is_begun_is_continued(tokenizer: Tokenizer) -> None:
    begun, following, *_ = tokenizer.encode("gestern")
    processor = requiring(tokenizer, [[YESTERDAY]])
    write(processor, tokenizer, "war")
    step = Step(torch.empty(1, 0).long(), at(1), Prediction(torch.empty(0)))
    processor.advance(step, torch.arange(1), torch.tensor([begun]))

    left = processed(processor, tokenizer, at(1, 2))

    assert probability(left, [following]) > 0.5
    assert probability(left, [begun]) < 1 / len(tokenizer)


@pytest.mark.parametrize(
    ("text", "penalty"),
    [("war", 3.0), ("war gestern", 0.0), ("Gestern war", 0.0), ("Der Tag", 0.0), ("gester", 3.0)],
)
def test_the_end_is_penalised_until_a_translation_is_written(
    tokenizer: Tokenizer, text: str, penalty: float
) -> None:
    processor = requiring(tokenizer, [[YESTERDAY]])

    write(processor, tokenizer, text)

    end = processed(processor, tokenizer, at(0))[0, EOS]
    assert float(end) == pytest.approx(-math.log(len(tokenizer)) - penalty, abs=1e-5)


def test_no_probability_goes_to_a_word_that_is_written(tokenizer: Tokenizer) -> None:
    processor = requiring(tokenizer, [[YESTERDAY]])
    write(processor, tokenizer, "gestern")

    left = processed(processor, tokenizer, at(1, 2))[0].exp()

    assert left.max() == pytest.approx(1 / len(tokenizer), abs=1e-6)


def test_sentences_have_their_own_words(tokenizer: Tokenizer) -> None:
    processor = requiring(tokenizer, [[], [YESTERDAY]])
    attention = torch.cat([at(1, 2), at(1, 2)])

    first, second = processed(processor, tokenizer, attention).exp()
    processor.keep(torch.tensor([1]))
    write(processor, tokenizer, "war")

    assert first.max() == pytest.approx(1 / len(tokenizer), abs=1e-6)
    assert second.max() > 10 / len(tokenizer)


def test_nothing_is_required_of_sentences_that_lost_nothing(tokenizer: Tokenizer) -> None:
    boundaries = WordBoundaries.from_tokenizer(tokenizer)

    assert RequiredWords.from_words([[], []], 5, tokenizer, boundaries) is None
