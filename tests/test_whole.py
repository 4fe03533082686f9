"""A memory asked as a whole: its nearest entries speak that may."""

import pytest
import torch
import torch.nn.functional as F
from plain_joints import plain
from torch import Tensor

from rarenmt.config import MemoryConfig
from rarenmt.memory import EMPTY, Memory, Recall
from rarenmt.speech import ELSEWHERE, NEXT_WORD, SAME_WORD, THREAD
from rarenmt.spelling import Begun, spell_pairs
from rarenmt.whole import Whole

WIDTH, NEIGHBOURS = 8, 3
GEI, SHA, TEE = 5, 6, 7
INSIDE = torch.arange(10) == SHA
BOS = 2


def axis(number: int) -> Tensor:
    return F.one_hot(torch.tensor(number), WIDTH).float()


@pytest.fixture
def whole() -> Whole:
    """Of "Gei·sha Tee": keys along the first three axes."""
    memory = Memory(MemoryConfig(slots=3, neighbours=NEIGHBOURS), WIDTH, 10)
    values = torch.tensor([GEI, SHA, TEE])
    memory.write(torch.eye(WIDTH)[:3], values, None, torch.Generator())
    threads = spell_pairs(values, torch.zeros(3).long(), torch.arange(3), plain(INSIDE))
    return Whole.of(memory, threads)


def read(whole: Whole, query: Tensor, *written: int) -> Recall:
    begun = Begun.all(torch.tensor([BOS, *written])[:, None], whole.joints)
    last = Begun(begun.word[-1], begun.before[-1])
    return whole.read(query[None], last, torch.ones(1, 1))


def test_an_entry_from_inside_a_word_is_silent_where_that_was_not_begun(whole: Whole) -> None:
    recall = read(whole, axis(1))

    assert SHA not in recall.values[0].tolist()
    assert recall.slots[0].tolist()[2] == EMPTY
    assert recall.similarity[0, 2] == -torch.inf


def test_it_speaks_where_its_word_was_begun_and_what_follows_comes_nearer(whole: Whole) -> None:
    begun, done = read(whole, axis(1), GEI), read(whole, axis(3), GEI, SHA)

    assert begun.values[0, 0] == SHA
    assert begun.thread is not None
    assert begun.thread[0, 0] == SAME_WORD
    assert begun.cosine is not None
    assert begun.cosine[0, 0] == 1
    assert done.values[0, 0] == TEE
    assert done.thread is not None
    assert done.thread[0].tolist()[:2] == [NEXT_WORD, ELSEWHERE]
    assert done.similarity[0, 0] >= THREAD


def test_a_word_is_not_said_twice_in_a_row(whole: Whole) -> None:
    recall = read(whole, axis(2), TEE)

    assert recall.values[0, 0] == TEE
    assert recall.mute is not None
    assert bool(recall.mute[0, 0])


def test_rows_answer_for_themselves(whole: Whole) -> None:
    begun = Begun(torch.tensor([BOS, GEI]), torch.full((2,), EMPTY))
    queries = torch.stack([axis(0), axis(1)])

    both = whole.read(queries, begun, torch.ones(2, 1))

    for row in range(2):
        one = whole.read(queries[[row]], begun.at(torch.tensor([row])), torch.ones(1, 1))
        assert torch.equal(both.at(torch.tensor([row])).values, one.values)
        assert torch.equal(both.similarity[row], one.similarity[0])
