"""Readouts of recalled pieces, with probabilities that can be added up by hand."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from rarenmt.config import Config
from rarenmt.memory.memory import EMPTY, Continuation, Recall
from rarenmt.model.query import DecoderStates
from rarenmt.model.readout import MixtureReadout, Output, PaperReadout, neighbour_weights

CAT, DOG = 5, 9
VOCABULARY, HIDDEN, EMBEDDING, BLOCKS = 40, 8, 6, 4
DOUBLING = 10 * math.log(2)
"""A temperature at which 0.1 more similarity is twice the weight."""

RECALL = Recall(
    slots=torch.tensor([[3, 1, 2]]),
    values=torch.tensor([[CAT, DOG, CAT]]),
    similarity=torch.tensor([[0.9, 0.8, 0.7]]),
)
"""At DOUBLING the neighbours weigh 4/7, 2/7 and 1/7."""

HALF_EMPTY = Recall(
    slots=torch.tensor([[3, EMPTY, EMPTY]]),
    values=torch.tensor([[CAT, EMPTY, EMPTY]]),
    similarity=torch.tensor([[-0.9, -torch.inf, -torch.inf]]),
)
NOTHING = Recall(
    slots=torch.full((1, 3), EMPTY),
    values=torch.full((1, 3), EMPTY),
    similarity=torch.full((1, 3), -torch.inf),
)


def states(rows: int = 1) -> DecoderStates:
    generator = torch.Generator().manual_seed(1)
    sizes = (HIDDEN, EMBEDDING, HIDDEN, HIDDEN)
    return DecoderStates(*(torch.randn(rows, size, generator=generator) for size in sizes))


def uniform_output(embedding: Tensor | None = None) -> Output:
    """Every piece is as likely as any other, whatever the state."""
    pieces = nn.Embedding(VOCABULARY, EMBEDDING)
    if embedding is not None:
        pieces.weight.data = embedding
    output = Output(HIDDEN, pieces)
    nn.init.zeros_(output.project.weight)
    return output


def mixture(config: Config, share: float) -> MixtureReadout:
    """A mixture whose gate always gives the memory this share."""
    readout = MixtureReadout(config)
    readout.log_temperature.data = torch.tensor(math.log(DOUBLING))
    nn.init.zeros_(readout.get_parameter("gate.2.weight"))
    nn.init.constant_(readout.get_parameter("gate.2.bias"), math.log(share / (1 - share)))
    return readout


# Weights


def test_the_weight_of_a_neighbour_follows_its_similarity() -> None:
    assert_close(neighbour_weights(RECALL, DOUBLING), torch.tensor([[4 / 7, 2 / 7, 1 / 7]]))


def test_missing_neighbours_have_no_weight() -> None:
    assert neighbour_weights(HALF_EMPTY, DOUBLING).tolist() == [[1.0, 0.0, 0.0]]
    assert neighbour_weights(NOTHING, DOUBLING).tolist() == [[0.0, 0.0, 0.0]]


# The mixture


def test_the_mixture_is_a_quarter_memory_and_three_quarters_model(tiny_config: Config) -> None:
    readout = mixture(tiny_config, 1 / 4)

    log_probs, shares, _ = readout(states(), RECALL, torch.zeros(1, BLOCKS), uniform_output())

    expected = torch.full((1, VOCABULARY), 3 / 4 / 40)
    expected[0, CAT] += 1 / 4 * (4 / 7 + 1 / 7)
    expected[0, DOG] += 1 / 4 * 2 / 7
    assert_close(log_probs.exp(), expected)
    assert_close(shares, torch.tensor([[1 / 7, 1 / 14, 1 / 28]]))


def test_the_mixture_of_a_model_with_a_peaked_distribution(tiny_config: Config) -> None:
    readout, output = mixture(tiny_config, 0.9), uniform_output()
    output.bias.data[DOG] = math.log(61)  # 61 parts for the dog, 1 for each of the other 39

    log_probs, _, _ = readout(states(), RECALL, torch.zeros(1, BLOCKS), output)

    probabilities = log_probs.exp()[0]
    assert probabilities[DOG].item() == pytest.approx(0.1 * 0.61 + 0.9 * 2 / 7)
    assert probabilities[CAT].item() == pytest.approx(0.1 * 0.01 + 0.9 * 5 / 7)
    assert probabilities[0].item() == pytest.approx(0.1 * 0.01)


def random_output() -> Output:
    generator = torch.Generator().manual_seed(2)
    output = Output(HIDDEN, nn.Embedding(VOCABULARY, EMBEDDING))
    for parameter in (output.project.weight, output.bias, output.pieces[0].weight):
        nn.init.normal_(parameter, generator=generator)
    return output


def test_the_probability_of_a_blocked_neighbour_stays_with_the_model(tiny_config: Config) -> None:
    readout = mixture(tiny_config, 1 / 4)
    blocked = torch.tensor([[False, True, False]])

    log_probs, shares, _ = readout(
        states(), replace(RECALL, blocked=blocked), torch.zeros(1, BLOCKS), uniform_output()
    )

    assert_close(shares, torch.tensor([[4 / 28, 0.0, 1 / 28]]))
    model = 1 - 5 / 28
    assert_close(log_probs[0, DOG].exp(), torch.tensor(model / VOCABULARY))
    assert_close(log_probs[0, CAT].exp(), torch.tensor(model / VOCABULARY + 5 / 28))


@pytest.mark.parametrize(
    ("bonus", "odds"), [([2.0, 0.0], 1 / 3 * math.exp(2.0)), ([0.0, 2.0], 1 / 3)]
)
def test_the_gate_gains_the_bonus_of_the_nearest_entry(
    tiny_config: Config, bonus: list[float], odds: float
) -> None:
    readout = mixture(tiny_config, 1 / 4)
    recall = replace(RECALL, gate_bonus=torch.tensor([[*bonus, 0.0]]))

    _, shares, _ = readout(states(), recall, torch.zeros(1, BLOCKS), uniform_output())

    assert shares.sum().item() == pytest.approx(odds / (1 + odds))


@pytest.mark.parametrize(
    ("continuation", "likely", "waits"),
    [
        (Continuation.NONE, DOG, True),
        (Continuation.NEXT_WORD, DOG, True),
        (Continuation.SAME_WORD, DOG, False),  # an incomplete word is completed
        (Continuation.NONE, CAT, False),
    ],
)
def test_a_word_waits_for_opening_punctuation_that_the_model_expects(
    tiny_config: Config, continuation: Continuation, likely: int, waits: bool
) -> None:
    output = uniform_output()
    output.bias.data[likely] = 5.0
    opening = torch.tensor([DOG])
    recall = replace(
        RECALL, continuation=torch.full((1, 3), int(continuation)), opening_punctuation=opening
    )

    log_probs, shares, _ = mixture(tiny_config, 0.5)(
        states(), recall, torch.zeros(1, BLOCKS), output
    )

    assert bool(shares.any()) is not waits
    alone = output(states().top).log_softmax(dim=-1)
    assert torch.equal(log_probs, alone) is waits


@pytest.mark.parametrize(
    ("continuation", "words", "leaves"),
    [
        (Continuation.NONE, [7], True),
        (Continuation.NEXT_WORD, [7], False),  # it follows its pair
        (Continuation.SAME_WORD, [7], False),
        (Continuation.NONE, [DOG, 7], True),
        (Continuation.NONE, [EMPTY], False),
    ],
)
def test_a_word_leaves_function_words_the_probability_that_the_model_gives(
    tiny_config: Config, continuation: Continuation, words: list[int], leaves: bool
) -> None:
    output = uniform_output()
    output.bias.data[7] = 5.0
    readout, blocks = mixture(tiny_config, 0.5), torch.zeros(1, BLOCKS)
    recall = replace(RECALL, continuation=torch.full((1, 3), int(continuation)))
    alone = output(states().top).softmax(dim=-1)[0].detach()

    _, full, _ = readout(states(), recall, blocks, output)
    recall = replace(recall, function_words=torch.tensor([words]))
    log_probs, shares, _ = readout(states(), recall, blocks, output)

    own = DOG in words
    others = 1 - float(alone[words].sum()) if leaves else 1.0
    factors = torch.tensor([[others, 1.0 if own else others, others]])
    assert_close(shares, full * factors)
    assert_close(log_probs[0, 7].exp(), alone[7] * (1 - shares.sum()))
    assert_close(log_probs.exp().sum(), torch.tensor(1.0))


@pytest.mark.parametrize("recall", [RECALL, HALF_EMPTY, NOTHING])
@pytest.mark.parametrize("kind", [MixtureReadout, PaperReadout])
def test_probabilities_sum_to_one(
    tiny_config: Config, kind: type[MixtureReadout] | type[PaperReadout], recall: Recall
) -> None:
    log_probs, shares, _ = kind(tiny_config)(
        states(), recall, torch.full((1, BLOCKS), 0.2), random_output()
    )

    assert_close(log_probs.exp().sum(dim=-1), torch.ones(1))
    assert bool((shares >= 0).all())
    assert bool((shares.sum(dim=-1) <= 1).all())


@pytest.mark.parametrize("kind", [MixtureReadout, PaperReadout])
def test_without_neighbours_the_distribution_is_the_base_model_s(
    tiny_config: Config, kind: type[MixtureReadout] | type[PaperReadout]
) -> None:
    now, output = states(), random_output()

    log_probs, shares, _ = kind(tiny_config)(now, NOTHING, torch.zeros(1, BLOCKS), output)

    assert_close(log_probs, output(now.top).log_softmax(dim=-1))
    assert shares.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("kind", [MixtureReadout, PaperReadout])
def test_a_sentence_without_neighbours_keeps_every_bit_beside_one_that_has_some(
    tiny_config: Config, kind: type[MixtureReadout] | type[PaperReadout]
) -> None:
    now, output = states(2), random_output()
    recall = Recall(
        torch.cat([RECALL.slots, NOTHING.slots]),
        torch.cat([RECALL.values, NOTHING.values]),
        torch.cat([RECALL.similarity, NOTHING.similarity]),
    )

    log_probs, shares, _ = kind(tiny_config)(now, recall, torch.zeros(2, BLOCKS), output)

    alone = output(now.top).log_softmax(dim=-1)
    assert log_probs[1].tolist() == alone[1].tolist()
    assert log_probs[0].tolist() != alone[0].tolist()
    assert shares[1].tolist() == [0.0, 0.0, 0.0]


def test_a_word_that_is_not_in_the_memory_is_never_excluded(tiny_config: Config) -> None:
    readout = MixtureReadout(tiny_config)
    nn.init.constant_(readout.get_parameter("gate.2.bias"), 200.0)  # a sigmoid of exactly 1

    log_probs, _, _ = readout(states(), RECALL, torch.zeros(1, BLOCKS), uniform_output())

    assert bool(log_probs.isfinite().all())
    expected = math.log(1e-6 / VOCABULARY)
    assert log_probs[0, 0].item() == pytest.approx(expected, abs=0.1)


def test_the_memory_probabilities_are_all_that_the_memory_adds(tiny_config: Config) -> None:
    now, output, readout = states(), random_output(), MixtureReadout(tiny_config)

    log_probs, shares, _ = readout(now, RECALL, torch.full((1, BLOCKS), 0.2), output)

    model = output(now.top).softmax(dim=-1)
    lent = torch.zeros(1, VOCABULARY).scatter_add(1, RECALL.values, shares)
    assert_close(log_probs.exp(), (1 - shares.sum()) * model + lent)


def test_gradients_of_the_mixture_reach_the_gate_and_not_the_output(tiny_config: Config) -> None:
    readout, output = MixtureReadout(tiny_config), random_output()

    log_probs, _, _ = readout(states(), RECALL, torch.zeros(1, BLOCKS), output)
    log_probs[0, CAT].backward()

    assert all(parameter.grad is None for parameter in output.parameters())
    assert output.pieces[0].weight.grad is None
    assert all(parameter.grad is not None for parameter in readout.parameters())


@pytest.mark.parametrize(
    ("recall", "nearest", "lead", "unanimity"),
    [
        (RECALL, 0.9, 0.9 - 0.8, 5 / 7),
        (HALF_EMPTY, -0.9, -0.9 + 1.0, 1.0),  # no rival is as good as one opposite
        (NOTHING, -1.0, 0.0, 0.0),
    ],
)
def test_the_gate_sees_how_near_and_how_unanimous_the_neighbours_are(
    tiny_config: Config, recall: Recall, nearest: float, lead: float, unanimity: float
) -> None:
    readout = MixtureReadout(tiny_config)
    model = uniform_output()(states().top).log_softmax(dim=-1)
    weights = neighbour_weights(recall, DOUBLING)

    alike, surest = torch.full((1, BLOCKS), 0.2), model.amax(dim=-1, keepdim=True)
    features = readout._features(recall, weights, alike, model, surest)

    believed = -math.log(40) / 12
    kinds = [0.0, 0.0]  # not known of the whole memory
    expected = [nearest, lead, unanimity, 1 / 40, believed, *kinds, *[0.2] * BLOCKS]
    assert_close(features, torch.tensor([expected]))


@pytest.mark.parametrize(
    ("continuation", "seen"),
    [
        (Continuation.NONE, [0.0, 0.0]),
        (Continuation.NEXT_WORD, [1.0, 0.0]),
        (Continuation.SAME_WORD, [0.0, 1.0]),
    ],
)
def test_the_gate_sees_the_continuation_of_the_nearest_neighbour(
    tiny_config: Config, continuation: Continuation, seen: list[float]
) -> None:
    readout = MixtureReadout(tiny_config)
    model = uniform_output()(states().top).log_softmax(dim=-1)
    kinds = torch.tensor([[continuation, Continuation.SAME_WORD, Continuation.NEXT_WORD]])
    recall = replace(RECALL, continuation=kinds)
    weights = neighbour_weights(recall, DOUBLING)

    alike, surest = torch.zeros(1, BLOCKS), model.amax(dim=-1, keepdim=True)
    features = readout._features(recall, weights, alike, model, surest)

    assert features[0, 5:7].tolist() == seen


def test_the_gate_depends_on_the_first_recalled_piece(tiny_config: Config) -> None:
    readout, output = MixtureReadout(tiny_config), uniform_output()

    def share(*values: int) -> float:
        recall = Recall(RECALL.slots, torch.tensor([values]), RECALL.similarity)
        return readout(states(), recall, torch.zeros(1, BLOCKS), output)[1].sum().item()

    assert share(CAT, DOG, CAT) != pytest.approx(share(DOG, CAT, DOG))
    assert share(CAT, DOG, CAT) == pytest.approx(share(CAT, DOG + 1, CAT))


# The paper's readout


def paper(config: Config) -> PaperReadout:
    """Adds the recalled embedding as it is."""
    readout = PaperReadout(config)
    readout.temperature = DOUBLING
    readout.combine.weight.data = torch.eye(len(readout.combine.weight)) / readout.scale
    return readout


def test_the_paper_adds_the_first_value_scaled_by_its_weight(tiny_config: Config) -> None:
    embedding = torch.zeros(VOCABULARY, EMBEDDING)
    embedding[CAT, 0] = math.sqrt(7 / 4 * math.log(61))  # a weight of 4/7 makes a logit of ln 61

    log_probs, shares, _ = paper(tiny_config)(
        states(), RECALL, torch.zeros(1, BLOCKS), uniform_output(embedding)
    )

    assert log_probs[0, CAT].exp().item() == pytest.approx(0.61)
    assert log_probs[0, DOG].exp().item() == pytest.approx(0.01)
    assert_close(shares, torch.tensor([[0.61 - 1 / 40, 0.0, 0.0]]))


def test_gradients_of_the_papers_readout_reach_the_output(tiny_config: Config) -> None:
    output = random_output()

    log_probs, _, _ = paper(tiny_config)(states(), RECALL, torch.zeros(1, BLOCKS), output)
    log_probs[0, CAT].backward()

    assert all(parameter.grad is not None for parameter in output.parameters())


def test_the_output_shares_the_embedding_of_the_pieces() -> None:
    pieces = nn.Embedding(VOCABULARY, EMBEDDING)
    output = Output(HIDDEN, pieces)
    top = torch.randn(2, 3, HIDDEN, generator=torch.Generator().manual_seed(1))

    logits = output(top)

    assert_close(logits, output.project(top) @ pieces.weight.t() + output.bias)
    assert {name for name, _ in output.named_parameters()} == {"project.weight", "bias"}
