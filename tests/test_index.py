"""An index names the nearest slots; the exact one never misses."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import MemoryConfig
from rarenmt.index import ExactIndex
from rarenmt.memory import Memory

SLOTS, WIDTH, K = 300, 16, 7


def unit_rows(count: int, seed: int) -> Tensor:
    return F.normalize(
        torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed)), dim=-1
    )


def brute_force(query: Tensor, keys: Tensor) -> list[int]:
    """The K nearest slots, from one dot product after the other."""
    similarity = [float(torch.dot(query, key)) for key in keys]
    return sorted(range(len(keys)), key=lambda slot: -similarity[slot])[:K]


@pytest.mark.parametrize("cells", [1 << 25, 2 * SLOTS, 1])
def test_the_exact_index_finds_what_brute_force_finds(cells: int) -> None:
    keys, queries = unit_rows(SLOTS, 1), unit_rows(9, 2)

    found = ExactIndex(cells).search(queries, keys, K)

    assert [set(row) for row in found.tolist()] == [set(brute_force(q, keys)) for q in queries]


def test_half_precision_keys_give_a_few_candidates_more() -> None:
    keys, queries = unit_rows(SLOTS, 1).bfloat16(), unit_rows(9, 2)

    found = ExactIndex().search(queries, keys, K)

    assert found.shape[1] > K
    for row, query in zip(found.tolist(), queries, strict=True):
        assert len(set(row)) == len(row)
        assert set(brute_force(query, keys.float())) <= set(row)


def test_there_are_never_more_candidates_than_slots() -> None:
    keys = unit_rows(5, 1).bfloat16()

    found = ExactIndex().search(unit_rows(2, 2), keys, 3)

    assert [sorted(row) for row in found.tolist()] == [[0, 1, 2, 3, 4]] * 2


def test_no_query_finds_nothing() -> None:
    assert ExactIndex().search(torch.empty(0, WIDTH), unit_rows(SLOTS, 1), K).shape == (0, K)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cells", [1 << 25, 1])
def test_the_memory_ranks_what_the_index_finds(dtype: torch.dtype, cells: int) -> None:
    config = MemoryConfig(slots=SLOTS, neighbours=K)
    memory = Memory(config, WIDTH, SLOTS, dtype=dtype, index=ExactIndex(cells))
    memory.keys.copy_(unit_rows(SLOTS, 1))
    memory.values.copy_(torch.arange(SLOTS))
    memory.restored()
    queries = unit_rows(9, 2)

    recall = memory.read(queries)

    expected = torch.tensor([brute_force(query, memory.keys.float()) for query in queries])
    assert recall.slots.tolist() == expected.tolist()
    assert recall.values.tolist() == expected.tolist()
    assert_close(
        recall.similarity, torch.einsum("bd,bkd->bk", queries, memory.keys[expected].float())
    )
