"""Every setting with its default, its meaning and its check.

Frozen dataclasses; a checkpoint keeps them as JSON. Names in brackets are the
paper's (Kaiser et al. 2017, arXiv 1703.03129).
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_origin

from rarenmt.errors import SettingError

T = TypeVar("T")

Block = Literal["context", "source", "bottom", "top"]
"""A part of the query: the attention context, the attended source embedding, or
the state of the bottom or top decoder layer."""

Readout = Literal["mixture", "paper"]
"""How a recalled token reaches the output; see `rarenmt.model.readout`."""

Lookup = Literal["relevant", "whole"]
"""What a sentence asks: the pairs that share telling words with it, or the whole memory where
that reinforces."""

IndexName = Literal["auto", "exact", "lsh", "faiss"]
"""How the neighbours in a whole memory are found; see `rarenmt.memory.index.choose`."""

LARGEST = 1 << 20
"""Pieces, or units of a layer; only a damaged file asks for more."""

DEEPEST = 64
"""Layers."""

WORDS = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
"""What the value of a setting is called."""


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise SettingError(sentence)


def _require_size(name: str, size: int) -> None:
    _require(1 <= size <= LARGEST, f"{name} must be from 1 to {LARGEST:,}, not {size}")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of the translator without its memory."""

    vocabulary: int = 8000
    """Pieces in the joint source and target vocabulary."""
    embedding: int = 256
    hidden: int = 512
    """Units of every LSTM layer; the bidirectional one has half of them each way."""
    attention: int = 256
    """Units of the additive attention."""
    encoder_layers: int = 2
    bidirectional_layers: int = 1
    """Encoder layers, from the bottom, that read in both directions: 1 in GNMT, all in RNMT+
    (Chen et al. 2018, arXiv 1804.09849)."""
    decoder_layers: int = 2
    """The bottom one drives the attention, the others receive its output."""
    lexical: bool = False
    """Whether the attended source embedding reaches the output directly, past all LSTM layers
    (Nguyen and Chiang 2018, arXiv 1710.01329)."""
    dropout: float = 0.2

    def __post_init__(self) -> None:
        for name in ("vocabulary", "embedding", "hidden", "attention"):
            _require_size(name, getattr(self, name))
        _require(self.hidden % 2 == 0, f"hidden must be even, not {self.hidden}")
        _require(self.encoder_layers >= 1, "the encoder needs at least 1 layer")
        _require(
            1 <= self.bidirectional_layers <= self.encoder_layers,
            f"bidirectional_layers must be from 1 to encoder_layers ({self.encoder_layers}), "
            f"not {self.bidirectional_layers}",
        )
        _require(self.decoder_layers >= 2, "the decoder needs at least 2 layers")
        for name in ("encoder_layers", "decoder_layers"):
            _require(getattr(self, name) <= DEEPEST, f"{name} must be at most {DEEPEST}")
        _require(0 <= self.dropout < 1, f"dropout must be in [0, 1), not {self.dropout}")


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """Size and temper of the memory."""

    slots: int = 8192
    """Slots during training; a remembering memory grows instead."""
    limit: int = 1 << 20
    """Slots a remembering memory grows to before it forgets its oldest."""
    block: int = 128
    """Width of each projected part of the query."""
    query: tuple[Block, ...] = ("source", "bottom", "top")
    """Parts of the query; the paper's is ("context",). Beside the others the context does harm:
    ordinary training comes to lean on it, and it blurs which unseen word it is about."""
    readout: Readout = "mixture"
    lookup: Lookup = "relevant"
    """Training on ordinary text asks the whole memory, for its entries are single positions."""
    neighbours: int = 16
    """(k) Slots looked at for one query; 256 in the paper."""
    margin: float = 0.1
    """(α) By how much a right slot must beat a wrong one."""
    temperature: float = 40.0
    """(t) Inverse temperature of the softmax over the neighbours."""
    reinforce: bool = False
    """Whether remembering a pair averages into slots that hold the right value already, as in
    the paper; otherwise every piece of a pair keeps an entry of its own, which can be shown and
    taken back. Training always does as the paper does."""

    def __post_init__(self) -> None:
        _require(
            (self.lookup == "whole") == self.reinforce,
            "a memory that reinforces has no pairs to choose from; its lookup must be whole, "
            "and that of any other memory relevant",
        )
        _require_size("block", self.block)
        _require(len(self.query) > 0, "the query needs at least one part")
        _require(
            1 <= self.neighbours <= self.slots,
            f"neighbours must be between 1 and slots ({self.slots}), not {self.neighbours}",
        )
        _require(
            self.slots <= self.limit, f"slots ({self.slots}) must not exceed limit ({self.limit})"
        )
        _require(self.limit < 1 << 31, "limit must be under 2³¹: slots are numbered in 32 bits")
        _require(0 <= self.margin <= 2, f"margin must be in [0, 2], not {self.margin}")
        _require(
            0 < self.temperature <= 10_000,
            f"temperature must be over 0 and at most 10,000, not {self.temperature}",
        )


