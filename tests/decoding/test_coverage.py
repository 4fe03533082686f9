"""A remembered word is due until it is said, and seen with all of its pieces."""

import torch
from torch import Tensor
from torch.testing import assert_close

from rarenmt.decoding.coverage import ConstraintCoverage
from rarenmt.decoding.prefix import Prefix
from rarenmt.memory.memory import EMPTY

HOLA, MUNDO = 7, 8


def due(*numbers: int) -> ConstraintCoverage:
    """Of three hypotheses, two of a first sentence and one of a second. In the first the word HOLA
    translates the first two pieces and MUNDO the third, of which these are due."""
    words = torch.tensor([[MUNDO, HOLA, EMPTY], [MUNDO, EMPTY, EMPTY]])
    places = torch.zeros(2, 3, 3, dtype=torch.bool)
    places[0, 0, 2] = places[0, 1, :2] = places[1, 0] = True
    nothing = torch.zeros(3, dtype=torch.long)
    both = ConstraintCoverage.of([torch.tensor(numbers), nothing], words, places)
    return both.select(torch.tensor([0, 0, 1]))


def after(*words: int) -> Prefix:
    return Prefix(torch.tensor(words), torch.full((len(words),), EMPTY))


def said(of: ConstraintCoverage, *words: int) -> list[list[bool]]:
    found = of.said(after(*words), LOOKED)
    return [] if found is None else found.tolist()


LOOKED: Tensor = torch.tensor([[0.4, 0.2, 0.9], [0.3, 0.1, 0.9], [1.0, 1.0, 1.0]])


def test_a_due_word_is_seen_with_all_of_its_pieces() -> None:
    assert_close(
        due(1, 1, 2).seen(LOOKED).float(), torch.tensor([[0.6, 0.9], [0.4, 0.9], [1.0, 1.0]])
    )


def test_it_is_said_when_a_word_that_translates_it_is_written_and_it_was_seen() -> None:
    assert said(due(1, 1, 2), HOLA, HOLA, HOLA) == [
        [True, True, False],
        [False] * 3,  # hardly looked at: it is another one's
        [False] * 3,  # not due
    ]
    assert said(due(1, 1, 2), MUNDO, 5, MUNDO) == [[False, False, True], [False] * 3, [False] * 3]
    assert said(due(1, 1, 2), 5, 6, 9) == []


def test_only_words_that_are_due_are_said() -> None:
    assert said(due(0, 0, 1), HOLA, HOLA, HOLA) == []
    assert said(due(0, 0, 1), MUNDO, HOLA, HOLA) == [[False, False, True], [False] * 3, [False] * 3]
    assert said(due(0, 0, 0), MUNDO, HOLA, HOLA) == []
    assert due(0, 0, 0).seen(LOOKED).shape == (3, 0)
