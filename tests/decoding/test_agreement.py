"""The word before a remembered one is read once more, and nothing else changes."""

from functools import cache
from pathlib import Path

import pytest
import torch

from rarenmt.decoding import agreement
from rarenmt.decoding.agreement import Agreement
from rarenmt.decoding.beam_search import Hypothesis
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.trace import Backpointer, Contribution, SearchHistory, Trace
from rarenmt.text.batch import source_batch
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import BOS
from rarenmt.translator.translator import Translator

ASKED, WORD = "Did you sign the waiver?", "Verzichtserklärung"
PAIR = Pair("We need a waiver.", f"Wir brauchen eine {WORD}.", "file.txt", 1, time=0)


@cache
def shown(pair: Pair) -> Translator:
    folder = Path(__file__).parents[2] / "checkpoints" / "en-de"
    translator = Translator.load(folder, memory=Path("nowhere"))
    translator.remember([pair])
    return translator


TERM = Pair("tablet", "Tablette", "file.txt", 1, time=0)


def asked(pair: Pair) -> CandidateSet:
    excerpt = shown(pair).translation_memory.candidate_finder.candidates([ASKED])
    assert isinstance(excerpt, CandidateSet)
    return excerpt


def finished(text: str, owed: str = WORD) -> Hypothesis:
    """A translation of which one word came from the memory; every piece has a voice."""
    tokenizer = shown(PAIR).tokenizer
    words = tokenizer.split_words(tokenizer.encode(text))
    lent = [tokenizer.decode(word).strip() == owed for word in words for _ in word]
    pieces = [piece for word in words for piece in word]
    traces = [Trace([1.0], 0.5, [Contribution(0, 1.0, 0.5)]) for _ in pieces]
    ending = Backpointer(len(pieces), 0, len(tokenizer.encode(ASKED)) + 1)
    return Hypothesis(pieces, -1.0, 0, traces, lent, ending)


def history(found: Hypothesis) -> SearchHistory:
    """Of a search that found it at once."""
    model, steps = shown(PAIR).model, SearchHistory()
    source = source_batch([shown(PAIR).tokenizer.encode(ASKED)], torch.device("cpu"))
    attended, state = model.encode(source)
    steps.begin(attended)
    for before, piece in zip([BOS, *found.pieces], found.pieces, strict=False):
        states, weights, state = model.step(torch.tensor([before]), state, attended)
        rows, pieces = torch.tensor([0]), torch.tensor([piece])
        steps.note(model.predict(states, None), weights, states.top, state, rows, pieces)
    return steps


def mended(
    found: Hypothesis,
    pair: Pair = PAIR,
    lexicon: Lexicon | None = None,
    company: Cooccurrence = Cooccurrence(),  # noqa: B008 - it never changes
) -> Hypothesis:
    translator = shown(PAIR)
    known = translator.checkpoint.lexicon if lexicon is None else lexicon
    reader = Agreement(translator.model, translator.tokenizer, known, company)
    sources = [translator.tokenizer.encode(ASKED)]
    [best] = reader.mend(sources, [found], asked(pair), history(found))
    return best


def text(found: Hypothesis) -> str:
    return shown(PAIR).tokenizer.decode(found.pieces)


def test_the_article_agrees_and_came_from_no_memory() -> None:
    found = finished(f"Hast du den {WORD} unterschrieben?")

    agreed = mended(found)

    assert text(agreed) == f"Hast du die {WORD} unterschrieben?"
    (place,) = [i for i, piece in enumerate(found.pieces) if piece != agreed.pieces[i]]
    assert agreed.traces[place] == Trace([1.0], 0.0, [])
    del found.traces[place], agreed.traces[place]
    assert agreed.traces == found.traces
    assert (agreed.owed, agreed.score, agreed.missing) == (found.owed, found.score, found.missing)


@pytest.mark.parametrize("right", [f"Hast du die {WORD} unterschrieben?", f"{WORD}?", WORD])
def test_what_agrees_stays(right: str) -> None:
    found = finished(right)

    assert mended(found) == found


def test_no_word_changes_that_stands_before_none_of_the_memory() -> None:
    found = finished(f"Hast du den {WORD} unterschrieben?", owed="nothing")

    assert mended(found) is found


def test_only_translations_of_the_same_word_are_tried() -> None:
    found = finished(f"Hast du den {WORD} unterschrieben?")

    assert mended(found, lexicon=Lexicon()) == found
    assert mended(found, lexicon=Lexicon([("the", "den"), ("sign", "die")])) == found
    assert mended(found, lexicon=Lexicon([("the", "den"), ("the", "die")])) != found
    elsewhere = Lexicon([("this", "den"), ("this", "die")])  # no word of the source
    assert mended(found, lexicon=elsewhere) == found


@pytest.mark.parametrize(
    ("target", "nats", "said"),
    [
        (f"Das {WORD} brauchen wir.", {}, "die"),  # the model is surer than of the word again
        (f"Das {WORD} brauchen wir.", {("Das", "das"): 20.0}, "das"),
        (f"Das {WORD} brauchen wir.", {("das", "das"): 20.0}, "die"),  # another word
        (f"Wir brauchen ein {WORD}.", {("das", "ein"): 20.0}, "das"),
        (f"Wir brauchen ein {WORD}.", {("die", "ein"): -20.0}, "den"),
        (f"Wir sehen ein {WORD}.", {("die", "eine"): -20.0}, "die"),  # nobody said *eine*
        (WORD, {("das", "ein"): 20.0}, "die"),  # nothing stood before it
    ],
)
def test_the_word_is_preferred_that_keeps_company_with_the_one_shown_there(
    target: str, nats: dict[tuple[str, str], float], said: str
) -> None:
    found = finished(f"Hast du den {WORD} unterschrieben?")
    pair = Pair(PAIR.source, target, "file.txt", 1, time=0)

    agreed = mended(found, pair, company=Cooccurrence(nats))

    assert text(agreed) == f"Hast du {said} {WORD} unterschrieben?"


TRAINING = Pair("mandatory training", "Pflichtschulung", "file.txt", 1, time=0)


@pytest.mark.parametrize(
    ("term", "sentence", "said"),
    [
        (TERM, "The patient should take two tablets every morning.", "Tabletten"),
        (TERM, "He lost his tablet.", "Tablette"),
        (TRAINING, "The mandatory trainings are boring.", "Pflichtschulungen"),
        (TRAINING, "The mandatory training is boring.", "Pflichtschulung"),
    ],
)
def test_another_form_of_a_shown_word_has_another_ending(
    term: Pair, sentence: str, said: str
) -> None:
    [translation] = shown(term).translate([sentence])

    assert translation.memory_words() == [(said, term)]


def test_a_word_in_the_form_that_was_shown_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "CHANGED", 99.0)

    [one, two] = shown(TERM).translate(["He lost his tablet.", "He lost his tablets."])

    assert "Tablette" in one.text.strip(".").split()
    assert "Tablette" not in two.text.strip(".").split()
    assert "Tablette" in two.text


def test_every_piece_of_a_new_ending_came_from_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "CHANGED", 99.0)

    [translation] = shown(TERM).translate(["He lost his tablets."], explain=True)

    [part] = translation.parts
    word = [token for token in part.tokens if token.origin is not None]
    assert "".join(token.piece for token in word).strip().startswith("Tablette")
    assert all(len(token.attention) == len(part.source) for token in part.tokens)
