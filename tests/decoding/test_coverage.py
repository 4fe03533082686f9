"""Coverage of constrained words: attended with all their pieces, translated once."""

import torch
from torch import Tensor
from torch.testing import assert_close

from rarenmt.decoding.coverage import ConstrainedWords, Coverage
from rarenmt.decoding.prefix import LastWords
from rarenmt.memory.memory import EMPTY

HOLA, MUNDO = 7, 8


def constrained(*numbers: int) -> ConstrainedWords:
    """Of three hypotheses, two of a first sentence and one of a second. In the first the word HOLA
    translates the first two pieces and MUNDO the third, of which these are constrained."""
    words = torch.tensor([[MUNDO, HOLA, EMPTY], [MUNDO, EMPTY, EMPTY]])
    positions = torch.zeros(2, 3, 3, dtype=torch.bool)
    positions[0, 0, 2] = positions[0, 1, :2] = positions[1, 0] = True
    nothing = torch.zeros(3, dtype=torch.long)
    both = ConstrainedWords.from_entries([torch.tensor(numbers), nothing], words, positions)
    return both.select(torch.tensor([0, 0, 1]))


def after(*words: int) -> LastWords:
    return LastWords(torch.tensor(words), torch.full((len(words),), EMPTY))


def translated(coverage: ConstrainedWords, *words: int) -> list[list[bool]]:
    pieces: list[list[bool]] = coverage.translated(after(*words), ATTENTION, 0.5).tolist()
    return pieces


ATTENTION: Tensor = torch.tensor([[0.4, 0.2, 0.9], [0.3, 0.1, 0.9], [1.0, 1.0, 1.0]])


def test_a_constrained_word_receives_the_attention_of_all_its_pieces() -> None:
    assert_close(
        constrained(1, 1, 2).attended(ATTENTION)[:, 0].float(),
        torch.tensor([[0.6, 0.9], [0.4, 0.9], [0.0, 0.0]]),
    )


def test_it_is_translated_if_a_word_that_translates_it_is_written_and_it_was_attended() -> None:
    assert translated(constrained(1, 1, 2), HOLA, HOLA, HOLA) == [
        [True, True, False],
        [False] * 3,  # too little attention: another word
        [False] * 3,  # not constrained
    ]
    assert translated(constrained(1, 1, 2), MUNDO, 5, MUNDO) == [
        [False, False, True],
        [False] * 3,
        [False] * 3,
    ]
    assert translated(constrained(1, 1, 2), 5, 6, 9) == [[False] * 3] * 3


def test_only_constrained_words_count() -> None:
    assert translated(constrained(0, 0, 1), HOLA, HOLA, HOLA) == [[False] * 3] * 3
    assert translated(constrained(0, 0, 1), MUNDO, HOLA, HOLA) == [
        [False, False, True],
        [False] * 3,
        [False] * 3,
    ]
    assert translated(constrained(0, 0, 0), MUNDO, HOLA, HOLA) == [[False] * 3] * 3
    assert constrained(0, 0, 0).attended(ATTENTION).shape == (3, 1, 0)


EVERY = torch.ones(3, 3, dtype=torch.bool)


def test_the_penalty_of_constrained_words_is_that_of_equation_14() -> None:
    coverage = Coverage.empty(constrained(1, 1, 2), EVERY).attend(ATTENTION)

    penalty = coverage.penalty(torch.tensor([1, 0, 2]), 0.5)

    expected = 0.5 * torch.tensor([0.4 * 0.9, 0.6 * 0.9, 1.0]).log()  # the last sentence has none
    assert_close(penalty, expected)


def test_a_word_without_attention_has_a_large_but_finite_penalty() -> None:
    coverage = Coverage.empty(constrained(1, 1, 2), EVERY)

    penalty = coverage.penalty(torch.tensor([0]), 1.0).item()

    assert -20 < penalty < -10


def test_without_constrained_words_there_is_no_penalty() -> None:
    coverage = Coverage.empty(None, EVERY).attend(ATTENTION)

    assert coverage.penalty(torch.tensor([0, 2]), 1.0).tolist() == [0.0, 0.0]


def test_coverage_follows_hypotheses_and_remembers_what_is_translated() -> None:
    start = Coverage.empty(constrained(1, 1, 2), EVERY).attend(ATTENTION)

    first = start.advance(torch.tensor([0, 0, 2]), after(HOLA, MUNDO, HOLA), 0.5)
    second = first.attend(ATTENTION).advance(torch.tensor([0, 1, 2]), after(5, HOLA, 5), 0.5)

    assert first.translated.tolist() == [[True, True, False], [False, False, True], [False] * 3]
    assert second.translated.tolist() == [[True, True, False], [True] * 3, [False] * 3]
    assert_close(first.attention[1], ATTENTION[0])
    assert second.untranslated_attention[1].tolist() == [0.0] * 3
    assert_close(second.untranslated_attention[0, 2], 2 * ATTENTION[0, 2])
