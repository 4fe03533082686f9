"""Whatever was written, overwritten or removed before, a search finds the nearest slots."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import MemoryConfig
from rarenmt.memory import neighbours as neighbours
from rarenmt.memory.memory import EMPTY, Memory
from rarenmt.memory.neighbours import NeighbourSearch

WIDTH, K, MOST = 16, 4, 600


SEARCHES: dict[str, Callable[[], NeighbourSearch]] = {
    "exact": lambda: NeighbourSearch(block=100),
    "exact, rounded first": lambda: NeighbourSearch(two_stage=True, block=100),
}

histories = st.lists(
    st.one_of(
        st.tuples(st.just("new"), st.integers(1, 200)),
        st.tuples(st.just("over"), st.integers(1, 40)),
        st.tuples(st.just("twins"), st.integers(1, 40)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    min_size=1,
    max_size=8,
)
"""New slots, other keys in some slots, the same key in some slots, or nothing left."""


def unit_rows(count: int, generator: torch.Generator) -> Tensor:
    """Rows in a few clusters beside a large common part, as real keys lie."""
    centres = torch.randint(0, 5, (count,), generator=generator)
    rows = 0.3 * torch.randn(count, WIDTH, generator=generator) + 2
    rows[torch.arange(count), centres] += 1
    return F.normalize(rows, dim=-1)


class SearchHistory:
    """A memory whose slots are set by hand, and what they should hold."""

    def __init__(self, search: NeighbourSearch, dtype: torch.dtype, seed: int) -> None:
        config = MemoryConfig(slots=MOST, neighbours=K)
        self.memory = Memory(config, WIDTH, MOST, dtype=dtype, search=search)
        self.generator = torch.Generator().manual_seed(seed)

    def happen(self, kind: str, count: int) -> Tensor:
        """The slots whose keys changed."""
        used = self.memory.size
        slots = torch.arange(used, min(used + count, MOST))
        if kind == "clear":
            self.memory.values.fill_(EMPTY)
            self.memory.recount()
            return slots[:0]
        if kind != "new":
            order = torch.randperm(used, generator=self.generator)
            slots = order[:count]
        rows = unit_rows(len(slots), self.generator)
        if kind == "twins":
            rows = rows[:1].expand_as(rows)
        self.memory.keys[slots] = rows.to(self.memory.keys.dtype)
        self.memory.values[slots] = slots
        self.memory.size = max(used, used + len(slots) if kind == "new" else used)
        return slots


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@settings(max_examples=15, deadline=None, derandomize=True)
@given(events=histories, seed=st.integers(0, 1000))
def test_no_stale_slot_no_duplicate_and_what_was_just_put_comes_first(
    name: str, dtype: torch.dtype, events: list[tuple[str, int]], seed: int
) -> None:
    history = SearchHistory(SEARCHES[name](), dtype, seed)
    memory = history.memory
    for kind, count in events:
        changed = history.happen(kind, count)
        keys = memory.keys[: memory.size].float()
        queries = torch.cat([unit_rows(3, history.generator), keys[changed[:20]]])

        recall = memory.read(queries)

        claimed = recall.slots != EMPTY
        assert claimed.sum(dim=1).tolist() == [min(K, memory.size)] * len(queries)
        for row, there, similarity, query in zip(
            recall.slots, claimed, recall.similarity, queries, strict=True
        ):
            slots = row[there]
            assert len(slots.unique()) == len(slots)
            assert bool((slots < memory.size).all())
            assert_close(similarity[there], keys[slots] @ query)
        exact = queries @ keys.t()
        for slot, similarity in zip(changed[:20].tolist(), recall.similarity[3:], strict=True):
            assert similarity[0] >= keys[slot] @ keys[slot] - 1e-6
        if memory.size:
            assert_close(
                recall.similarity[claimed], exact.topk(min(K, memory.size)).values.flatten()
            )


@pytest.mark.parametrize("name", SEARCHES)
def test_equal_histories_give_equal_answers(name: str) -> None:
    answers = []
    for _ in range(2):
        history = SearchHistory(SEARCHES[name](), torch.bfloat16, 1)
        for kind, count in [("new", 300), ("over", 40), ("new", 100), ("over", 30)]:
            history.happen(kind, count)
            answers.append(history.memory.read(unit_rows(50, history.generator)).slots)

    for first, second in zip(answers[:4], answers[4:], strict=True):
        assert first.tolist() == second.tolist()


@pytest.mark.parametrize("name", SEARCHES)
def test_more_neighbours_than_buckets_hold_are_found_all_the_same(name: str) -> None:
    history = SearchHistory(SEARCHES[name](), torch.float32, 1)
    history.happen("new", 300)

    recall = history.memory.read(unit_rows(5, history.generator), k=300)

    assert [sorted(row) for row in recall.slots.tolist()] == [list(range(300))] * 5


@pytest.mark.parametrize("count", [3000, 1 << 13, (1 << 13) + 32, 9000])
def test_rounded_products_hide_nothing(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys so close together that bfloat16 cannot rank them, and enough to be glanced at."""
    monkeypatch.setattr(neighbours, "COARSE_BLOCK", 1 << 13)
    generator = torch.Generator().manual_seed(1)
    base = unit_rows(1, generator)
    rows = torch.randn(count, WIDTH, generator=generator)
    keys = F.normalize(base + 0.02 * rows, dim=-1).bfloat16()
    keys[1000:] = unit_rows(count - 1000, generator).bfloat16()
    queries = F.normalize(base + 0.02 * torch.randn(9, WIDTH, generator=generator), dim=-1)

    found = NeighbourSearch(two_stage=True, block=500).search(queries, keys, K)

    products = queries @ keys.float().t()
    assert_close(products.gather(1, found).sort(descending=True).values, products.topk(K).values)
