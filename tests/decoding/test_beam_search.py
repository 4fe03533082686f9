"""Beam search against hand calculation, a plain loop and exhaustive search."""

import copy
import itertools
import math
from dataclasses import replace

import pytest
import torch
from candidate_sets import candidate_set
from plain_joints import plain
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import (
    Config,
    MemoryConfig,
    ModelConfig,
    ReadoutName,
    SearchConfig,
    TrainConfig,
)
from rarenmt.decoding.beam_search import Hypothesis, length_penalty, search
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.prefix import EntryPrefixes
from rarenmt.decoding.trace import MAX_CONTRIBUTIONS, MIN_CONTRIBUTION, SearchHistory
from rarenmt.memory.memory import EMPTY, Memory, Recall
from rarenmt.model.attention import AttentionInputs
from rarenmt.model.decoder import DecoderState
from rarenmt.model.query import DecoderStates
from rarenmt.model.seq2seq import Model, Prediction
from rarenmt.text.batch import Ids, Source, pair_batch, source_batch
from rarenmt.text.tokenizer import BOS, EOS, PAD, UNK
from rarenmt.training.objective import compute_loss

CPU = torch.device("cpu")
A, B, C = 4, 5, 6
LESSONS = [
    ([4, 5, 6, 7], [8, 9, 10, 11]),
    ([9], [12, 13]),
    ([10, 11, 12, 13, 14, 15], [20, 21, 22, 23, 24, 25, 26, 27]),
    ([8, 8], [30, 30, 30]),
]
NEWS = [([4, 5, 6, 16], [8, 9, 31, 32]), ([17], [12, 33]), ([8, 18], [34, 30, 30])]
SOURCES = [source for source, _ in [*LESSONS, *NEWS]] + [[]]


class Bigrams(Model):
    """Knows only which piece follows which, and attends to all source pieces alike."""

    def __init__(self, table: dict[int, dict[int, float]]) -> None:
        super().__init__(Config(model=ModelConfig(vocabulary=12, hidden=2, embedding=2)))
        self.table = torch.zeros(12, 12)
        for piece, followers in table.items():
            self.table[piece, list(followers)] = torch.tensor(list(followers.values()))

    def step(
        self, pieces: Tensor, state: DecoderState, attended: AttentionInputs
    ) -> tuple[DecoderStates, Tensor, DecoderState]:
        followers = self.table[pieces].log()
        weights = attended.bias[:, 0].softmax(dim=-1)
        return DecoderStates(followers, followers, followers, followers), weights, state

    def predict(self, states: DecoderStates, memory: Memory | None = None) -> Prediction:
        return Prediction(states.top)


class Recalling(Bigrams):
    """Gets C from a memory at every step; its base score of C is higher after B."""

    def predict(self, states: DecoderStates, memory: Memory | None = None) -> Prediction:
        values = torch.full((len(states.top), 1), C)
        recall = Recall(values, values, torch.ones(values.shape))
        base = torch.where(states.top[:, [EOS]].isneginf(), -8.0, -1.0)
        return Prediction(states.top, recall, states.top[:, [C]].exp(), base)


GARDEN_PATH = {
    BOS: {A: 0.6, B: 0.4},
    A: {C: 0.6, EOS: 0.4},
    B: {EOS: 0.95, C: 0.05},
    C: {EOS: 1.0},
}
"""A begins better than B, but "B" as a whole (0.38) is better than "A C" (0.36)."""


