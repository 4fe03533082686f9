"""A one-shot suite of corrections: known words that the translator gets wrong, each shown once.

    python benchmarks/corrections.py pairs.tsv --model checkpoints/en-de -o corrections.json
    rarenmt score --oneshot corrections.json

A correction is a source word of the lexicon (a rare one or, with --all, any) and a target word that
translates it in this text, translates nothing else in it, and is missing from the translation. So,
unlike a suite of unseen words, this suite tests whether the memory prevails over a model that is
certain of another word. With --glossary, the context pairs are the two words alone. With --forms,
they are too, and the tests are sentences with another form of the source word, whose reference
contains any form of its translation.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import torch
from suites import general, sides, test

from rarenmt.config import SearchConfig
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.pairs import Pair, read_pairs
from rarenmt.text.splitting import letter_runs
from rarenmt.training.episodes import WordPair
from rarenmt.translation_memory.retrieval import Retriever
from rarenmt.translator.translator import Translator

SENTENCES = 40
"""Maximum number of pairs with a source word."""
OFTEN = 0.3
"""Minimum fraction of these pairs that have the target word."""
LETTERS = 4
"""Minimum letters of a target word."""
TESTS = 3
"""Maximum number of tests for one word."""
FORMS = 200
"""Maximum number of pairs with another form of a source word."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path, help="TSV file, not from training")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the suite, as JSON")
    parser.add_argument("--all", action="store_true", help="all words, not only rare ones")
    parser.add_argument("--glossary", action="store_true", help="context pairs of two words")
    parser.add_argument("--forms", action="store_true", help="tests with other forms of the words")
    options = parser.parse_args()
    translator = Translator(load_checkpoint(options.model, torch.device("cpu")))
    pairs = list(read_pairs(options.pairs))
    rng = random.Random(0)
    words = known_words(pairs, translator, common=options.all)
    rng.shuffle(words)
    if options.forms:
        suite = other_forms(pairs, words, translator, rng)
    else:
        suite = corrections(pairs, words, translator, rng)
    if options.glossary:
        suite["context"] = glossary(suite["tests"])
    options.out.write_text(json.dumps(suite, ensure_ascii=False, indent=0), "utf-8")
    print(f"{len(suite['context'])} words, {len(suite['tests'])} sentences translated without them")


def known_words(pairs: Sequence[Pair], translator: Translator, *, common: bool) -> list[WordPair]:
    """Source words of the lexicon (rare ones, or all if `common`), with the target words that
    translate them in these pairs."""
    checkpoint = translator.checkpoint
    retriever = Retriever(
        checkpoint.tokenizer, checkpoint.lexicon.translations, checkpoint.frequencies
    )
    sources, targets = defaultdict(set), defaultdict(set)
    for number, pair in enumerate(pairs):
        for word in letter_runs(pair.source.lower()):
            sources[word].add(number)
        for word in letter_runs(pair.target):
            targets[word].add(number)
    found = []
    for source, where in sorted(sources.items()):
        if not (2 <= len(where) <= SENTENCES and source in checkpoint.lexicon.translations):
            continue
        if not (common or retriever.is_rare(source)):
            continue
        together = Counter(word for n in where for word in set(letter_runs(pairs[n].target)))
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
    """A suite with one context pair for each word; its tests are pairs with the word whose
    translation lacks it."""
    translated = translated_words(
        pairs, {number for word in words for number in word.sentences}, translator
    )
    context: list[list[str]] = []
    tests: list[dict[str, Any]] = []
    used: set[int] = set()
    for word in words:
        shown, *others = rng.sample(word.sentences, len(word.sentences))
        wrong = [number for number in others if word.target not in translated[number]][:TESTS]
        if used & set(word.sentences) or not wrong:
            continue
        used |= set(word.sentences)
        tests += [test(word.source, word.target, len(context), pairs[n]) for n in wrong]
        context.append(sides(pairs[shown]))
    return {"context": context, "tests": tests, "general": unused(pairs, used, rng)}


def other_forms(
    pairs: Sequence[Pair], words: Sequence[WordPair], translator: Translator, rng: random.Random
) -> dict[str, list[Any]]:
    """A suite whose context pairs are words alone; its tests are sentences with another form of the
    word whose translation lacks the form of the reference. Of words that begin alike, only one is
    in the suite."""
    where: dict[str, list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        for source in sorted(set(letter_runs(pair.source.lower()))):
            where[source].append(number)
    found = [
        (word, form, number, wanted)
        for word in words
        for form in sorted(where)
        if like(word.source, form) and form != word.source and len(where[form]) <= FORMS
        for number in where[form]
        if word.source not in letter_runs(pairs[number].source.lower())
        for wanted in islice(
            filter(partial(like, word.target), letter_runs(pairs[number].target)), 1
        )
    ]
    translated = translated_words(pairs, {number for _, _, number, _ in found}, translator)
    shown: dict[str, tuple[int, WordPair]] = {}
    tests: list[dict[str, Any]] = []
    used: set[int] = set()
    tested: Counter[int] = Counter()
    for word, form, number, wanted in found:
        if wanted in translated[number] or number in used:
            continue
        context, first = shown.setdefault(word.source[:5], (len(shown), word))
        if first is word and tested[context] < TESTS:
            tested[context] += 1
            used.add(number)
            tests.append(test(form, wanted, context, pairs[number]))
    context_pairs = [[word.source, word.target] for _, word in shown.values()]
    return {"context": context_pairs, "tests": tests, "general": unused(pairs, used, rng)}


def like(word: str, other: str) -> bool:
    """Whether two words may be forms of one word: they begin alike, and differ in at most three
    letters."""
    shared = sum(
        1 for _ in takewhile(lambda both: both[0] == both[1], zip(word, other, strict=False))
    )
    return shared >= LETTERS and max(len(word), len(other)) - shared <= 3


def translated_words(
    pairs: Sequence[Pair], numbers: Collection[int], translator: Translator
) -> dict[int, set[str]]:
    """The words of the translations of some of the pairs."""
    some = sorted(numbers)
    found = translator.translate(
        [pairs[n].source for n in some], SearchConfig(beam=1), memory=False, explain=False
    )
    return {n: set(letter_runs(each.text)) for n, each in zip(some, found, strict=True)}


def unused(pairs: Sequence[Pair], used: Collection[int], rng: random.Random) -> list[list[str]]:
    """Pairs that are neither context nor test."""
    return general([pair for number, pair in enumerate(pairs) if number not in used], rng)


def glossary(tests: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The words of the tests, in the order of their context numbers."""
    words = {test["context"]: [test["source_word"], test["word"]] for test in tests}
    return [words[number] for number in sorted(words)]


if __name__ == "__main__":
    main()
