"""The memory against numbers from a pencil and against a slow, obvious one."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_memory import NO_VALUE, ReferenceMemory, unit
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import MemoryConfig
from rarenmt.memory.memory import AGE_NOISE, EMPTY, Memory, Recall

EAST, NORTH, WEST, SOUTH = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)
NORTH_EAST, EAST_NORTH, SOUTH_EAST = (0.6, 0.8), (0.8, 0.6), (0.6, -0.8)
CAT, DOG, COW = 7, 9, 11

Point = tuple[float, float]


def small_memory(
    *, slots: int = 4, neighbours: int = 2, dtype: torch.dtype = torch.float32
) -> Memory:
    config = MemoryConfig(slots=slots, neighbours=neighbours)
    return Memory(config, width=2, vocabulary=20, dtype=dtype)


def write(memory: Memory, *entries: tuple[Point, int], seed: int = 0) -> list[int]:
    """Read, then write as a training step does; the slots the entries went to."""
    queries = torch.tensor([point for point, _ in entries])
    values = torch.tensor([value for _, value in entries])
    generator = torch.Generator().manual_seed(seed)
    return memory.write(queries, values, memory.read(queries), generator).tolist()


def hinge(memory: Memory, query: Point, target: int) -> float:
    queries = torch.tensor([query])
    return memory.loss(queries, memory.read(queries), torch.tensor([target])).item()


# Reading


def test_the_nearest_slot_comes_first() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG), (WEST, COW))

    recall = memory.read(torch.tensor([NORTH_EAST, EAST_NORTH]))

    assert recall.slots.tolist() == [[1, 0], [0, 1]]
    assert recall.values.tolist() == [[DOG, CAT], [CAT, DOG]]
    assert_close(recall.similarity, torch.tensor([[0.8, 0.6], [0.8, 0.6]]))


def test_a_reader_may_ask_for_another_number_of_neighbours() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG), (WEST, COW))

    recall = memory.read(torch.tensor([NORTH_EAST]), k=3)

    assert recall.values.tolist() == [[DOG, CAT, COW]]
    assert_close(recall.similarity, torch.tensor([[0.8, 0.6, -0.6]]))


def test_empty_slots_hold_no_value_and_are_infinitely_far() -> None:
    memory = small_memory(neighbours=3)
    write(memory, (SOUTH, CAT))

    recall = memory.read(torch.tensor([NORTH]))

    assert recall.slots.tolist() == [[0, EMPTY, EMPTY]]
    assert recall.values.tolist() == [[CAT, EMPTY, EMPTY]]
    assert recall.similarity.tolist() == [[-1.0, -torch.inf, -torch.inf]]


def test_an_empty_memory_recalls_nothing() -> None:
    recall = small_memory().read(torch.tensor([NORTH, EAST]))

    assert recall.values.tolist() == [[EMPTY, EMPTY], [EMPTY, EMPTY]]
    assert recall.similarity.tolist() == [[-torch.inf, -torch.inf], [-torch.inf, -torch.inf]]


def test_no_query_has_no_recall() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))

    recall = memory.read(torch.empty(0, 2))

    assert recall.slots.shape == recall.values.shape == recall.similarity.shape == (0, 2)


def test_reading_changes_nothing() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))
    before = {name: tensor.clone() for name, tensor in memory.state_dict().items()}

    memory.read(torch.tensor([NORTH_EAST]))

    assert_close(dict(memory.state_dict()), before, rtol=0, atol=0)


# The memory loss


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (DOG, 0.0),  # right beats wrong by 0.2, more than the margin of 0.1
        (CAT, 0.3),  # wrong beats right by 0.2, plus the margin
        (COW, 0.0),  # nothing right anywhere: nothing to learn
    ],
)
def test_loss_is_the_hinge_of_section_2(target: int, expected: float) -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))

    assert hinge(memory, NORTH_EAST, target) == pytest.approx(expected)


def test_a_lead_within_the_margin_still_costs() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (EAST_NORTH, DOG))
    middle = unit([1.0, 1 / 3])  # as near to (1, 0) as to (0.8, 0.6)

    assert hinge(memory, (middle[0], middle[1]), DOG) == pytest.approx(0.1)


def test_several_right_neighbours_count_as_their_nearest() -> None:
    memory = small_memory(neighbours=3)
    write(memory, (WEST, CAT), (EAST, CAT), (NORTH, DOG))

    assert hinge(memory, NORTH_EAST, CAT) == pytest.approx(0.8 - 0.6 + 0.1)


def test_a_right_slot_outside_the_neighbours_is_found_by_its_value() -> None:
    memory = small_memory(neighbours=2)
    write(memory, (EAST, CAT), (NORTH, DOG), (WEST, COW))

    assert hinge(memory, NORTH_EAST, COW) == pytest.approx(0.8 + 0.6 + 0.1)


def test_of_many_right_slots_outside_the_neighbours_the_latest_serves() -> None:
    memory = small_memory(neighbours=1)
    write(memory, (WEST, COW), (EAST, DOG))
    write(memory, (SOUTH_EAST, COW))

    assert hinge(memory, NORTH_EAST, COW) == pytest.approx(0.6 + 0.28 + 0.1)


def test_a_value_whose_slot_was_taken_by_another_has_no_right_slot() -> None:
    memory = small_memory(slots=2, neighbours=1)
    write(memory, (EAST, CAT), (NORTH, DOG))
    write(memory, (WEST, COW), (SOUTH, COW))

    assert hinge(memory, NORTH_EAST, CAT) == 0.0
    assert hinge(memory, NORTH_EAST, DOG) == 0.0


def test_without_a_wrong_neighbour_there_is_nothing_to_learn() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, CAT))

    assert hinge(memory, NORTH_EAST, CAT) == 0.0


def test_an_empty_memory_has_no_loss() -> None:
    assert hinge(small_memory(), NORTH_EAST, CAT) == 0.0


def test_the_loss_pulls_the_query_and_leaves_the_keys_alone() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))
    queries = torch.tensor([NORTH_EAST], requires_grad=True)

    memory.loss(queries, memory.read(queries), torch.tensor([CAT])).sum().backward()

    assert queries.grad is not None
    assert queries.grad.tolist() == [[-1.0, 1.0]]  # K[wrong] − K[right]
    assert not memory.keys.requires_grad


def test_a_right_slot_outside_the_neighbours_pulls_the_query_too() -> None:
    memory = small_memory(neighbours=1)
    write(memory, (EAST, CAT), (NORTH, DOG))
    queries = torch.tensor([NORTH_EAST], requires_grad=True)

    memory.loss(queries, memory.read(queries), torch.tensor([CAT])).sum().backward()

    assert queries.grad is not None
    assert queries.grad.tolist() == [[-1.0, 1.0]]


@pytest.mark.parametrize("target", [DOG, COW])
def test_a_query_with_nothing_to_learn_gets_a_gradient_of_zero(target: int) -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))
    queries = torch.tensor([NORTH_EAST], requires_grad=True)

    memory.loss(queries, memory.read(queries), torch.tensor([target])).sum().backward()

    assert queries.grad is not None
    assert queries.grad.tolist() == [[0.0, 0.0]]


# Writing


def test_new_values_fill_the_empty_slots_in_order() -> None:
    memory = small_memory()

    slots = write(memory, (EAST, CAT), (NORTH, DOG)) + write(memory, (WEST, COW))

    assert slots == [0, 1, 2]
    assert memory.keys.tolist() == [list(EAST), list(NORTH), list(WEST), [0.0, 0.0]]
    assert memory.values.tolist() == [CAT, DOG, COW, EMPTY]
    assert memory.size == 3


def test_a_right_answer_moves_the_key_halfway() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (SOUTH, DOG))

    slots = write(memory, (EAST_NORTH, CAT))

    assert slots == [0]
    assert memory.size == 2
    assert_close(memory.keys[0], torch.tensor([1.8, 0.6]) / 3.6**0.5)


def test_a_wrong_answer_takes_a_slot_of_its_own() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT))

    slots = write(memory, (EAST_NORTH, DOG))

    assert slots == [1]
    assert memory.keys[:2].tolist() == [list(EAST), pytest.approx(EAST_NORTH)]
    assert memory.values[:2].tolist() == [CAT, DOG]


def test_several_right_answers_are_summed_and_then_normalised() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (SOUTH, DOG))

    slots = write(memory, (EAST_NORTH, CAT), (SOUTH, DOG), (NORTH_EAST, CAT))

    assert slots == [0, 1, 0]
    assert_close(memory.keys[0], torch.tensor([2.4, 1.4]) / 7.72**0.5)
    assert memory.keys[1].tolist() == list(SOUTH)


def test_a_batch_does_not_see_its_own_writes() -> None:
    memory = small_memory()

    slots = write(memory, (EAST, CAT), (EAST, CAT))

    assert slots == [0, 1]


def test_ages_count_the_writes_since_a_slot_was_used() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))
    write(memory, (WEST, COW))
    write(memory, (EAST, CAT))

    assert memory.ages.tolist() == [0, 2, 1, 0]


def test_a_full_memory_gives_up_its_oldest_slots() -> None:
    memory = small_memory(slots=3)
    write(memory, (EAST, CAT), (NORTH, CAT), (WEST, CAT))
    for _ in range(2 * int(AGE_NOISE) + 1):  # now older than any noise
        write(memory, (NORTH, CAT))

    slots = write(memory, (SOUTH, DOG), (SOUTH, COW))

    assert sorted(slots) == [0, 2]
    assert memory.values[1] == CAT
    assert {memory.values[0].item(), memory.values[2].item()} == {DOG, COW}


def test_empty_slots_go_before_old_ones() -> None:
    memory = small_memory(slots=3)
    write(memory, (EAST, CAT), (NORTH, CAT))

    slots = write(memory, (SOUTH, DOG), (SOUTH, COW))

    assert slots[0] == 2
    assert slots[1] in (0, 1)


def test_among_slots_of_one_age_the_noise_decides() -> None:
    given_up = set()
    for seed in range(20):
        memory = small_memory(slots=3)
        write(memory, (EAST, CAT), (NORTH, CAT), (WEST, CAT))
        given_up.update(write(memory, (SOUTH, DOG), seed=seed))

    assert given_up == {0, 1, 2}


def test_the_same_generator_gives_up_the_same_slot() -> None:
    memories = [small_memory(slots=3) for _ in range(2)]
    for memory in memories:
        write(memory, (EAST, CAT), (NORTH, CAT), (WEST, CAT))

    assert write(memories[0], (SOUTH, DOG), seed=5) == write(memories[1], (SOUTH, DOG), seed=5)


@pytest.mark.parametrize("seed", range(5))
def test_a_slot_that_was_right_is_not_given_up_in_the_same_batch(seed: int) -> None:
    memory = small_memory(slots=3)
    write(memory, (EAST, CAT), (NORTH, DOG), (WEST, COW))

    slots = write(memory, (EAST, CAT), (WEST, CAT), (WEST, DOG), seed=seed)

    assert slots[0] == 0
    assert set(slots[1:]) == {1, 2}
    assert memory.keys[0].tolist() == list(EAST)


def test_a_write_needs_only_the_first_neighbour() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))
    query = torch.tensor([EAST_NORTH])

    memory.write(query, torch.tensor([CAT]), memory.read(query, k=1), torch.Generator())

    assert memory.size == 2


def test_growing_keeps_everything() -> None:
    memory = small_memory(slots=2)
    write(memory, (EAST, CAT), (NORTH, DOG))
    write(memory, (EAST, CAT))

    memory.grow(5)

    assert memory.capacity == 5
    assert memory.keys.tolist() == [list(EAST), list(NORTH), [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert memory.values.tolist() == [CAT, DOG, EMPTY, EMPTY, EMPTY]
    assert memory.ages.tolist() == [0, 1, 0, 0, 0]
    assert memory.latest[[CAT, DOG]].tolist() == [0, 1]
    assert write(memory, (SOUTH, COW)) == [2]


def test_a_loaded_memory_knows_what_it_holds() -> None:
    memory, other = small_memory(), small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))

    other.load_state_dict(memory.state_dict())
    other.recount()

    assert other.size == 2
    assert other.read(torch.tensor([NORTH])).values.tolist() == [[DOG, CAT]]


def test_a_restored_memory_has_a_copy_and_writes_into_the_room_behind_it() -> None:
    memory, other = small_memory(), small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))
    keys = memory.keys[:2].clone()

    other.load_entries(keys, memory.values[:2], memory.ages[:2], memory.latest, slots=5)
    keys.zero_()

    assert (other.size, other.capacity) == (2, 5)
    assert other.values.tolist() == [CAT, DOG, EMPTY, EMPTY, EMPTY]
    assert other.read(torch.tensor([NORTH])).values.tolist() == [[DOG, CAT]]
    assert write(other, (SOUTH, COW)) == [2]
    assert other.read(torch.tensor([SOUTH])).values[0, 0] == COW


# Precision


def test_half_precision_keys_are_ranked_in_single_precision() -> None:
    near, nearer = (0.9921875, 0.0625), (0.9921875, 0.125)  # exact in bfloat16
    query = torch.tensor([[1.0, 0.015625]])
    memory = small_memory(neighbours=1, dtype=torch.bfloat16)
    write(memory, (near, CAT), (nearer, DOG))

    recall = memory.read(query)

    coarse = query.bfloat16() @ memory.keys[:2].t()
    assert coarse[0, 0] == coarse[0, 1]  # bfloat16 cannot tell the two apart
    assert recall.values.tolist() == [[DOG]]
    assert recall.similarity.tolist() == [[0.9921875 + 0.015625 * 0.125]]


def test_similarities_are_exact_within_mixed_precision() -> None:
    memory = small_memory()
    write(memory, (EAST, CAT), (NORTH, DOG))
    queries = torch.tensor([NORTH_EAST])
    outside = memory.read(queries).similarity

    with torch.autocast("cpu", torch.bfloat16):
        inside = memory.read(queries).similarity

    assert_close(inside, outside, rtol=0, atol=0)


# Random histories against the reference

SLOTS, WIDTH, NEIGHBOURS, VALUES = 6, 3, 4, 4

entries = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, VALUES - 1)), min_size=1, max_size=SLOTS
)
"""One batch: which landmark each query is near, and its value."""

histories = st.lists(st.one_of(entries, st.integers(1, 3)), max_size=12)
"""Batches to write, and by how many slots to grow in between."""


def near_landmark(number: int, chance: random.Random) -> list[float]:
    """A unit vector near one of five fixed ones; no two the same, so that no read is a tie."""
    landmark = random.Random(number)
    return unit([landmark.gauss() + 0.5 * chance.gauss() for _ in range(WIDTH)])


def assert_same_recall(recall: Recall, reference: ReferenceMemory, queries: Tensor) -> None:
    for row, query in enumerate(queries.tolist()):
        expected = reference.read(query, NEIGHBOURS)
        missing = NEIGHBOURS - len(expected)
        slots = [n.slot for n in expected] + [EMPTY] * missing
        values = [n.value for n in expected] + [NO_VALUE] * missing
        similarity = [n.similarity for n in expected] + [-torch.inf] * missing
        assert recall.slots[row].tolist() == slots
        assert recall.values[row].tolist() == values
        assert recall.similarity[row].tolist() == pytest.approx(similarity, abs=1e-5)


def assert_same_content(memory: Memory, reference: ReferenceMemory) -> None:
    assert memory.values.tolist() == [slot.value for slot in reference.slots]
    assert memory.ages.tolist() == [slot.age for slot in reference.slots]
    assert_close(
        memory.keys, torch.tensor([slot.key for slot in reference.slots]), rtol=0, atol=1e-5
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(history=histories, seed=st.integers(0, 1000))
def test_any_history_goes_as_in_the_slow_memory(
    history: list[list[tuple[int, int]] | int], seed: int
) -> None:
    config = MemoryConfig(slots=SLOTS, neighbours=NEIGHBOURS)
    memory = Memory(config, WIDTH, VALUES)
    reference = ReferenceMemory(SLOTS, WIDTH)
    chance = random.Random(seed)
    for step, event in enumerate(history):
        if isinstance(event, int):
            memory.grow(memory.capacity + event)
            reference.grow(memory.capacity)
            continue
        queries = torch.tensor([near_landmark(number, chance) for number, _ in event])
        values = torch.tensor([value for _, value in event])
        recall = memory.read(queries)
        assert_same_recall(recall, reference, queries)
        expected = [
            reference.loss(query, value, NEIGHBOURS, config.margin)
            for query, (_, value) in zip(queries.tolist(), event, strict=True)
        ]
        assert memory.loss(queries, recall, values).tolist() == pytest.approx(expected, abs=1e-5)
        uniform = torch.rand(memory.capacity, generator=torch.Generator().manual_seed(step))
        noise = [(2 * number - 1) * AGE_NOISE for number in uniform.tolist()]
        slots = memory.write(queries, values, recall, torch.Generator().manual_seed(step))
        assert slots.tolist() == reference.write(queries.tolist(), values.tolist(), noise)
        assert_same_content(memory, reference)