@pytest.fixture(scope="module")
def school(tiny_config: Config) -> Model:
    """A model trained on LESSONS for two seconds."""
    model = Model(tiny_config)
    model.initialise(torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    batch, config = pair_batch(LESSONS, CPU), TrainConfig(smoothing=0.0)
    for _ in range(100):
        loss = compute_loss(model, batch, None, None, config).translation
        optimizer.zero_grad()
        (loss / batch.tokens).backward()
        optimizer.step()
    return model.eval()


@pytest.fixture
def schooled_model(school: Model) -> Model:
    return copy.deepcopy(school)


def outspoken_model(config: Config, *, seed: int = 1) -> Model:
    """Untrained, with a peaked distribution: no two pieces are nearly as likely."""
    model = Model(config).eval()
    model.initialise(torch.Generator().manual_seed(seed))
    model.embedding.weight.data *= 30
    return model


def remembering(model: Model) -> Memory:
    """A memory that holds every position of NEWS."""
    memory = model.new_memory()
    batch = pair_batch(NEWS, CPU)
    real = (batch.outputs != PAD).flatten()
    keys, values = model.query_keys(batch).flatten(0, 1)[real], batch.outputs.flatten()[real]
    memory.write(keys, values, memory.read(keys), torch.Generator())
    return memory


def sources(*sentences: Ids) -> Source:
    return source_batch(sentences, CPU)


def teacher_forced(
    model: Model, source: Ids, pieces: Ids, memory: Memory | None
) -> tuple[Prediction, Tensor]:
    """The prediction at each step of a given translation, and the attention (T, S)."""
    batch = pair_batch([(source, pieces)], CPU)
    with torch.inference_mode():
        attended, state = model.encode(batch.source)
        states, weights, _ = model.decoder(model.embedding(batch.inputs), state, attended)
        return model.predict(states.select(torch.arange(len(pieces) + 1)), memory), weights[0]


# Penalties


@pytest.mark.parametrize(
    ("length", "alpha", "expected"),
    [(1, 0.6, 1.0), (7, 1.0, 2.0), (19, 0.5, 2.0), (13, 2.0, 9.0), (40, 0.0, 1.0)],
)
def test_length_penalty_is_equation_14(length: int, alpha: float, expected: float) -> None:
    assert length_penalty(length, alpha) == pytest.approx(expected)


# By hand


def test_greedy_search_follows_the_best_first_piece() -> None:
    (found,) = search(Bigrams(GARDEN_PATH), sources([A]), None, SearchConfig(beam=1, length=0.0))

    assert [hypothesis.pieces for hypothesis in found] == [[A, C]]
    assert found[0].score == pytest.approx(math.log(0.36))


def test_a_beam_of_two_finds_the_better_translation() -> None:
    (found,) = search(Bigrams(GARDEN_PATH), sources([A]), None, SearchConfig(beam=2, length=0.0))

    assert [hypothesis.pieces for hypothesis in found] == [[B], [A, C]]
    assert [h.score for h in found] == pytest.approx([math.log(0.38), math.log(0.36)])


def test_the_length_penalty_favours_the_longer_translation() -> None:
    (found,) = search(Bigrams(GARDEN_PATH), sources([A]), None, SearchConfig(beam=2, length=1.0))

    assert [hypothesis.pieces for hypothesis in found] == [[A, C], [B]]
    scores = [math.log(0.36) * 6 / 8, math.log(0.38) * 6 / 7]  # EOS counts
    assert [h.score for h in found] == pytest.approx(scores)


def no_candidates(constrained: list[Tensor] | None = None) -> CandidateSet:
    """Two candidate sets without entries; some words of the sentences are constrained."""
    nothing = torch.tensor([EMPTY])
    prefixes = EntryPrefixes(nothing, nothing, nothing, plain(torch.zeros(20, dtype=torch.bool)))
    memory = Memory(MemoryConfig(slots=1, neighbours=1), 4, 20)
    positions = [torch.zeros(0, 7, dtype=torch.bool)] * 2
    return candidate_set(memory, prefixes, [nothing[:0]] * 2, positions, constrained)


def test_a_constrained_word_weighs_in_the_coverage_penalty() -> None:
    """Its first source piece of four is a word that a remembered pair translates."""
    config = SearchConfig(beam=2, length=0.0)
    candidates = no_candidates([torch.tensor([1, 0, 0, 0]), torch.zeros(7, dtype=torch.long)])

    (found, _) = search(Bigrams(GARDEN_PATH), sources([A, A, A], [A] * 6), None, config, candidates)

    assert [hypothesis.pieces for hypothesis in found] == [[A, C], [B]]
    scores = [
        math.log(0.36) + config.constraints.constraint_weight * math.log(3 / 4),
        math.log(0.38) + config.constraints.constraint_weight * math.log(2 / 4),
    ]
    assert [h.score for h in found] == pytest.approx(scores)


@pytest.mark.parametrize(
    ("ends", "best"),
    [
        ({C: 1.0}, [B, C]),  # both have the remembered word: it goes better with B
        ({C: 0.8, EOS: 0.2}, [A, C]),  # it goes with both
    ],
)
def test_the_base_score_decides_between_translations_with_the_same_memory_pieces(
    ends: dict[int, float], best: Ids
) -> None:
    """A C is likelier than B C."""
    table = {BOS: {A: 0.7, B: 0.3}, A: ends, B: {C: 0.9, EOS: 0.1}, C: {EOS: 1.0}}
    config = SearchConfig(beam=3, length=0.0)

    (found, _) = search(Recalling(table), sources([A], [A] * 6), None, config, no_candidates())

    assert found[0].pieces == best


def test_a_translation_without_memory_pieces_gains_nothing_from_the_base_score() -> None:
    table = {BOS: {A: 0.6, B: 0.4}, A: {C: 1.0}, B: {EOS: 1.0}, C: {EOS: 1.0}}
    config = SearchConfig(beam=3, length=0.0)

    (found, _) = search(Recalling(table), sources([A], [A] * 6), None, config, no_candidates())

    assert [each.pieces for each in found] == [[A, C], [B]]


@pytest.mark.parametrize("nothing", [PAD, BOS, UNK])
def test_special_tokens_are_never_emitted(nothing: int) -> None:
    table = {nothing: {EOS: 1.0}} | {BOS: {nothing: 0.9, A: 0.1}, A: {EOS: 1.0}}

    (found,) = search(Bigrams(table), sources([A]), None, SearchConfig(beam=2))

    assert [hypothesis.pieces for hypothesis in found] == [[A]]


def test_there_are_never_more_translations_than_the_beam_is_wide() -> None:
    model = Bigrams(
        {
            BOS: {A: 0.5, EOS: 0.4, B: 0.1},  # the first one ends here
            A: {EOS: 0.9, C: 0.1},  # and two more in the next step
            B: {EOS: 0.9, C: 0.1},
        }
    )

    (found,) = search(model, sources([A]), None, SearchConfig(beam=2, length=0.0))

    assert [hypothesis.pieces for hypothesis in found] == [[A], []]


# Circles and limits


@pytest.mark.parametrize("period", [1, 2, 3, 4, 5])
def test_a_loop_is_stopped(period: int) -> None:
    tune = list(range(A, A + period))
    follows = dict(zip(tune, [*tune[1:], A], strict=True))
    looping = Bigrams({BOS: {A: 1.0}} | {p: {follows[p]: 0.9, EOS: 0.1} for p in tune})
    config = SearchConfig(beam=1, longest_extra=100)

    (found,) = search(looping, sources([A]), None, config)

    assert found[0].pieces == (tune * 15)[:15]


def test_a_repetition_of_six_pieces_is_not_a_loop() -> None:
    tune = list(range(A, A + 6))
    follows = dict(zip(tune, [*tune[1:], A], strict=True))
    model = Bigrams({BOS: {A: 1.0}} | {p: {follows[p]: 0.9, EOS: 0.1} for p in tune})

    (found,) = search(
        model, sources([A]), None, SearchConfig(beam=1, longest_ratio=0, longest_extra=30)
    )

    assert found[0].pieces == tune * 5


def test_a_word_may_come_three_times() -> None:
    model = Bigrams({BOS: {A: 1.0}, A: {A: 0.7, EOS: 0.3}})

    (found,) = search(
        model, sources([A]), None, SearchConfig(beam=1, longest_ratio=0, longest_extra=3)
    )

    assert found[0].pieces == [A, A, A]


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("wish_to_end", [-50.0, 0.0, 50.0])
def test_every_sentence_is_translated_within_the_limit(
    schooled_model: Model, beam: int, wish_to_end: float
) -> None:
    model = schooled_model
    model.output.bias.data[EOS] += wish_to_end
    config = SearchConfig(beam=beam, longest_ratio=2, longest_extra=3)

    found = search(model, sources(*SOURCES), remembering(model), config, history=SearchHistory())

    assert len(found) == len(SOURCES)
    for source, hypotheses in zip(SOURCES, found, strict=True):
        assert 1 <= len(hypotheses) <= beam
        for hypothesis in hypotheses:
            assert len(hypothesis.pieces) <= 2 * (len(source) + 1) + 3
            assert len(hypothesis.traces) == len(hypothesis.pieces)
            assert not {PAD, BOS, EOS, UNK} & set(hypothesis.pieces)
            assert math.isfinite(hypothesis.score)


def test_a_model_that_cannot_end_is_ended_at_the_limit() -> None:
    model = Bigrams({BOS: {A: 1.0}, A: {B: 1.0}, B: {A: 1.0}})

    (found,) = search(
        model, sources([A]), None, SearchConfig(beam=1, longest_ratio=0, longest_extra=5)
    )

    assert found[0].pieces == [A, B, A, B, A]


# Fast equals slow


def greedy(model: Model, source: Ids, memory: Memory | None, longest: int) -> Ids:
    """Greedy search for one sentence in a plain loop."""
    attended, state = model.encode(sources(source))
    pieces = [BOS]
    while len(pieces) <= longest:
        states, _, state = model.step(torch.tensor(pieces[-1:]), state, attended)
        log_probs = model.predict(states, memory).log_probs[0]
        log_probs[[PAD, BOS, UNK]] = -torch.inf
        pieces.append(int(log_probs.argmax()))
        if pieces[-1] == EOS:
            return pieces[1:-1]
    return pieces[1:]


@pytest.mark.parametrize("with_memory", [False, True])
def test_a_beam_of_one_is_greedy_search(schooled_model: Model, with_memory: bool) -> None:
    memory = remembering(schooled_model) if with_memory else None
    config = SearchConfig(beam=1, longest_ratio=0, longest_extra=14)  # too short for circles

    found = search(schooled_model, sources(*SOURCES), memory, config)

    with torch.inference_mode():
        expected = [greedy(schooled_model, source, memory, longest=14) for source in SOURCES]
    assert [hypotheses[0].pieces for hypotheses in found] == expected
    assert len({tuple(pieces) for pieces in expected}) >= len(LESSONS)


def all_translations(longest: int, vocabulary: int) -> list[Ids]:
    """Every text of up to `longest` pieces."""
    texts = range(UNK + 1, vocabulary)
    return [list(t) for n in range(longest + 1) for t in itertools.product(texts, repeat=n)]


def scored(
    model: Model, source: Ids, pieces: Ids, memory: Memory | None, config: SearchConfig
) -> float:
    """The score of a translation from one pass over it: log P / lp."""
    prediction, _ = teacher_forced(model, source, pieces, memory)
    steps = zip(prediction.log_probs.tolist(), [*pieces, EOS], strict=True)
    log_probability = sum(log_probs[piece] for log_probs, piece in steps)
    return log_probability / ((5 + len(pieces) + 1) / 6) ** config.length


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("with_memory", [False, True])
def test_a_wide_beam_finds_what_exhaustive_search_finds(
    tiny_config: Config, seed: int, with_memory: bool
) -> None:
    config = replace(tiny_config, model=replace(tiny_config.model, vocabulary=7))
    model = outspoken_model(config, seed=seed)
    memory = None
    if with_memory:
        memory = model.new_memory()
        batch = pair_batch([([4, 5], [6, 5, 4]), ([6], [4, 4])], CPU)
        keys = model.query_keys(batch).flatten(0, 1)[:6]  # three steps of both, no padding
        memory.write(keys, batch.outputs.flatten()[:6], memory.read(keys), torch.Generator())
    wide = SearchConfig(beam=100, length=0.7, longest_ratio=0, longest_extra=3)

    (found,) = search(model, sources([4, 6, 5]), memory, wide)

    everything = [
        (scored(model, [4, 6, 5], pieces, memory, wide), pieces)
        for pieces in all_translations(3, 7)
    ]
    everything.sort(reverse=True)
    assert [hypothesis.pieces for hypothesis in found] == [pieces for _, pieces in everything]
    assert [h.score for h in found] == pytest.approx([score for score, _ in everything], abs=1e-4)


def assert_same_translations(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    assert [h.pieces for h in found] == [h.pieces for h in expected]
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-4)
    for ours, theirs in zip(found, expected, strict=True):
        assert slots(ours) == slots(theirs)


def slots(hypothesis: Hypothesis) -> list[list[int]]:
    """The entries behind each piece."""
    return [[each.slot for each in trace.contributions] for trace in hypothesis.traces]


@pytest.mark.parametrize("beam", [1, 2, 5])
@pytest.mark.parametrize("with_memory", [False, True])
def test_batched_equals_one_by_one(schooled_model: Model, beam: int, with_memory: bool) -> None:
    memory = remembering(schooled_model) if with_memory else None
    config = SearchConfig(beam=beam)
    many = SOURCES * 3  # more rows than the padding of a single sentence

    batched = search(schooled_model, sources(*many), memory, config, history=SearchHistory())

    alone = [
        search(schooled_model, sources(source), memory, config, history=SearchHistory())[0]
        for source in SOURCES
    ]
    for found, expected in zip(batched, alone * 3, strict=True):
        assert_same_translations(found, expected)


def test_translations_are_sorted_and_all_different(schooled_model: Model) -> None:
    for found in search(schooled_model, sources(*SOURCES), None, SearchConfig(beam=5)):
        scores = [hypothesis.score for hypothesis in found]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(hypothesis.pieces) for hypothesis in found}) == len(found)