@dataclass(frozen=True, kw_only=True)
class AlignerConfig:
    """The word aligner of the training text; the letters in brackets are fast_align's."""

    rounds: int = 8
    """Rounds of expectation maximisation."""
    independent_rounds: int = 3
    """First rounds, in which each direction learns alone and positions do not count (IBM Model
    1)."""
    diagonal_tension: float = 4.0
    """(λ) How strongly links near the diagonal are preferred."""
    null_probability: float = 0.08
    """(p₀) Probability that a word translates none."""
    concentration: float = 0.01
    """(α) Dirichlet prior on the translations of a word; it keeps rare words from collecting
    links."""
    identity_count: float = 1.0
    """Prior count of a word with itself: names, numbers and punctuation."""
    min_probability: float = 0.2
    """Smallest product of both directions' probabilities that makes a link."""


@dataclass(frozen=True, kw_only=True)
class PracticeConfig:
    """Episodic training: how episodes with invented words are drawn and weighted."""

    episode_counts: tuple[int, ...] = (4, 12, 24)
    """Episodes per step; one of these is drawn each time."""
    ordinary_episodes: int = 16
    """Episodes per step that keep their words, so that the memory adds nothing new."""
    withheld_rate: float = 0.15
    """Fraction of the queries whose own pair is withheld: entries of other pairs are then wrong."""
    max_distractors: int = 3
    """Largest number of other pairs among the candidates of a query."""
    life_long_rate: float = 0.4
    """Fraction of the steps whose memory also holds life-long entries; for whole-memory lookup."""
    made_up_weight: float = 3.0
    """Weight of an invented piece in the readout loss; other pieces have 1."""
    attention_weight: float = 5.0
    """Weight of the attention loss of word pairs: they are few pieces of a sentence."""
    max_pair_frequency: int = 400
    """Sentences; a more frequent source word is not taken for a content word."""
    min_dice: float = 0.55
    """Smallest Dice coefficient of two words that count as translations of each other."""
    compound_rate: float = 0.3
    """Fraction of the invented words that are compounds: a long word must be written to its end
    while the attention is drawn to the next."""
    correction_rate: float = 0.3
    """Fraction of the episodes that keep the source word, so that the model's own translation of
    it is wrong."""
    glossary_rate: float = 0.25
    """Fraction of the episodes whose pair is the two words alone."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training run."""

    steps: int = 8000
    batch_tokens: int = 3000
    """Target tokens of one optimiser step, over all ranks."""
    accumulation_steps: int = 1
    """Sub-batches that a rank's share of a step is computed in, one after the other, to save memory
    (gradient accumulation)."""
    learning_rate: float = 2e-3
    warmup: int = 300
    """Steps of linear rise."""
    decay_fraction: float = 0.4
    """Last fraction of the steps, in which the learning rate falls linearly to 0."""
    smoothing: float = 0.1
    """(ε) Label smoothing."""
    clip: float = 1.0
    """Largest norm of the gradients."""
    memory_positions: int = 256
    """Target positions per step that query the memory, drawn at random; 0 trains without one."""
    memory_weight: float = 1.0
    """Weight of the memory loss and of the readout loss relative to the translation loss."""
    alignment_weight: float = 0.0
    """Weight of the guided-alignment loss relative to the translation loss; 0 aligns nothing."""
    episode_rate: float = 0.3
    """Fraction of the steps with a falling learning rate that also train on episodes."""
    maximum_length: int = 100
    """Longer sentences, in pieces, are left out of training."""
    average: int = 0
    """Steps over which the evaluated and saved weights are averaged; 0 takes the last weights."""
    evaluate_every: int = 1000
    evaluate_pairs: int = 500
    save_every: int = 250
    seed: int = 1
    bf16: bool = True
    practice: PracticeConfig = field(default_factory=PracticeConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_tokens", "accumulation_steps", "evaluate_every", "save_every"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1")
        for name in ("warmup", "memory_positions", "average"):
            _require(getattr(self, name) >= 0, f"{name} must not be negative")
        _require(0 <= self.seed < 1 << 32, f"seed must be from 0 to 2³² − 1, not {self.seed}")
        _require(self.learning_rate > 0, f"learning_rate must be over 0, not {self.learning_rate}")
        _require(
            self.alignment_weight >= 0,
            f"alignment_weight must not be negative, not {self.alignment_weight}",
        )
        _require(
            0 <= self.decay_fraction <= 1,
            f"decay_fraction must be in [0, 1], not {self.decay_fraction}",
        )
        _require(
            0 <= self.episode_rate < 1, f"episode_rate must be in [0, 1), not {self.episode_rate}"
        )


