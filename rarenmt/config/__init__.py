"""Every setting, with its default and its range.

Frozen dataclasses, which raise SettingError for a value outside its range. A checkpoint stores
`Config` as JSON. Symbols in brackets are those of Kaiser et al. 2017 (arXiv 1703.03129).
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from rarenmt.config.decoding import CandidateConfig, ConstraintConfig
from rarenmt.config.parsing import parse, require

Block = Literal["context", "source", "bottom", "top"]
"""A part of the query: the attention context, the attended source embedding, or
the state of the bottom or top decoder layer."""

ReadoutName = Literal["mixture", "paper"]
"""How retrieved values change the output distribution; see `rarenmt.model.readout`."""

LARGEST = 1 << 20
"""Maximum of pieces, or of units of a layer; only a damaged file exceeds it."""

DEEPEST = 64
"""Maximum of layers."""


def _require_size(name: str, size: int) -> None:
    require(1 <= size <= LARGEST, f"{name} must be from 1 to {LARGEST:,}, not {size}")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of the translator without its memory."""

    vocabulary: int = 8000
    """Pieces in the joint source and target vocabulary."""
    embedding: int = 256
    hidden: int = 512
    """Units of every LSTM layer; a bidirectional layer has half of them in each direction."""
    attention: int = 256
    """Units of the additive attention."""
    encoder_layers: int = 2
    bidirectional_layers: int = 1
    """Number of encoder layers, from the bottom, that read in both directions: 1 in GNMT, all in
    RNMT+ (Chen et al. 2018, arXiv 1804.09849)."""
    decoder_layers: int = 2
    """The bottom layer computes the attention query; the others receive the context."""
    lexical: bool = False
    """Whether the attended source embedding reaches the output directly, past all LSTM layers
    (Nguyen and Chiang 2018, arXiv 1710.01329)."""
    dropout: float = 0.2

    def __post_init__(self) -> None:
        for name in ("vocabulary", "embedding", "hidden", "attention"):
            _require_size(name, getattr(self, name))
        require(self.hidden % 2 == 0, f"hidden must be even, not {self.hidden}")
        require(self.encoder_layers >= 1, "the encoder needs at least 1 layer")
        require(
            1 <= self.bidirectional_layers <= self.encoder_layers,
            f"bidirectional_layers must be from 1 to encoder_layers ({self.encoder_layers}), "
            f"not {self.bidirectional_layers}",
        )
        require(self.decoder_layers >= 2, "the decoder needs at least 2 layers")
        for name in ("encoder_layers", "decoder_layers"):
            require(getattr(self, name) <= DEEPEST, f"{name} must be at most {DEEPEST}")
        require(0 <= self.dropout < 1, f"dropout must be in [0, 1), not {self.dropout}")


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """Size and behaviour of the memory."""

    slots: int = 8192
    """Slots during training; a translation memory grows as needed."""
    limit: int = 1 << 20
    """Maximum number of slots of a translation memory; beyond it, the oldest entries are
    removed."""
    block: int = 128
    """Width of each projected part of the query."""
    query: tuple[Block, ...] = ("source", "bottom", "top")
    """Parts of the query; the paper's is ("context",). Adding the context does harm: training
    comes to rely on it, and it does not tell unseen words apart."""
    readout: ReadoutName = "mixture"
    neighbours: int = 16
    """(k) Neighbours of a query; 256 in the paper."""
    margin: float = 0.1
    """(α) Similarity by which a right slot must exceed a wrong one."""
    temperature: float = 40.0
    """(t) Inverse temperature of the softmax over the neighbours."""
    reinforce: bool = False
    """Whether a new entry is averaged into its nearest slot if that holds the same value, as in the
    paper. Such an entry belongs to no single pair, so each query searches the whole memory.
    Otherwise every piece of a pair has an entry of its own, which can be shown and removed, and a
    sentence searches the pairs that it retrieves. Training always averages, and searches the whole
    memory except in episodes."""

    def __post_init__(self) -> None:
        _require_size("block", self.block)
        require(len(self.query) > 0, "the query needs at least one part")
        require(
            1 <= self.neighbours <= self.slots,
            f"neighbours must be between 1 and slots ({self.slots}), not {self.neighbours}",
        )
        require(
            self.slots <= self.limit, f"slots ({self.slots}) must not exceed limit ({self.limit})"
        )
        require(self.limit < 1 << 31, "limit must be under 2³¹: slots are numbered in 32 bits")
        require(0 <= self.margin <= 2, f"margin must be in [0, 2], not {self.margin}")
        require(
            0 < self.temperature <= 10_000,
            f"temperature must be over 0 and at most 10,000, not {self.temperature}",
        )


@dataclass(frozen=True, kw_only=True)
class AlignerConfig:
    """The word aligner of the training text; the letters in brackets are fast_align's."""

    rounds: int = 8
    """Rounds of expectation maximisation."""
    independent_rounds: int = 3
    """Number of first rounds in which each direction is trained alone and ignores positions (IBM
    Model 1)."""
    diagonal_tension: float = 4.0
    """(λ) Strength of the preference for links near the diagonal."""
    null_probability: float = 0.08
    """(p₀) Probability that a word translates no word."""
    concentration: float = 0.01
    """(α) Dirichlet prior on the translations of a word; it keeps rare words from collecting
    links."""
    identity_count: float = 1.0
    """Prior count of a word with itself: names, numbers and punctuation."""
    min_probability: float = 0.2
    """Minimum product of both directions' probabilities that makes a link."""


