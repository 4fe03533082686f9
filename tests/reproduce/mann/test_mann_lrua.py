"""Least Recently Used Access, with every number worked out by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.reproduce.mann import lrua
from rarenmt.reproduce.mann.lrua import State, write_read


def test_usage_decays_by_a_hundredth_and_grows_by_what_was_read_and_written() -> None:
    # two slots, one read; the key (1, 0) meets slots that are both (1, 0) once it is written
    state = State(
        contents=torch.tensor([[[1.0, 0.0], [5.0, 5.0]]]),
        usage=torch.tensor([[2.0, 0.5]]),
        reading=torch.tensor([[[1.0, 0.0]]]),
    )

    _, after = lrua.access(state, torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.25]]]))

    # slot 1 is least used: it is erased, then gets 0.75 of the key; slot 0, read last, gets 0.25
    assert torch.allclose(after.contents, torch.tensor([[[1.25, 0.0], [0.75, 0.0]]]))
    # both slots point along the key: cosines 1 and 1, so each is read by half
    assert torch.allclose(after.reading, torch.tensor([[[0.5, 0.5]]]), atol=1e-4)
    assert torch.allclose(
        after.usage, torch.tensor([[0.99 * 2 + 0.5 + 0.25, 0.99 * 0.5 + 0.5 + 0.75]]), atol=1e-4
    )


def test_the_least_used_slots_are_as_many_as_the_reads_the_least_first() -> None:
    usage = torch.tensor([[0.3, 0.1, 0.4, 0.2], [0.0, 3.0, 2.0, 1.0]])

    assert lrua.least_used(usage, 2).tolist() == [[1, 3], [0, 3]]


def test_a_key_goes_where_its_head_read_last_and_to_the_least_used_slots() -> None:
    reading = torch.tensor([[[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.2, 0.8]]])
    gate = torch.tensor([[[0.8], [0.5]]])

    written = lrua.write_weights(gate, reading, least=torch.tensor([[3, 0]]))

    # head 0: 0.8 × (.5, .5, 0, 0) + 0.2 × (1, 0, 0, 1); head 1: half and half
    expected = torch.tensor([[[0.6, 0.4, 0.0, 0.2], [0.5, 0.0, 0.1, 0.9]]])
    assert torch.allclose(written, expected)


def test_one_slot_alone_is_zeroed_before_the_heads_add_their_keys() -> None:
    contents = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    writing = torch.tensor([[[0.5, 0.0, 0.0], [1.0, 1.0, 0.0]]])
    keys = torch.tensor([[[2.0, 2.0], [10.0, 0.0]]])

    written, _, _ = write_read(contents, torch.tensor([1]), writing, keys)

    # slot 0: (1, 2) + 0.5 × (2, 2) + (10, 0); slot 1: (0, 0) + (10, 0); slot 2 as it was
    assert torch.equal(written, torch.tensor([[[12.0, 3.0], [10.0, 0.0], [5.0, 6.0]]]))
    assert contents[0, 1].tolist() == [3.0, 4.0]


def test_a_cosine_heeds_direction_alone_and_is_zero_for_an_empty_slot() -> None:
    keys = torch.tensor([[[3.0, 4.0]]])
    contents = torch.tensor([[[30.0, 40.0], [-4.0, 3.0], [0.0, -2.0], [7.0, 7.0]]])

    _, reading, _ = write_read(contents, torch.tensor([3]), torch.zeros(1, 1, 4), keys)

    # 1 along the key, 0 across it, −0.8 for (3, 4)·(0, −2) / (5 × 2), 0 where it was erased
    shares = [math.e, 1.0, math.exp(-0.8), 1.0]
    assert reading[0, 0].tolist() == pytest.approx([x / sum(shares) for x in shares], abs=1e-4)


def test_what_is_read_is_the_sum_of_slots_by_the_softmax_of_their_cosines() -> None:
    state = State(
        contents=torch.tensor([[[0.0, 7.0], [2.0, 0.0], [0.0, 3.0]]]),
        usage=torch.tensor([[0.0, 1.0, 1.0]]),
        reading=torch.zeros(1, 1, 3),
    )

    read, after = lrua.access(state, torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0]]]))

    # the gate sends the key where nothing was read: slot 0 is emptied and nothing written
    one = math.e / (math.e + 2)
    assert after.reading[0, 0].tolist() == pytest.approx(
        [one / math.e, one, one / math.e], abs=1e-4
    )
    assert read[0, 0].tolist() == pytest.approx([2 * one, 3 * one / math.e], abs=1e-3)


def test_an_empty_memory_is_filled_from_its_first_slot_on() -> None:
    state = lrua.empty(batch=1, slots=5, width=3, reads=1)
    gate = torch.zeros(1, 1, 1)  # only to the least used
    filled = []

    for step in range(3):
        _, state = lrua.access(state, torch.full((1, 1, 3), 1.0 + step), gate)
        filled.append(state.contents[0].abs().sum(1).gt(0).tolist())

    assert filled == [[True] + [False] * 4, [True] * 2 + [False] * 3, [True] * 3 + [False] * 2]
    assert state.contents[0, :3, 0].tolist() == [1.0, 2.0, 3.0]


@given(seed=st.integers(0, 999), reads=st.integers(1, 3), steps=st.integers(1, 6))
def test_weights_are_shares_and_usage_is_their_decayed_sum(
    seed: int, reads: int, steps: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    state = lrua.empty(batch=2, slots=6, width=4, reads=reads)
    total = state.usage.sum(1)

    for step in range(steps):
        keys = torch.randn(2, reads, 4, generator=generator)
        gate = torch.rand(2, reads, 1, generator=generator)
        _, state = lrua.access(state, keys, gate)
        # wʷ sums to σ(α) (but 0 at first: nothing was read) and R (1 − σ(α))
        written = gate.sum((1, 2)) * (step > 0) + reads * (1 - gate).sum((1, 2))
        total = 0.99 * total + reads + written

        assert torch.allclose(state.reading.sum(2), torch.ones(2, reads))
        assert torch.allclose(state.usage.sum(1), total, rtol=1e-4)


@given(
    seed=st.integers(0, 999),
    slots=st.integers(2, 5),
    width=st.integers(1, 3),
    reads=st.integers(1, 3),
)
@settings(deadline=None, max_examples=20)
def test_the_gradient_is_that_of_small_changes(
    seed: int, slots: int, width: int, reads: int
) -> None:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        tensor = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return (tensor + tensor.sign()).requires_grad_()  # a cosine has no gradient at 0

    contents, writing = drawn(2, slots, width), drawn(2, reads, slots)
    erased = torch.randint(slots, (2,), generator=generator)

    def step(*given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        contents, writing, keys = given
        return write_read(contents, erased, writing, keys)

    assert torch.autograd.gradcheck(step, (contents, writing, drawn(2, reads, width)), atol=1e-4)


def test_gradients_reach_keys_and_gates_through_what_later_steps_read() -> None:
    state = lrua.empty(batch=1, slots=4, width=3, reads=2)
    keys = torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    gate = torch.full((1, 2, 1), 0.5, requires_grad=True)

    for _ in range(2):
        read, state = lrua.access(state, keys, gate)
    read.square().sum().backward()

    for tensor in (keys, gate):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().sum() > 0
    assert not state.usage.requires_grad
