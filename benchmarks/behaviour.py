"""How a checkpoint behaves in single respects, one subcommand each; prints a Markdown table.

    python benchmarks/behaviour.py fuzzy tatoeba-rest.tsv --model checkpoints/en-de

fuzzy         sentences that differ in one word from a remembered one
variants      remembered sentences with other numbers, punctuation, capital letters or apostrophes
placeables    sentences that keep their numbers, placeholders, tags, addresses and paths
numbers       numbers written as in the reference: 1,250.50 as 1.250,50
context       words repeated, and the word before a remembered word
genders       the determiner before a noun that was remembered with its article
"""

import argparse
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.config.decoding import CandidateConfig
from rarenmt.evaluation.bootstrap import rate_gain
from rarenmt.evaluation.metrics import bleu
from rarenmt.evaluation.oneshot import Answers, Suite, answer, figures, read_suite
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.corpus.reader import read_corpus
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.text.pairs import Pair
from rarenmt.text.placeables import find_spans
from rarenmt.text.splitting import letter_runs, word_runs
from rarenmt.translator.translator import Translator

Variant = Callable[[str, str], tuple[str, str] | None]
"""From a source and its target to the changed source and the expected target, or None if the change
does not apply."""

LONG = re.compile(r"\w{5,}")
"""A word that counts as repeated if a translation contains it too often."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="SUBCOMMAND")
    fuzzy = add_command(commands, "fuzzy", measure_fuzzy)
    fuzzy.add_argument("corpus")
    fuzzy.add_argument("--fewest", type=int, default=4, help="minimum words of a sentence")
    variants = add_command(commands, "variants", measure_variants)
    variants.add_argument("corpus")
    variants.add_argument("--count", type=int, default=150, help="maximum pairs per variant")
    placeables = add_command(commands, "placeables", measure_placeables)
    placeables.add_argument("corpora", nargs="+")
    placeables.add_argument("--memory", type=Path, help="memory file (default: none)")
    placeables.add_argument("--count", type=int, default=400, help="maximum pairs per corpus")
    placeables.add_argument("--longest", type=int, default=30, help="maximum words of a source")
    numbers = add_command(commands, "numbers", measure_numbers)
    numbers.add_argument("corpora", nargs="+")
    numbers.add_argument("--count", type=int, default=200, help="maximum pairs per corpus")
    numbers.add_argument("--longest", type=int, default=25, help="maximum words of a source")
    context = add_command(commands, "context", measure_context)
    context.add_argument("suite", type=Path, help="one-shot suite (JSON)")
    genders = add_command(commands, "genders", measure_genders)
    genders.add_argument("nouns", type=Path, help="English noun, German noun, gender: m, f or n")
    options = parser.parse_args()
    options.run(options)


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
) -> argparse.ArgumentParser:
    """A subcommand with the options that all of them have."""
    parser = commands.add_parser(name, description=run.__doc__)
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=run)
    return parser


def load(options: argparse.Namespace, memory: Path | None = None) -> Translator:
    return Translator(load_checkpoint(options.model, torch.device("cpu")), memory)


def texts_of(
    translator: Translator, pairs: Sequence[Pair], config: SearchConfig, *, memory: bool = True
) -> list[str]:
    """The translations of the sources."""
    sources = [pair.source for pair in pairs]
    found = translator.translate(sources, config, memory=memory, explain=False)
    return [translation.text for translation in found]


def print_row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def print_head(*cells: str) -> None:
    print_row(*cells)
    print("|" + "---|" * len(cells))


# Sentences that differ in one word from a remembered one


def measure_fuzzy(options: argparse.Namespace) -> None:
    """BLEU of sentences without memory and with the sentences remembered that differ in one word;
    between them, the BLEU of those remembered translations as they are."""
    translator = load(options)
    corpus = list(read_corpus(options.corpus, translator.model.config.languages))
    couples = similar_pairs(corpus, options.fewest, options.seed)
    tested = [pair for _, pair in couples]
    references = [pair.target for pair in tested]
    config = SearchConfig(beam=options.beam)
    print_head(f"{len(couples)} sentences", "BLEU", "as the reference", "retrieve the similar one")

    def report(condition: str, found: Sequence[str]) -> None:
        right = sum(a == b for a, b in zip(found, references, strict=True))
        retrieved = sum(
            similar.line in [pair.line for pair in translator.retrieve(pair.source)]
            for similar, pair in couples
        )
        print_row(condition, f"{bleu(found, references):.1f}", right, retrieved)

    report("no memory", texts_of(translator, tested, config, memory=False))
    report("similar translations as they are", [similar.target for similar, _ in couples])
    translator.memory.remember([similar for similar, _ in couples])
    report("similar pairs remembered", texts_of(translator, tested, config))


def similar_pairs(pairs: Sequence[Pair], fewest: int, seed: int) -> list[tuple[Pair, Pair]]:
    """Couples of pairs whose sources have the same number of words, at least `fewest`, and differ
    in one of them; each pair is in one couple."""
    alike: dict[tuple[str, ...], list[Pair]] = defaultdict(list)
    for pair in pairs:
        words = word_runs(pair.source.casefold())
        for position in range(len(words) if len(words) >= fewest else 0):
            alike[*words[:position], "", *words[position + 1 :]].append(pair)
    rng = random.Random(seed)
    keys = sorted(alike)
    rng.shuffle(keys)
    taken: set[str] = set()
    found = []
    for key in keys:
        free = {p.source.casefold(): p for p in alike[key] if p.source.casefold() not in taken}
        if len(free) >= 2:
            one, other = rng.sample(sorted(free), 2)
            taken |= {one, other}
            found.append((free[one], free[other]))
    return found


# Variants of remembered sentences


def same(source: str, target: str) -> tuple[str, str]:
    """The sentence itself."""
    return source, target


def exclamation(source: str, target: str) -> tuple[str, str] | None:
    """An exclamation mark for the full stop on both sides."""
    return (source[:-1] + "!", target[:-1] + "!") if _both_end(source, target) else None


def no_full_stop(source: str, target: str) -> tuple[str, str] | None:
    """No full stop on either side."""
    return (source[:-1], target[:-1]) if _both_end(source, target) else None


def apostrophe(source: str, target: str) -> tuple[str, str] | None:
    """The other apostrophe in the source."""
    other = source.translate(str.maketrans("'’", "’'"))
    return (other, target) if other != source else None


def lower_case(source: str, target: str) -> tuple[str, str] | None:
    """A lower-case letter at the beginning of the source."""
    return (source[0].lower() + source[1:], target) if source[1:2].islower() else None


def other_numbers(source: str, target: str) -> tuple[str, str] | None:
    """Other numbers of as many digits on both sides, if both have the same numbers once each."""
    numbers = re.findall(r"\d+", source)
    equal = sorted(numbers) == sorted(re.findall(r"\d+", target))
    if not numbers or not equal or len(set(numbers)) < len(numbers):
        return None

    def other(found: re.Match[str]) -> str:
        return str(int(found[0]) * 7 + 3)[-len(found[0]) :].rjust(len(found[0]), "4")

    return re.sub(r"\d+", other, source), re.sub(r"\d+", other, target)


VARIANTS: dict[str, Variant] = {
    "nothing": same,
    "an exclamation mark for the full stop": exclamation,
    "no full stop": no_full_stop,
    "another kind of apostrophe": apostrophe,
    "a lower-case letter at the beginning": lower_case,
    "other numbers": other_numbers,
}


def _both_end(source: str, target: str) -> bool:
    return source[-1:] == target[-1:] == "."


def measure_variants(options: argparse.Namespace) -> None:
    """How many variants of remembered sentences have exactly the expected translation, by the
    decoder alone and with exact matches."""
    translator = load(options)
    corpus = list(read_corpus(options.corpus, translator.model.config.languages))
    random.Random(options.seed).shuffle(corpus)
    chosen = {
        name: [pair for pair in corpus if variant(pair.source, pair.target)][: options.count]
        for name, variant in VARIANTS.items()
    }
    remembered = {pair.source: pair for pairs in chosen.values() for pair in pairs}
    translator.memory.remember(remembered.values())
    print_head("what changes", "sentences", "decoder", "exact match")
    for name, pairs in chosen.items():
        expected = [
            Pair(*changed)
            for pair in pairs
            if remembered[pair.source] == pair  # a source has one target
            if (changed := VARIANTS[name](pair.source, pair.target)) is not None
        ]
        counts = []
        for exact in (False, True):
            found = texts_of(
                translator, expected, SearchConfig(beam=options.beam, exact_matches=exact)
            )
            counts.append(sum(a == b.target for a, b in zip(found, expected, strict=True)))
        print_row(name, len(expected), *counts)


# What is copied, and numbers


def measure_placeables(options: argparse.Namespace) -> None:
    """How many translations keep the placeables of their source, and their BLEU, of pairs whose two
    sides have the same ones; without and with copy constraints."""
    translator = load(options, options.memory)
    print_head("corpus", "sentences", "kept by the decoder, BLEU", "kept, BLEU")
    for corpus in options.corpora:
        pairs = [
            pair
            for pair in read_corpus(corpus, translator.model.config.languages)
            if any(required(pair.source)) and required(pair.source) == required(pair.target)
            if len(pair.source.split()) <= options.longest
        ]
        random.Random(options.seed).shuffle(pairs)
        pairs = pairs[: options.count]
        cells = compare_copying(translator, pairs, options.beam, lambda p, t: keeps(p.source, t))
        print_row(Path(corpus).name, len(pairs), *cells)


def measure_numbers(options: argparse.Namespace) -> None:
    """How many numbers with points or commas are written as in the reference, and the BLEU of their
    sentences; without and with copy constraints."""
    translator = load(options)
    print_head("corpus", "numbers", "right by the decoder, BLEU", "right, BLEU")
    for corpus in options.corpora:
        pairs = [
            pair
            for pair in read_corpus(corpus, translator.model.config.languages)
            if expected_numbers(pair) and len(pair.source.split()) <= options.longest
        ][: options.count]
        count = sum(len(expected_numbers(pair)) for pair in pairs)
        cells = compare_copying(translator, pairs, options.beam, count_right_numbers)
        print_row(Path(corpus).name, count, *cells)


def compare_copying(
    translator: Translator,
    pairs: Sequence[Pair],
    beam: int,
    judge: Callable[[Pair, str], int],
) -> list[str]:
    """What `judge` counts, and BLEU, of the translations without and with copy constraints."""
    cells = []
    for copied in (False, True):
        found = texts_of(translator, pairs, SearchConfig(beam=beam, copy_placeables=copied))
        count = sum(judge(pair, text) for pair, text in zip(pairs, found, strict=True))
        cells.append(f"{count}, {bleu(found, [pair.target for pair in pairs]):.1f}")
    return cells


def required(text: str) -> tuple[Counter[str], Counter[str]]:
    """The numbers of a text that must be kept, as digits alone, and the other placeables."""
    spans = [span for span in find_spans(list(text)) if span.required]
    numbers = [digits(text[span.start : span.end]) for span in spans if span.number]
    others = [text[span.start : span.end] for span in spans if not span.number]
    return Counter(numbers), Counter(others)


def keeps(source: str, translation: str) -> bool:
    """Whether a translation has all required placeables of its source."""
    numbers, others = required(source)
    found = Counter(digits(number) for number in re.findall(r"\d[\d.,:'/-]*", translation))
    return numbers <= found and all(translation.count(each) >= n for each, n in others.items())


def digits(number: str) -> str:
    """1.250 and 1,250 are one number."""
    return re.sub(r"\D", "", number)


def numbers_of(text: str) -> list[str]:
    return re.findall("[0-9]+(?:[.,:'/-][0-9]+)*", text)


def expected_numbers(pair: Pair) -> list[str]:
    """The source's numbers with points or commas, as the target writes them; numbers whose digits
    the target does not have are left out."""
    references = {digits(number): number for number in numbers_of(pair.target)}
    separated = (number for number in numbers_of(pair.source) if re.search("[.,]", number))
    return [references[digits(each)] for each in separated if digits(each) in references]


def count_right_numbers(pair: Pair, translation: str) -> int:
    return sum(number in numbers_of(translation) for number in expected_numbers(pair))


# The words around remembered words


def measure_context(options: argparse.Namespace) -> None:
    """Words of five letters or more that translations repeat, and the word before a word of the
    suite, compared with the reference."""
    suite, config = read_suite(options.suite), SearchConfig(beam=options.beam)
    at_once = replace(config, candidates=CandidateConfig(min_attention=0.0))
    checkpoint = load_checkpoint(options.model, torch.device("cpu"))
    without = replace(checkpoint, cooccurrence=Cooccurrence())
    print_head("", "repeated", "sentences", "word before as in the reference", "recall", "BLEU")
    for name, known, search, memory in [
        ("no memory", checkpoint, config, False),
        ("entries do not wait for attention", checkpoint, at_once, True),
        ("no co-occurrence statistics", without, config, True),
        ("default", checkpoint, config, True),
    ]:
        translator = Translator(known)
        translator.memory.remember(suite.context)
        print_context(name, suite, answer(translator, suite, search, memory=memory))


def print_context(name: str, suite: Suite, answers: Answers) -> None:
    counts, before = [], []
    for text, test in zip(answers.tests, suite.tests, strict=True):
        counts.append(repetitions(text, test.target))
        ours, theirs = word_before(text, test.word), word_before(test.target, test.word)
        if ours is not None and theirs is not None:
            before.append(ours == theirs)
    found = figures(name, suite, answers)
    print_row(
        name,
        sum(counts),
        f"{sum(count > 0 for count in counts)} of {len(counts)}",
        f"{sum(before)} of {len(before)} ({100 * sum(before) / max(1, len(before)):.1f} %)",
        "" if found.recall is None else f"{found.recall.value:.1f}",
        f"{found.bleu:.1f}",
    )


def repetitions(translation: str, reference: str) -> int:
    """How often the translation contains long words beyond what the reference needs."""
    found, needed = Counter(LONG.findall(translation)), Counter(LONG.findall(reference))
    return sum(
        count - max(1, needed[word]) for word, count in found.items() if count > needed[word]
    )


def word_before(text: str, word: str) -> str | None:
    """The word before another one, in lower case; None without one."""
    words = letter_runs(text)
    position = words.index(word) if word in words else 0
    return words[position - 1].casefold() if position else None


# The gender of remembered nouns


def measure_genders(options: argparse.Namespace) -> None:
    """Each noun is remembered once, in a sentence that begins with its article, and asked for with
    other determiners: how often the noun comes out, and the determiner before it has its gender."""
    nouns = [line.split("\t") for line in options.nouns.read_text().splitlines()]
    checkpoint = load_checkpoint(options.model, torch.device("cpu"))
    without = replace(checkpoint, cooccurrence=Cooccurrence())
    asked = [(noun, frame) for noun in nouns for frame in GENDER_FRAMES]
    results = []
    print_head("", "noun", "with its determiner")
    for name, known in [("no co-occurrence statistics", without), ("default", checkpoint)]:
        translator = Translator(known)
        translator.memory.remember(
            Pair(f"The {english} was new.", f"{DEFINITE[gender]} {german} war neu.")
            for english, german, gender in nouns
        )
        pairs = [Pair(frame.format(noun[0]), noun[1]) for noun, frame in asked]
        texts = texts_of(translator, pairs, SearchConfig(beam=options.beam))
        expected = [GENDER_FRAMES[frame][noun[2]] for noun, frame in asked]
        found = [word_before(text, pair.target) for text, pair in zip(texts, pairs, strict=True)]
        results.append([one == other for one, other in zip(found, expected, strict=True)])
        count = sum(pair.target in text for text, pair in zip(texts, pairs, strict=True))
        print_row(name, f"{count} of {len(asked)}", sum(results[-1]))
    gain = rate_gain(*results)
    assert gain is not None
    print(f"\n{gain.value:+.1f} points, 95 % interval {gain.low:+.1f} to {gain.high:+.1f}")


DEFINITE = {"m": "Der", "f": "Die", "n": "Das"}

GENDER_FRAMES = {
    "A {} is expensive.": {"m": "ein", "f": "eine", "n": "ein"},
    "My {} is old.": {"m": "mein", "f": "meine", "n": "mein"},
    "Where is the {}?": {"m": "der", "f": "die", "n": "das"},
    "I bought a {}.": {"m": "einen", "f": "eine", "n": "ein"},
    "We have no {}.": {"m": "keinen", "f": "keine", "n": "kein"},
    "He saw the {} yesterday.": {"m": "den", "f": "die", "n": "das"},
    "She came with a {}.": {"m": "einem", "f": "einer", "n": "einem"},
}
"""Sentences that ask for a noun, and the determiner that each gender needs."""


if __name__ == "__main__":
    main()
