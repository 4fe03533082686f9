"""The search finds the nearest slots and never misses one."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import MemoryConfig
from rarenmt.memory.memory import Memory
from rarenmt.memory.neighbours import NeighbourSearch
from rarenmt.memory.topk import GROUP

SLOTS, WIDTH, K = 300, 16, 7


def unit_rows(count: int, seed: int) -> Tensor:
    return F.normalize(
        torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed)), dim=-1
    )


def brute_force(query: Tensor, keys: Tensor) -> list[int]:
    """The K nearest slots, from one dot product after the other."""
    similarity = [float(torch.dot(query, key)) for key in keys]
    return sorted(range(len(keys)), key=lambda slot: -similarity[slot])[:K]


@pytest.mark.parametrize("block", [1 << 14, SLOTS // 2, 1])
def test_the_search_finds_what_brute_force_finds(block: int) -> None:
    keys, queries = unit_rows(SLOTS, 1), unit_rows(9, 2)

    found = NeighbourSearch(block=block).search(queries, keys, K)

    assert [set(row) for row in found.tolist()] == [set(brute_force(q, keys)) for q in queries]


def test_close_keys_in_half_precision_are_distinguished() -> None:
    """Their products differ by less than half precision can say."""
    keys = F.normalize(unit_rows(1, 1) + 0.02 * unit_rows(SLOTS, 2), dim=-1).bfloat16()
    queries = F.normalize(unit_rows(1, 1) + 0.02 * unit_rows(9, 3), dim=-1)

    found = NeighbourSearch().search(queries, keys, K)

    nearest = [set(brute_force(query, keys.float())) for query in queries]
    assert [set(row) for row in found.tolist()] == nearest


def test_only_the_best_groups_of_a_long_row_are_sorted_and_nothing_is_missed() -> None:
    keys, queries = unit_rows(64 * 2 * K, 1), unit_rows(9, 2)

    found = NeighbourSearch(block=32 * 2 * K + 32).search(queries, keys, K)

    assert [set(row) for row in found.tolist()] == [set(brute_force(q, keys)) for q in queries]


def test_a_coarse_search_misses_only_what_lies_as_near_as_what_it_finds() -> None:
    keys, queries = unit_rows(1 << 12, 1), unit_rows(9, 2)
    before = torch.get_float32_matmul_precision()

    found = NeighbourSearch(coarse=True).search(queries, keys, K)

    similarity = queries @ keys.t()
    best = similarity.topk(K, sorted=False).values.amin(dim=1)
    assert bool((similarity.gather(1, found).amin(dim=1) > best - 0.01).all())
    assert torch.get_float32_matmul_precision() == before


def test_no_query_finds_nothing() -> None:
    assert NeighbourSearch().search(torch.empty(0, WIDTH), unit_rows(SLOTS, 1), K).shape == (0, K)
    many = unit_rows(64 * GROUP, 1)
    assert NeighbourSearch().search(torch.empty(0, WIDTH), many, 2).shape == (0, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("block", [1 << 14, 7])
def test_the_memory_ranks_what_the_search_finds(dtype: torch.dtype, block: int) -> None:
    config = MemoryConfig(slots=SLOTS, neighbours=K)
    memory = Memory(config, WIDTH, SLOTS, dtype=dtype, search=NeighbourSearch(block=block))
    memory.keys.copy_(unit_rows(SLOTS, 1))
    memory.values.copy_(torch.arange(SLOTS))
    memory.recount()
    queries = unit_rows(9, 2)

    recall = memory.read(queries)

    expected = torch.tensor([brute_force(query, memory.keys.float()) for query in queries])
    assert recall.slots.tolist() == expected.tolist()
    assert recall.values.tolist() == expected.tolist()
    assert_close(
        recall.similarity, torch.einsum("bd,bkd->bk", queries, memory.keys[expected].float())
    )
