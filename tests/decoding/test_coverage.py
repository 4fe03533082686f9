"""Coverage of constrained words: attended with all their pieces, translated once."""

import torch
from torch import Tensor
from torch.testing import assert_close

from rarenmt.decoding.coverage import ConstraintCoverage
from rarenmt.decoding.prefix import Prefix
from rarenmt.memory.memory import EMPTY

HOLA, MUNDO = 7, 8


def constrained(*numbers: int) -> ConstraintCoverage:
    """Of three hypotheses, two of a first sentence and one of a second. In the first the word HOLA
    translates the first two pieces and MUNDO the third, of which these are constrained."""
    words = torch.tensor([[MUNDO, HOLA, EMPTY], [MUNDO, EMPTY, EMPTY]])
    positions = torch.zeros(2, 3, 3, dtype=torch.bool)
    positions[0, 0, 2] = positions[0, 1, :2] = positions[1, 0] = True
    nothing = torch.zeros(3, dtype=torch.long)
    both = ConstraintCoverage.from_entries([torch.tensor(numbers), nothing], words, positions)
    return both.select(torch.tensor([0, 0, 1]))


def after(*words: int) -> Prefix:
    return Prefix(torch.tensor(words), torch.full((len(words),), EMPTY))


def translated(coverage: ConstraintCoverage, *words: int) -> list[list[bool]]:
    found = coverage.translated(after(*words), ATTENTION, 0.5)
    return [] if found is None else found.tolist()


ATTENTION: Tensor = torch.tensor([[0.4, 0.2, 0.9], [0.3, 0.1, 0.9], [1.0, 1.0, 1.0]])


def test_a_constrained_word_receives_the_attention_of_all_its_pieces() -> None:
    assert_close(
        constrained(1, 1, 2).attended(ATTENTION).float(),
        torch.tensor([[0.6, 0.9], [0.4, 0.9], [1.0, 1.0]]),
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
    assert translated(constrained(1, 1, 2), 5, 6, 9) == []


def test_only_constrained_words_count() -> None:
    assert translated(constrained(0, 0, 1), HOLA, HOLA, HOLA) == []
    assert translated(constrained(0, 0, 1), MUNDO, HOLA, HOLA) == [
        [False, False, True],
        [False] * 3,
        [False] * 3,
    ]
    assert translated(constrained(0, 0, 0), MUNDO, HOLA, HOLA) == []
    assert constrained(0, 0, 0).attended(ATTENTION).shape == (3, 0)
