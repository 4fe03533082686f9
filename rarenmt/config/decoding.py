"""Settings of decoding with a memory: candidates and constraints."""

from dataclasses import dataclass


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
    """Maximum number of neighbours per query. With 100,000 entries, 16 changes none of 64
    translations; 4 changes seven."""
    min_attention: float = 0.1
    """Attention that a source word must receive before an entry may begin its translation.
    Otherwise the gate, which opens if the model is uncertain, would emit the word anywhere."""
    fuzzy_gate_bonus: float = 2.0
    """Nats added to the gate if the nearest entry continues a fuzzy match. The gate is trained on
    episodes, which have no fuzzy matches, so it opens too little for them."""
    attention_suppression: float = 3.0
    """Nats subtracted from the attention energy of a source word whose translation is written."""


CANDIDATES = CandidateConfig()
"""How candidates compete by default."""


@dataclass(frozen=True, kw_only=True)
class AttemptConfig:
    """How far one search of a sentence follows the remembered pairs."""

    pointer_weight: float = 0.0
    """Probability that full attention to a span gives to copying it."""
    required_weight: float = 0.0
    """Probability that full attention to a word, which an earlier search lost, gives to its usual
    translations."""
    fuzzy_matches: bool = True
    """Whether the entries of fuzzy matches have a bonus."""
    only_novel: bool = False
    """Whether only words that the lexicon does not know as translations come from sentences."""


FIRST_ATTEMPT = AttemptConfig()
"""A search that follows them as far as they go."""


@dataclass(frozen=True, kw_only=True)
class ConstraintConfig:
    """How the search completes remembered words, covers them, and revises the words around them."""

    incomplete_word_penalty: float = 6.0
    """Nats subtracted after a piece from the memory: from all pieces but the next one of an
    incomplete remembered word, and from pieces that continue a complete one."""
    constraint_weight: float = 2.0
    """Weight in the coverage penalty of a rare word that a remembered pair translates."""
    translated_attention: float = 0.5
    """Attention that a constrained word must have received for a written word to translate it."""
    base_score_weight: float = 0.3
    """Weight of the base model's score of memory pieces, among hypotheses with the same ones: *die
    Morgenrunde* is likelier than *den Morgenrunde*, however unlikely both are."""
    attempts: tuple[AttemptConfig, ...] = (
        FIRST_ATTEMPT,
        AttemptConfig(pointer_weight=0.9, required_weight=0.6, fuzzy_matches=False),
        AttemptConfig(
            pointer_weight=0.9, required_weight=0.6, fuzzy_matches=False, only_novel=True
        ),
    )
    """The searches of a sentence, until its translation lacks nothing."""
    max_score_loss: float = 1.0
    """Score below that of the best hypothesis at which another one, which lacks less of the
    source, is not chosen."""
    min_gain: float = 0.5
    """Nats that a further search must win back, or the translation before it stays."""
    remembered_nats: float = 4.0
    """Cost of a word that a remembered pair translates and the translation lacks, beside the costs
    of `Completeness`."""
    min_span_attention: float = 0.3
    """Attention to a span, other than a number, from which its first piece begins the copy."""
    missing_span_penalty: float = 4.0
    """Nats subtracted from the end of a sentence while a required span is missing."""
    loop_pieces: int = 16
    """Length in pieces of a repetition with which a hypothesis may not end."""
    inflection_bonus: float = 2.5
    """Nats added for another inflection of a remembered word, if the sentence has another form of
    its source word."""
    alternatives: int = 8
    """Number of most likely pieces that are tried in place of the word before a remembered one."""
    following_pieces: int = 2
    """Pieces after a revised part that are rescored with it."""