# Traces


@pytest.mark.parametrize("readout", ["mixture", "paper"])
def test_every_trace_names_the_slots_that_hold_the_piece(
    tiny_config: Config, readout: ReadoutName
) -> None:
    model = outspoken_model(
        replace(tiny_config, memory=replace(tiny_config.memory, readout=readout))
    )
    memory = remembering(model)

    found = search(model, sources(*SOURCES), memory, SearchConfig(beam=3), history=SearchHistory())

    traced = 0
    for source, hypotheses in zip(SOURCES, found, strict=True):
        for hypothesis in hypotheses:
            prediction, _ = teacher_forced(model, source, hypothesis.pieces, memory)
            for step, trace in enumerate(hypothesis.traces):
                expected = neighbours_with(prediction, step, hypothesis.pieces[step])
                assert trace.weight == pytest.approx(
                    min(sum(w for _, _, w in expected), 1), abs=1e-3
                )
                for contribution, (slot, similarity, weight) in zip(
                    trace.contributions, expected, strict=False
                ):
                    assert contribution.slot == slot
                    assert memory.values[slot] == hypothesis.pieces[step]
                    assert contribution.similarity == pytest.approx(similarity, abs=1e-4)
                    assert contribution.weight == pytest.approx(weight, abs=1e-3)
                    traced += 1
                loud = [weight for _, _, weight in expected if weight > MIN_CONTRIBUTION + 1e-3]
                assert len(trace.contributions) >= min(len(loud), MAX_CONTRIBUTIONS)
    assert traced > 0


