"""Padded keys hold the keys of every sentence, whatever the others have."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from rarenmt.decoding.padded_keys import MIN_ROWS, PaddedKeys
from rarenmt.memory.memory import EMPTY

WIDTH = 8
COUNTS = st.lists(st.integers(0, 5 * MIN_ROWS), min_size=1, max_size=6)


def drawn(counts: list[int]) -> tuple[Tensor, Tensor]:
    """Keys, and slots of each sentence."""
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(400, WIDTH, generator=generator)
    slots = torch.full((len(counts), max(1, *counts)), EMPTY)
    for row, count in zip(slots, counts, strict=True):
        row[:count] = torch.randint(0, 400, (count,), generator=generator)
    return keys, slots


def rows(padded: PaddedKeys, counts: list[int]) -> list[Tensor]:
    starts = padded.starts.tolist()
    return [padded.rows[a : a + count] for a, count in zip(starts, counts, strict=True)]


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_every_sentence_has_its_keys_and_keeps_them_when_selected(
    counts: list[int], chosen: list[int]
) -> None:
    keys, slots = drawn(counts)
    chosen = [number % len(counts) for number in chosen]

    padded = PaddedKeys.from_slots(keys, slots)
    selected = padded.select(torch.tensor(chosen))

    expected_rows = [keys[row[:count]] for row, count in zip(slots, counts, strict=True)]
    for found, expected in zip(rows(padded, counts), expected_rows, strict=True):
        assert torch.equal(found, expected)
    for number, found in zip(chosen, rows(selected, [counts[n] for n in chosen]), strict=True):
        assert torch.equal(found, expected_rows[number])


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_products_are_with_the_keys_of_the_same_sentence(counts: list[int]) -> None:
    keys, slots = drawn(counts)
    queries = torch.randn(len(counts), 2, WIDTH, generator=torch.Generator().manual_seed(1))

    products = PaddedKeys.from_slots(keys, slots).products(queries, slots.shape[1])

    assert products.shape == (len(counts), 2, slots.shape[1])
    for number, count in enumerate(counts):
        expected = queries[number] @ keys[slots[number, :count]].t()
        assert_close(products[number, :, :count], expected)


@pytest.mark.parametrize(
    ("count", "size"), [(0, 1), (1, 1), (MIN_ROWS, 1), (MIN_ROWS + 1, 2), (3 * MIN_ROWS, 4)]
)
def test_a_sentence_has_less_than_twice_the_rows_it_needs(count: int, size: int) -> None:
    keys, slots = drawn([count])

    assert PaddedKeys.from_slots(keys, slots).sizes.tolist() == [size * MIN_ROWS]