@dataclass(frozen=True, kw_only=True)
class RetrievalConfig:
    """Which remembered pairs a sentence retrieves.

    The information of a word is − ln of its relative frequency in the training text, in nats.
    """

    min_information: float = 6.0
    """Information below which a word (*the*, *is*, *and*) retrieves nothing."""
    rare_information: float = 10.75
    """Information from which one shared word retrieves a pair: 21 occurrences in a million."""
    min_overlap: float = 0.5
    """Share of the information of the sentence, and of the pair, that retrieves a pair without a
    rare word. Of a long pair alone, a short sentence easily shares half."""
    pairs_per_rare_word: int = 1
    """Pairs retrieved for one rare word: the largest overlap, the newest of equals."""
    max_pairs: int = 8
    """Pairs retrieved for one sentence, those with the largest overlap."""
    inflected_weight: float = 0.8
    """Weight of a word that occurs in another form. Only words outside the lexicon match so: a
    known word has a translation of its own."""
    fuzzy_retrieval_threshold: float = 0.7
    """Similarity from which a long sentence retrieves its closest pair."""
    long_sentence: int = 10
    """Words and punctuation marks of a long sentence. In a shorter one, the words that differ may
    carry the meaning: *Tom was absent.* is not *Tom was pardoned.*"""
    fuzzy_match_threshold: float = 0.6
    """Similarity from which the entries of a retrieved pair get the bonus of a fuzzy match."""
    max_term_words: int = 8
    """Words and punctuation marks of a term."""
    term_information: float = 7.0
    """Information of at least one word of a term: *and* is no term, nor is *good*."""
    label_information: float = 10.0
    """The same for a capitalised term, which may be a label of a form: *Well*, *Back*, *City*."""
    determiner_information: float = 4.0
    """Information below which the first word of a term (*the*, *a*, *to*) is optional."""
    inflected_term_tolerance: float = 2.0
    """Nats by which a form in the sentence may carry less than the word of the term: a remembered
    *rights* does not match *right*."""
    inflected_term_cap: float = 12.0
    """Information beyond which a word of a term counts as no rarer."""


RETRIEVAL = RetrievalConfig()
"""How pairs are retrieved by default."""


@dataclass(frozen=True, kw_only=True)
class CandidateConfig:
    """How the entries of retrieved pairs compete for the next piece; similarities are cosines."""

    bigram_bonus: float = 0.1
    """Added to the similarity of an entry if the word before it was just written."""
    trigram_bonus: float = 0.3
    """Added beside it if the word before that one matches too."""
    fuzzy_bonus: float = 0.1
    """Added beside it if the pair is a fuzzy match of the sentence."""
    max_neighbours: int = 8
    """Neighbours per query, at most. With 100,000 entries, 16 changes none of 64 translations; 4
    changes seven."""
    min_attention: float = 0.1
    """Attention that a source word must receive before an entry may begin its translation. Without
    it the gate, which opens if the model is uncertain, would emit the word anywhere."""
    fuzzy_gate_bonus: float = 2.0
    """Nats added to the gate if the nearest entry continues a fuzzy match. Episodes have no fuzzy
    matches, so the learned gate opens too little for them."""
    attention_suppression: float = 3.0
    """Nats subtracted from the attention energy of a source word whose translation is written."""


CANDIDATES = CandidateConfig()
"""How candidates compete by default."""


