"""Settings of retrieval from the translation memory; none of them is stored in a checkpoint."""

from dataclasses import dataclass


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
    """Fraction of the information of the sentence, and of the pair, that they must share if they
    share no rare word. A short sentence alone easily shares half of its own with a long pair."""
    pairs_per_rare_word: int = 1
    """Pairs retrieved for one rare word: those with the largest overlap, of equals the newest."""
    max_pairs: int = 8
    """Pairs retrieved for one sentence, terms first, then those with the largest overlap."""
    inflected_weight: float = 0.8
    """Weight of a word that occurs in another form. Only words outside the lexicon match in another
    form: a word of the lexicon has a translation of its own."""
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
    """Information that a word of a term must reach: *and* is not a term, nor is *good*."""
    label_information: float = 10.0
    """The same for a capitalised term, which may be a label in a form: *Well*, *Back*, *City*."""
    determiner_information: float = 4.0
    """Information below which the first word of a term (*the*, *a*, *to*) is optional."""
    inflected_term_tolerance: float = 2.0
    """Nats by which a form in the sentence may have less information than the word of the term: a
    remembered *rights* does not match *right*."""
    inflected_term_cap: float = 12.0
    """Maximum information of a word of a term in this comparison."""


RETRIEVAL = RetrievalConfig()
"""How pairs are retrieved by default."""