@dataclass(frozen=True, kw_only=True)
class PracticeConfig:
    """Episodic training: how episodes with invented words are drawn and weighted."""

    episode_counts: tuple[int, ...] = (4, 12, 24)
    """Numbers of episodes per step, of which one is drawn at random for each step."""
    ordinary_episodes: int = 16
    """Episodes per step without an invented word, so that the memory adds nothing new."""
    withheld_rate: float = 0.15
    """Fraction of the queries whose own pair is withheld: entries of other pairs are then wrong."""
    max_distractors: int = 3
    """Maximum number of other pairs among the candidates of a query."""
    life_long_rate: float = 0.4
    """Fraction of the steps whose memory also has life-long entries; if it reinforces."""
    made_up_weight: float = 3.0
    """Weight of an invented piece in the readout loss; other pieces have weight 1."""
    attention_weight: float = 5.0
    """Weight of the attention loss of word pairs, which are only a few pieces of a sentence."""
    max_pair_frequency: int = 400
    """Maximum number of sentences with a source word that is taken for a content word."""
    min_dice: float = 0.55
    """Minimum Dice coefficient of two words that count as translations of each other."""
    compound_rate: float = 0.3
    """Fraction of the invented words that are compounds. They train the decoder to complete a long
    word although attention moves to the next one."""
    correction_rate: float = 0.3
    """Fraction of the episodes that keep the source word, so that the model's own translation of
    it is wrong."""
    glossary_rate: float = 0.25
    """Fraction of the episodes whose pair is two words, as in a glossary."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training run."""

    steps: int = 8000
    batch_tokens: int = 3000
    """Target tokens of one optimiser step, over all ranks."""
    accumulation_steps: int = 1
    """Sub-batches that each rank computes one after another, to save RAM (gradient
    accumulation)."""
    learning_rate: float = 2e-3
    warmup: int = 300
    """Steps of linear rise."""
    decay_fraction: float = 0.4
    """Last fraction of the steps, in which the learning rate falls linearly to 0."""
    smoothing: float = 0.1
    """(ε) Label smoothing."""
    clip: float = 1.0
    """Maximum norm of the gradient."""
    memory_positions: int = 256
    """Target positions per step that query the memory, drawn at random; 0 trains without one."""
    memory_weight: float = 1.0
    """Weight of the memory loss and of the readout loss relative to the translation loss."""
    alignment_weight: float = 0.0
    """Weight of the guided-alignment loss relative to the translation loss; 0 aligns nothing."""
    episode_rate: float = 0.3
    """Fraction of the steps with a falling learning rate that also train on episodes."""
    maximum_length: int = 100
    """Pieces; pairs with a longer sentence are left out of training."""
    average: int = 0
    """Steps over which the evaluated and saved weights are averaged; 0 takes the last weights."""
    evaluate_every: int = 1000
    """Steps between evaluations."""
    evaluate_pairs: int = 500
    """Pairs of the validation corpus that are used, from its start."""
    save_every: int = 250
    """Steps between saves."""
    seed: int = 1
    bf16: bool = True
    """Whether to compute in bfloat16 (mixed precision)."""
    practice: PracticeConfig = field(default_factory=PracticeConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_tokens", "accumulation_steps", "evaluate_every", "save_every"):
            require(getattr(self, name) >= 1, f"{name} must be at least 1")
        for name in ("warmup", "memory_positions", "average"):
            require(getattr(self, name) >= 0, f"{name} must not be negative")
        require(0 <= self.seed < 1 << 32, f"seed must be from 0 to 2³² − 1, not {self.seed}")
        require(self.learning_rate > 0, f"learning_rate must be over 0, not {self.learning_rate}")
        require(
            self.alignment_weight >= 0,
            f"alignment_weight must not be negative, not {self.alignment_weight}",
        )
        require(
            0 <= self.decay_fraction <= 1,
            f"decay_fraction must be in [0, 1], not {self.decay_fraction}",
        )
        require(
            0 <= self.episode_rate < 1, f"episode_rate must be in [0, 1), not {self.episode_rate}"
        )


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Settings of the beam search; the symbols in brackets are GNMT's (section 7)."""

    beam: int = 5
    length: float = 0.6
    """(α) Exponent of the length penalty; larger favours longer translations."""
    longest_ratio: int = 2
    longest_extra: int = 10
    """A translation has at most `longest_ratio` × source pieces + `longest_extra` pieces."""
    exact_matches: bool = True
    """Whether an exact or near match of a remembered source is translated by its remembered target,
    without a search."""
    copy_placeables: bool = True
    """Whether numbers, placeholders, tags and addresses are copied from the source unchanged."""
    candidates: CandidateConfig = field(default_factory=CandidateConfig)
    constraints: ConstraintConfig = field(default_factory=ConstraintConfig)

    def __post_init__(self) -> None:
        require(self.beam >= 1, f"beam must be at least 1, not {self.beam}")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Model, memory and languages of a checkpoint."""

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
        """The inverse of `to_json`; SettingError for a wrong name or value. Older checkpoints have
        a setting `lookup`, which followed from `reinforce`."""
        if isinstance(data, dict) and isinstance(memory := data.get("memory"), dict):
            kept = {name: value for name, value in memory.items() if name != "lookup"}
            data = {**data, "memory": kept}
        return parse(cls, data)


MEMORIES: dict[str, MemoryConfig] = {
    "rare": MemoryConfig(),
    "paper": MemoryConfig(query=("context",), readout="paper", neighbours=256, reinforce=True),
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
"""Model sizes by name; `gnmt` is Wu et al. 2016 (arXiv 1609.08144), section 3."""
