"""Online adaptation: each line is translated, then its reference is remembered, as when a person
corrects a text line by line (Simianer, Wuebker and DeNero 2019)."""

from collections.abc import Sequence

from rarenmt.config import SearchConfig
from rarenmt.evaluation.metrics import NewWordRecall
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import BEAM, Translator


def translate_online(
    translator: Translator,
    pairs: Sequence[Pair],
    config: SearchConfig = BEAM,
    *,
    memory: bool = True,
) -> list[str]:
    """Translations of the sources, one after the other; with `memory`, each pair is remembered in
    RAM once its source is translated."""
    translations = []
    for pair in pairs:
        translation = translator.translate(pair.source, config, memory=memory, explain=False)
        translations.append(translation.text)
        if memory:
            translator.memory.remember([pair])
    return translations


def recall_of_new_words(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """R0 and R1 in per cent of a text translated line by line; a recall is left out if no word of
    the references counts towards it."""
    recall = NewWordRecall()
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        recall.score(hypothesis, reference)
        recall.observe(reference)
    both = {"R0": recall.recall(0), "R1": recall.recall(1)}
    return {name: value for name, value in both.items() if value is not None}
