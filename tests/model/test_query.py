"""Queries are unit vectors whose blocks share the similarity."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import Block, MemoryConfig, ModelConfig
from rarenmt.model.query import DecoderStates, Query

MODEL = ModelConfig(hidden=4, embedding=2)


def query_of(*blocks: Block) -> Query:
    return Query(MODEL, MemoryConfig(query=blocks, block=3))


def random_states(count: int, seed: int = 1) -> DecoderStates:
    generator = torch.Generator().manual_seed(seed)

    def draw(width: int) -> Tensor:
        return torch.randn(count, width, generator=generator)

    return DecoderStates(draw(4), draw(2), draw(4), draw(4))


@pytest.mark.parametrize(
    ("blocks", "width"),
    [
        (("context",), 3),  # the paper's
        (("source",), 2),
        (("context", "source", "bottom", "top"), 3 + 2 + 3 + 3),
    ],
)
def test_queries_are_unit_vectors(blocks: tuple[Block, ...], width: int) -> None:
    query = query_of(*blocks)

    queries = query(random_states(5))

    assert query.width == width
    assert queries.shape == (5, width)
    assert_close(queries.norm(dim=-1), torch.ones(5))


def test_similarity_is_the_shared_cosine_of_the_blocks() -> None:
    query = query_of("source", "top")
    query.projections["top"].weight.data = torch.eye(3, 4)
    query.shares.data = torch.tensor([3.0, 1.0]).log()  # three quarters and one quarter
    nothing = torch.zeros(2, 4)
    source = torch.tensor([[3.0, 4.0], [10.0, 0.0]])  # cosine 0.6
    top = torch.tensor([[1.0, 0.0, 0.0, 7.0], [0.0, 2.0, 0.0, 7.0]])  # cosine 0 in the first three

    queries = query(DecoderStates(nothing, source, nothing, top))

    assert_close(queries[0] @ queries[1], torch.tensor(0.75 * 0.6))
    assert_close(
        query.block_similarities(queries[:1], queries[1:]), torch.tensor([[0.75 * 0.6, 0.0]])
    )


def test_the_blocks_begin_with_equal_shares() -> None:
    query = query_of("context", "source", "bottom", "top")
    queries = query(random_states(3))

    shares = query.block_similarities(queries, queries)

    assert_close(shares, torch.full((3, 4), 0.25))


def test_block_similarities_add_up_to_the_similarity() -> None:
    query = query_of("context", "source", "bottom", "top")
    query.shares.data = torch.tensor([0.3, -1.0, 2.0, 0.0])
    queries, keys = query(random_states(6, seed=1)), query(random_states(6, seed=2))

    similarities = query.block_similarities(queries, keys)

    assert_close(similarities.sum(dim=-1), (queries * keys).sum(dim=-1))


def test_block_similarities_of_half_precision_keys_are_in_single_precision() -> None:
    query = query_of("context", "source")
    queries, keys = query(random_states(6, seed=1)), query(random_states(6, seed=2)).bfloat16()

    similarities = query.block_similarities(queries, keys)

    assert similarities.dtype == torch.float32
    assert_close(similarities.sum(dim=-1), (queries * keys.float()).sum(dim=-1))


def test_the_size_of_a_state_does_not_matter() -> None:
    query = query_of("context", "source", "bottom", "top")
    states = random_states(3)
    louder = DecoderStates(
        7 * states.context, 0.1 * states.source, 3 * states.bottom, 9 * states.top
    )

    assert_close(query(louder), query(states))


def test_the_source_block_is_the_embedding_itself() -> None:
    query = query_of("source")
    states = random_states(3)

    assert_close(query(states), states.source / states.source.norm(dim=-1, keepdim=True))
    assert not query.projections


def test_any_leading_dimensions_are_allowed() -> None:
    query = query_of("context", "source", "bottom", "top")
    states = random_states(6)
    folded = DecoderStates(*(getattr(states, name).view(2, 3, -1) for name in vars(states)))

    assert_close(query(folded).flatten(0, 1), query(states))


def test_states_are_selected_by_their_flat_position() -> None:
    numbers = torch.arange(6.0).view(2, 3, 1)

    selected = DecoderStates(numbers, numbers + 10, numbers + 20, numbers + 30).select(
        torch.tensor([4, 0])
    )

    assert selected.context.tolist() == [[4], [0]]
    assert selected.source.tolist() == [[14], [10]]
    assert selected.bottom.tolist() == [[24], [20]]
    assert selected.top.tolist() == [[34], [30]]


def test_queries_are_unit_vectors_in_mixed_precision_too() -> None:
    query = query_of("context", "source", "bottom", "top")

    with torch.autocast("cpu", torch.bfloat16):
        queries = query(random_states(5))

    assert queries.dtype == torch.float32
    assert_close(queries.norm(dim=-1), torch.ones(5))
