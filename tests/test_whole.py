"""A memory asked as a whole: its nearest entries speak that may."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_joints import plain
from torch import Tensor

from rarenmt.config import MemoryConfig
from rarenmt.counterpart import Heard
from rarenmt.excerpt import Excerpt
from rarenmt.meanings import Meanings, Places
from rarenmt.memory import EMPTY, Memory, Recall
from rarenmt.speech import ELSEWHERE, NEXT_WORD, SAME_WORD, THREAD
from rarenmt.spelling import Begun, Threads, spell_pairs
from rarenmt.whole import NEAREST, Whole

WIDTH, NEIGHBOURS = 8, 3
GEI, SHA, TEE = 5, 6, 7
INSIDE = torch.arange(10) == SHA
BOS = 2
COMMON, RARE = torch.tensor([0, 0]), torch.tensor([1, 0])
"""Whether the one word of a sentence is due; its end is not."""


def axis(number: int) -> Tensor:
    return F.one_hot(torch.tensor(number), WIDTH).float()


def everywhere(slots: int) -> Places:
    """As if every entry translated the one word of one sentence."""
    meanings = Meanings.of([frozenset(["tea"])] * slots)
    return meanings.places([Heard({"tea": [0]}, torch.tensor([0, 1]))])


@pytest.fixture
def memory() -> Memory:
    """Of "Gei·sha Tee": keys along the first three axes."""
    memory = Memory(MemoryConfig(slots=3, neighbours=NEIGHBOURS), WIDTH, 10)
    values = torch.tensor([GEI, SHA, TEE])
    memory.write(torch.eye(WIDTH)[:3], values, None, torch.Generator())
    return memory


@pytest.fixture
def threads() -> Threads:
    values = torch.tensor([GEI, SHA, TEE])
    return spell_pairs(values, torch.zeros(3).long(), torch.arange(3), plain(INSIDE))


@pytest.fixture
def whole(memory: Memory, threads: Threads) -> Whole:
    return Whole.of(memory, threads, everywhere(3), [COMMON])


def read(whole: Whole, query: Tensor, *written: int) -> Recall:
    begun = Begun.all(torch.tensor([BOS, *written])[:, None], whole.joints)
    last = Begun(begun.word[-1], begun.before[-1])
    return whole.read(query[None], last, torch.tensor([[0.0, 1.0]]))  # attends to the end


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

    attention = torch.tensor([[0.0, 1.0], [0.5, 0.5]])
    both = whole.read(queries, begun, attention)

    for row in range(2):
        one = whole.read(queries[[row]], begun.at(torch.tensor([row])), attention[[row]])
        assert torch.equal(both.at(torch.tensor([row])).values, one.values)
        assert torch.equal(both.similarity[row], one.similarity[0])


def test_an_entry_that_translates_nothing_in_its_sentence_is_mute(
    memory: Memory, threads: Threads
) -> None:
    meanings = Meanings.of([frozenset(["geisha"]), frozenset(["geisha"]), frozenset(["tea"])])
    sentences = [Heard({word: [0]}, torch.tensor([0, 1])) for word in ("geisha", "tea")]
    whole = Whole.of(memory, threads, meanings.places(sentences), [COMMON] * 2)
    begun = Begun(torch.tensor([GEI, GEI]), torch.full((2,), BOS))

    recall = whole.read(axis(1).expand(2, -1), begun, torch.tensor([[0.0, 1.0]]).expand(2, -1))

    assert recall.mute is not None
    geisha, tea = (dict(zip(*row, strict=True)) for row in zip(
        recall.values.tolist(), recall.mute.tolist(), strict=True
    ))  # fmt: skip
    assert geisha == {SHA: False, TEE: True, GEI: False}
    assert tea == {TEE: False, GEI: True, EMPTY: False}


@pytest.mark.parametrize("due", [COMMON, RARE])
def test_an_entry_is_as_near_as_the_rare_word_it_translates_is_attended_to(
    memory: Memory, threads: Threads, due: Tensor
) -> None:
    whole = Whole.of(memory, threads, everywhere(3), [due])
    last = Begun(torch.tensor([BOS]), torch.tensor([EMPTY]))

    for share in (0.0, 0.25, 1.0):
        recall = whole.read(axis(7)[None], last, torch.tensor([[share, 1 - share]]))
        assert recall.similarity[0, 0].item() == share * int(due[0])
        assert recall.slots[0, recall.similarity[0].isfinite()].tolist() == [0, 2]  # each once


def test_a_rare_word_speaks_however_far_its_keys_are() -> None:
    memory = Memory(MemoryConfig(slots=NEAREST + 3, neighbours=NEIGHBOURS), WIDTH, 10)
    keys = axis(3).expand(NEAREST + 3, -1).clone()
    keys[:3] = -keys[:3]
    memory.write(keys, torch.full((len(keys),), TEE), None, torch.Generator())
    threads = spell_pairs(memory.values, torch.arange(len(keys)), torch.zeros(len(keys)).long(),
        plain(INSIDE),
    )  # fmt: skip
    meanings = Meanings.of([frozenset(["tea"])] * 3 + [frozenset(["coffee"])] * NEAREST)
    places = meanings.places([Heard({"tea": [0], "coffee": [1]}, torch.tensor([0, 1, 2]))])
    whole = Whole.of(memory, threads, places, [torch.tensor([1, 0, 0])])
    last = Begun(torch.tensor([BOS]), torch.tensor([EMPTY]))

    recall = whole.read(axis(3)[None], last, torch.tensor([[1.0, 0.0, 0.0]]))

    assert sorted(recall.slots[0].tolist()) == [0, 1, 2]


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=50)
def test_a_small_memory_answers_as_an_excerpt_of_all_of_it(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    count = int(torch.randint(NEIGHBOURS, 20, (), generator=rng))
    memory = Memory(MemoryConfig(slots=count, neighbours=NEIGHBOURS), WIDTH, 10)
    values = torch.randint(3, 10, (count,), generator=rng)
    keys = F.normalize(torch.randn(count, WIDTH, generator=rng), dim=-1)
    memory.write(keys, values, None, rng)
    pairs = torch.randint(3, (count,), generator=rng).sort().values
    threads = spell_pairs(values, pairs, torch.arange(count), plain(INSIDE))
    words = ["a", "b", "c", "d"]
    chosen = torch.rand(count, 4, generator=rng) < 0.3
    translated = [
        frozenset(word for word, there in zip(words, row, strict=True) if there)
        for row in chosen.tolist()
    ]
    heard = [
        Heard({"a": [0], "b": [1, 2]}, torch.tensor([0, 1, 1, 2, 3])),
        Heard({"c": [1]}, torch.tensor([0, 1, 2])),
    ]
    slots = [torch.arange(count)] * 2
    excerpt = Excerpt.of(memory, threads, slots, [own.at(translated) for own in heard])
    due = [torch.tensor([1, 2, 2, 3, 0]), torch.tensor([1, 2, 0])]  # every word is
    whole = Whole.of(memory, threads, Meanings.of(translated).places(heard), due)
    queries = F.normalize(torch.randn(4, WIDTH, generator=rng), dim=-1)
    begun = Begun(values[torch.randint(count, (4,), generator=rng)], torch.full((4,), EMPTY))
    attention = torch.rand(4, 5, generator=rng).softmax(dim=-1)
    attention[2:, 3:] = 0

    ours, expected = (asked.read(queries, begun, attention) for asked in (whole, excerpt))

    assert torch.equal(ours.slots, expected.slots)
    assert torch.equal(ours.values, expected.values)
    assert torch.allclose(ours.similarity, expected.similarity, atol=1e-5)
    for own, other in ((ours.mute, expected.mute), (ours.thread, expected.thread)):
        assert own is not None
        assert other is not None
        heeded = ours.slots != EMPTY
        assert torch.equal(own[heeded], other[heeded])
