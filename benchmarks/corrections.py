"""A one-shot suite of corrections: known words that the translator gets wrong, each shown once.

    python benchmarks/corrections.py pairs.tsv --model checkpoints/en-de -o corrections.json
    rarenmt score --oneshot corrections.json

A source word that training has translated, rare or with --all any, and a target word that stands
for it in this text and for nothing else, and that the translator does not say: so unlike suites of
unseen words this one asks whether the memory is believed where the translator is sure of something
else. With --glossary the words alone are shown, as a glossary has them, and not a sentence.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from rarenmt.checkpoint import load_checkpoint
from rarenmt.config import SearchConfig
from rarenmt.episodes import WordPair
from rarenmt.novelty import WORD
from rarenmt.relevance import Relevance
from rarenmt.text import Pair, read_pairs
from rarenmt.translator import Translator

SENTENCES = 40
"""Most pairs that hold a source word."""
OFTEN = 0.3
"""Share of these that hold the target word."""
LETTERS = 4
"""Of a target word, at least."""
ASKED = 3
"""Most sentences for one word."""
GENERAL = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path, help="TSV file, not from training")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the suite, as JSON")
    parser.add_argument("--all", action="store_true", help="words, however common, not only rare")
    parser.add_argument("--glossary", action="store_true", help="show words, not sentences")
    options = parser.parse_args()
    translator = Translator(load_checkpoint(options.model, torch.device("cpu")))
    pairs = list(read_pairs(options.pairs))
    rng = random.Random(0)
    words = known_words(pairs, translator, common=options.all)
    rng.shuffle(words)
    suite = corrections(pairs, words, translator, rng)
    if options.glossary:
        suite["context"] = glossary(suite["tests"])
    options.out.write_text(json.dumps(suite, ensure_ascii=False, indent=0), "utf-8")
    print(f"{len(suite['context'])} words, {len(suite['tests'])} sentences that get them wrong")


def known_words(pairs: Sequence[Pair], translator: Translator, *, common: bool) -> list[WordPair]:
    """Source words that training knew, rare ones or `common` ones too, and target words that stand
    for them here."""
    checkpoint = translator.checkpoint
    relevance = Relevance(checkpoint.tokenizer, checkpoint.lexicon.known, checkpoint.counts)
    sources, targets = defaultdict(set), defaultdict(set)
    for number, pair in enumerate(pairs):
        for word in WORD.findall(pair.source.lower()):
            sources[word].add(number)
        for word in WORD.findall(pair.target):
            targets[word].add(number)
    found = []
    for source, where in sorted(sources.items()):
        if not (2 <= len(where) <= SENTENCES and source in checkpoint.lexicon.known):
            continue
        if not (common or relevance.rare(source)):
            continue
        together = Counter(word for n in where for word in set(WORD.findall(pairs[n].target)))
        found += [
            WordPair(source, target, sorted(where & targets[target]))
            for target, count in sorted(together.items())
            if len(target) >= LETTERS and count >= max(2, OFTEN * len(where))
            if len(targets[target]) <= count + 1
        ]
    return found


def corrections(
    pairs: Sequence[Pair], words: Sequence[WordPair], translator: Translator, rng: random.Random
) -> dict[str, list[Any]]:
    """One pair shows each word; of the others those are asked that are translated without it."""
    numbers = sorted({number for word in words for number in word.sentences})
    sentences = [pairs[number].source for number in numbers]
    answers = translator.translate(sentences, SearchConfig(beam=1), memory=False, explain=False)
    said = {n: set(WORD.findall(answer.text)) for n, answer in zip(numbers, answers, strict=True)}
    context: list[list[str]] = []
    tests: list[dict[str, Any]] = []
    used: set[int] = set()
    for word in words:
        shown, *others = rng.sample(word.sentences, len(word.sentences))
        wrong = [number for number in others if word.target not in said[number]][:ASKED]
        if used & set(word.sentences) or not wrong:
            continue
        used |= set(word.sentences)
        tests += [
            {
                "word": word.target,
                "source_word": word.source,
                "context": len(context),
                "source": pairs[number].source,
                "target": pairs[number].target,
            }
            for number in wrong
        ]
        context.append(_sides(pairs[shown]))
    rest = [_sides(pair) for number, pair in enumerate(pairs) if number not in used]
    return {
        "context": context,
        "tests": tests,
        "general": rng.sample(rest, min(GENERAL, len(rest))),
    }


def glossary(tests: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The words that are asked for, in the order of their numbers."""
    words = {test["context"]: [test["source_word"], test["word"]] for test in tests}
    return [words[number] for number in sorted(words)]


def _sides(pair: Pair) -> list[str]:
    return [pair.source, pair.target]


if __name__ == "__main__":
    main()