def neighbours_with(
    prediction: Prediction, step: int, piece: int
) -> list[tuple[int, float, float]]:
    """Slot, similarity and share of the neighbours that hold a piece, nearest first."""
    recall, probs = prediction.recall, prediction.memory_probs
    assert recall is not None
    assert probs is not None
    total = prediction.log_probs[step, piece].exp().item()
    return [
        (
            int(recall.slots[step, n]),
            recall.similarity[step, n].item(),
            probs[step, n].item() / total,
        )
        for n, value in enumerate(recall.values[step].tolist())
        if value == piece
    ]


@pytest.mark.parametrize("beam", [1, 3])
def test_a_trace_holds_the_attention_of_the_decoder(schooled_model: Model, beam: int) -> None:
    config = SearchConfig(beam=beam)
    found = search(schooled_model, sources(*SOURCES), None, config, history=SearchHistory())

    for source, hypotheses in zip(SOURCES, found, strict=True):
        for hypothesis in hypotheses:
            _, weights = teacher_forced(schooled_model, source, hypothesis.pieces, None)
            looked = torch.tensor([trace.attention for trace in hypothesis.traces])
            if hypothesis.pieces:
                assert_close(looked, weights[:-1], atol=1e-4, rtol=0)
                assert_close(looked.sum(dim=1), torch.ones(len(looked)))


