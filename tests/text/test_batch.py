"""Pairs become padded tensors; an epoch is a pure function of its number and the seed."""

import random
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.text.batch import Ids, by_length, pad, pair_batch, source_batch
from rarenmt.text.tokenizer import BOS, EOS, PAD
from rarenmt.training.data import Corpus, concatenate

CPU = torch.device("cpu")


def pairs_of_lengths(lengths: list[tuple[int, int]]) -> list[tuple[Ids, Ids]]:
    return [([4] * source, [5] * target) for source, target in lengths]


LENGTHS = [(3 + number % 7, 1 + number % 11) for number in range(120)]
PAIRS = pairs_of_lengths(LENGTHS)


def test_rows_are_columns_filled_up_with_padding() -> None:
    assert pad([[7, 8, 9], [6], []], CPU).tolist() == [[7, 6, PAD], [8, PAD, PAD], [9, PAD, PAD]]


def test_every_source_ends_in_eos() -> None:
    source = source_batch([[7, 8], []], CPU)

    assert source.ids.tolist() == [[7, EOS], [8, PAD], [EOS, PAD]]
    assert source.lengths.tolist() == [3, 1]


def test_the_mask_is_true_where_there_is_a_piece() -> None:
    source = source_batch([[7, 8], []], CPU)

    assert source.mask.tolist() == [[True, True], [True, False], [True, False]]


def test_the_decoder_reads_bos_and_writes_eos() -> None:
    batch = pair_batch([([7], [8, 9]), ([7, 7], [6])], CPU)

    assert batch.inputs.tolist() == [[BOS, BOS], [8, 6], [9, PAD]]
    assert batch.outputs.tolist() == [[8, 6], [9, EOS], [EOS, PAD]]
    assert batch.source.ids.tolist() == [[7, 7], [EOS, 7], [PAD, EOS]]


def test_tokens_count_eos_and_no_padding() -> None:
    assert pair_batch([([7], [8, 9]), ([7, 7], [6])], CPU).tokens == 3 + 2


def test_batches_are_cut_where_they_would_pass_the_budget() -> None:
    assert list(by_length([5, 2, 3, 2, 9], budget=8)) == [[1, 3], [2], [0], [4]]


def test_nothing_makes_no_batch() -> None:
    assert list(by_length([], budget=8)) == []


@settings(max_examples=100, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(1, 30), max_size=40), budget=st.integers(1, 100))
def test_every_position_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(by_length(lengths, budget))

    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[p] for p in batch) * len(batch) <= budget


def test_an_epoch_is_a_pure_function_of_its_number_and_the_seed() -> None:
    corpus, other = Corpus([(PAIRS, 1.5)]), Corpus([(PAIRS, 1.5)])
    corpus.epoch(0, seed=1, budget=40)
    torch.manual_seed(5)

    assert corpus.epoch(3, seed=1, budget=40) == other.epoch(3, seed=1, budget=40)


def test_another_epoch_or_seed_goes_in_another_order() -> None:
    corpus = Corpus([(PAIRS, 1)])
    epoch = corpus.epoch(0, seed=1, budget=40)

    assert corpus.epoch(1, seed=1, budget=40) != epoch
    assert corpus.epoch(0, seed=2, budget=40) != epoch


def test_every_pair_comes_as_often_as_its_weight() -> None:
    corpus = Corpus([(PAIRS[:50], 1), (PAIRS[50:80], 3), (PAIRS[80:], 0)])

    counts = Counter(position for batch in corpus.epoch(0, seed=1, budget=40) for position in batch)

    assert counts == {p: 1 if p < 50 else 3 for p in range(80)}


@pytest.mark.parametrize("weight", [0.25, 1.75])
def test_a_fraction_of_a_weight_is_a_chance(weight: float) -> None:
    corpus = Corpus([(PAIRS, weight)])

    counts = Counter(
        position
        for epoch in range(40)
        for batch in corpus.epoch(epoch, seed=1, budget=40)
        for position in batch
    )

    least = 40 * int(weight)
    assert all(least < counts[position] < least + 40 for position in range(len(PAIRS)))
    assert sum(counts.values()) / 40 / len(PAIRS) == pytest.approx(weight, abs=0.03)


@pytest.mark.parametrize("budget", [1, 12, 40, 10_000])
def test_no_batch_passes_the_token_budget(budget: int) -> None:
    batches = Corpus([(PAIRS, 1)]).epoch(0, seed=1, budget=budget)

    for batch in batches:
        longest = max(len(PAIRS[position][1]) + 1 for position in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget


def test_a_batch_holds_targets_of_similar_length() -> None:
    batches = Corpus([(PAIRS, 1)]).epoch(0, seed=1, budget=40)

    padding = tokens = 0
    for batch in batches:
        sizes = [len(PAIRS[position][1]) + 1 for position in batch]
        padding += max(sizes) * len(sizes) - sum(sizes)
        tokens += sum(sizes)
    assert padding < 0.1 * tokens


def test_joined_pairs_are_short_ones_one_after_the_other_on_both_sides() -> None:
    pairs = [([i], [10 * i, 10 * i + 1]) for i in range(1, 9)]

    found = concatenate(pairs, 50, 7, random.Random(1))

    assert 0 < len(found) < 50  # four of them are over seven target pieces
    assert {len(source) for source, _ in found} == {2, 3}
    for source, target in found:
        assert target == [piece for i in source for piece in (10 * i, 10 * i + 1)]
