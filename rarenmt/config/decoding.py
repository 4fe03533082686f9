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