def test_a_piece_that_only_the_memory_knows_has_all_its_probability_from_it(
    schooled_model: Model,
) -> None:
    memory = remembering(schooled_model)
    schooled_model.get_parameter("readout.gate.2.bias").data.fill_(50.0)  # always believed
    batch = sources(*[source for source, _ in NEWS])

    found = search(schooled_model, batch, memory, SearchConfig(beam=1), history=SearchHistory())

    assert [hypotheses[0].pieces for hypotheses in found] == [target for _, target in NEWS]
    for hypotheses in found:
        for piece, trace in zip(hypotheses[0].pieces, hypotheses[0].traces, strict=True):
            nearest = trace.contributions[0]
            assert memory.values[nearest.slot] == piece
            assert nearest.similarity == pytest.approx(1.0)
            assert trace.weight == pytest.approx(1.0, abs=1e-5)  # it is not believed blindly


def test_without_a_memory_no_entry_contributes(schooled_model: Model) -> None:
    config = SearchConfig(beam=2)

    for hypotheses in search(
        schooled_model, sources(*SOURCES), None, config, history=SearchHistory()
    ):
        for hypothesis in hypotheses:
            assert [(t.weight, t.contributions) for t in hypothesis.traces] == [(0.0, [])] * len(
                hypothesis.pieces
            )


def test_tracing_changes_no_translation(schooled_model: Model) -> None:
    memory, config = remembering(schooled_model), SearchConfig(beam=3)

    traced = search(schooled_model, sources(*SOURCES), memory, config, history=SearchHistory())

    bare = search(schooled_model, sources(*SOURCES), memory, config)
    assert bare == [[replace(h, traces=[]) for h in hypotheses] for hypotheses in traced]


def test_searching_changes_neither_model_nor_memory(schooled_model: Model) -> None:
    memory = remembering(schooled_model)
    weights = {name: t.clone() for name, t in schooled_model.state_dict().items()}
    content = {name: t.clone() for name, t in memory.state_dict().items()}

    search(schooled_model, sources(*SOURCES), memory, SearchConfig(beam=3))

    assert_close(dict(schooled_model.state_dict()), weights, rtol=0, atol=0)
    assert_close(dict(memory.state_dict()), content, rtol=0, atol=0)