@dataclass(frozen=True, kw_only=True)
class ConstraintConfig:
    """How the search completes, covers and revises what must be translated in a certain way."""

    word_end_penalty: float = 3.0
    """Nats subtracted from pieces that continue a complete remembered word or leave an incomplete
    one."""
    incomplete_word_penalty: float = 6.0
    """Nats subtracted beside them if the memory proposed the last piece: from all pieces but the
    next one of an incomplete word, and from pieces that continue a complete one."""
    constraint_weight: float = 2.0
    """Weight in the coverage penalty of a rare word that a remembered pair translates."""
    translated_attention: float = 0.5
    """Attention that a constrained word must have received for a written word to translate it."""
    base_score_weight: float = 0.3
    """Weight of the base model's score of memory pieces, among hypotheses with the same ones: *die
    Morgenrunde* is likelier than *den Morgenrunde*, however unlikely both are."""
    pointer_weights: tuple[float, ...] = (0.0, 0.9)
    """Probability that full attention to a span gives to copying it: at first, and in a second
    search for sentences that miss a span."""
    min_span_attention: float = 0.3
    """Attention to a span, other than a number, from which its first piece begins the copy."""
    missing_span_penalty: float = 4.0
    """Nats subtracted from the end of a sentence while a required span is missing."""
    loop_pieces: int = 16
    """A hypothesis may not end with a repetition of so many pieces."""
    inflection_bonus: float = 2.0
    """Nats for another inflection of a remembered word, if the sentence has another form of its
    source word."""
    alternatives: int = 8
    """Most likely pieces among which other words before a remembered one are looked for."""
    following_pieces: int = 2
    """Pieces after a revised part that are rescored with it."""


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """How a translation is looked for; the names in brackets are GNMT's (section 7)."""

    beam: int = 5
    length: float = 0.6
    """(α) Exponent of the length penalty; larger favours longer translations."""
    coverage: float = 0.0
    """(β) Weight of the coverage penalty; larger favours translating every source piece."""
    longest_ratio: int = 2
    longest_extra: int = 10
    """A translation has at most `longest_ratio` × source pieces + `longest_extra` pieces."""
    repeat: bool = True
    """Whether a sentence that was shown, or is worded as one, is said as it was shown, and not
    looked for."""
    verbatim: bool = True
    """Whether numbers, placeholders, tags and addresses are said as they stand in the source."""
    candidates: CandidateConfig = field(default_factory=CandidateConfig)
    constraints: ConstraintConfig = field(default_factory=ConstraintConfig)

    def __post_init__(self) -> None:
        _require(self.beam >= 1, f"beam must be at least 1, not {self.beam}")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a checkpoint folder knows about itself."""

    model: ModelConfig = field(default_factory=ModelConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    source_language: str = "en"
    target_language: str = "de"

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target."""
        return self.source_language, self.target_language

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Config":
        """The inverse of `to_json`; SettingError where a name or a value is wrong."""
        return parse(cls, data)


def parse(kind: type[T], data: Any, name: str = "it") -> T:
    """A dataclass from the JSON object called `name`, each value of the type its field says.

    What has a default may be missing, except whole parts. SettingError says what is wrong.
    """
    _require(isinstance(data, dict), f"{name} must be an object, not {_show(data)}")
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    needed = {key for key, field in known.items() if _needed(field)}
    unknown, missing = sorted(data.keys() - known), sorted(needed - data.keys())
    _require(not unknown, f"{name} has an unknown setting {_show(', '.join(unknown))}")
    _require(not missing, f"{name} lacks {', '.join(missing)}")
    return kind(**{key: _parse_value(known[key].type, data[key], key) for key in data})


def _needed(field: dataclasses.Field[Any]) -> bool:
    default = (field.default, field.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
    return not default or dataclasses.is_dataclass(field.type)


def _parse_value(kind: Any, value: Any, name: str) -> Any:
    """A value from JSON, as one of this type."""
    choices = get_args(kind)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return parse(kind, value, name)
    if get_origin(kind) is tuple:
        _require(isinstance(value, list | tuple), f"{name} must be a list, not {_show(value)}")
        return tuple(_parse_value(choices[0], part, name) for part in value)
    if choices:  # a Literal
        wanted, right = f"one of {', '.join(choices)}", value in choices
    else:  # in Python, though not in JSON, true is a whole number
        wanted, right = WORDS[kind], type(value) in ((int, float) if kind is float else (kind,))
    _require(right, f"{name} must be {wanted}, not {_show(value)}")
    return value


def _show(value: Any) -> str:
    """A value as it stands in JSON, cut when it is long."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "…"


MEMORIES: dict[str, MemoryConfig] = {
    "rare": MemoryConfig(),
    "paper": MemoryConfig(
        query=("context",), readout="paper", lookup="whole", neighbours=256, reinforce=True
    ),
}
"""Kinds of memory by name: ours, and that of Kaiser et al. 2017."""

PRESETS: dict[str, ModelConfig] = {
    "tiny": ModelConfig(vocabulary=400, embedding=32, hidden=64, attention=32, dropout=0.0),
    "small": ModelConfig(),
    "everyday": ModelConfig(
        vocabulary=12000, encoder_layers=3, bidirectional_layers=3, lexical=True, dropout=0.1
    ),
    "base": ModelConfig(
        vocabulary=16000, embedding=512, hidden=512, attention=512, encoder_layers=4,
        decoder_layers=4,
    ),
    "gnmt": ModelConfig(
        vocabulary=32000, embedding=1024, hidden=1024, attention=1024, encoder_layers=8,
        decoder_layers=8,
    ),
}  # fmt: skip
"""Sizes by name; `gnmt` is Wu et al. 2016 (arXiv 1609.08144), section 3."""
