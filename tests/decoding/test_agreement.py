"""The words before remembered ones are revised, and nothing else changes."""

from functools import cache

import pytest
import torch
from shipped import remembering

from rarenmt.config import SearchConfig
from rarenmt.config.decoding import ConstraintConfig
from rarenmt.decoding.agreement import Agreement
from rarenmt.decoding.beam_search import Hypothesis
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.trace import Backpointer, EntryWeight, SearchHistory, Trace
from rarenmt.text.batch import source_batch
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import BOS

ASKED, WORD = "Did you sign the waiver?", "Verzichtserklärung"
PAIR = Pair("We need a waiver.", f"Wir brauchen eine {WORD}.", "file.txt", 1, time=0)


shown = cache(remembering)


TERM = Pair("tablet", "Tablette", "file.txt", 1, time=0)


def candidates(pair: Pair) -> CandidateSet:
    finder = shown(pair).memory.candidate_finder
    excerpt = finder.candidates([ASKED], [finder.retrieve(ASKED)])
    assert isinstance(excerpt, CandidateSet)
    return excerpt


def finished(text: str, remembered: str = WORD) -> Hypothesis:
    """A translation of which one word came from the memory; every piece has a contribution."""
    tokenizer = shown(PAIR).tokenizer
    words = tokenizer.split_words(tokenizer.encode(text))
    from_memory = [tokenizer.decode(word).strip() == remembered for word in words for _ in word]
    pieces = [piece for word in words for piece in word]
    traces = [Trace([1.0], 0.5, [EntryWeight(0, 1.0, 0.5)]) for _ in pieces]
    backpointer = Backpointer(len(pieces), 0, len(tokenizer.encode(ASKED)) + 1)
    return Hypothesis(pieces, -1.0, 0, from_memory, 0.0, backpointer, traces)


def history(found: Hypothesis) -> SearchHistory:
    """The history of a greedy search that found this hypothesis."""
    model, steps = shown(PAIR).model, SearchHistory()
    source = source_batch([shown(PAIR).tokenizer.encode(ASKED)], torch.device("cpu"))
    attended, state = model.encode(source)
    steps.begin(attended)
    for before, piece in zip([BOS, *found.pieces], found.pieces, strict=False):
        states, weights, state = model.step(torch.tensor([before]), state, attended)
        rows, pieces = torch.tensor([0]), torch.tensor([piece])
        steps.record(model.predict(states, None), weights, states.top, state, rows, pieces)
    return steps


def revised(
    found: Hypothesis,
    pair: Pair = PAIR,
    lexicon: Lexicon | None = None,
    cooccurrence: Cooccurrence = Cooccurrence(),  # noqa: B008 - it never changes
) -> Hypothesis:
    translator = shown(PAIR)
    known = translator.checkpoint.lexicon if lexicon is None else lexicon
    reader = Agreement(translator.model, translator.tokenizer, known, cooccurrence)
    sources = [translator.tokenizer.encode(ASKED)]
    [best] = reader.revise(sources, [found], candidates(pair), history(found), ConstraintConfig())
    return best


def text(found: Hypothesis) -> str:
    return shown(PAIR).tokenizer.decode(found.pieces)


def test_the_article_agrees_and_did_not_come_from_the_memory() -> None:
    found = finished(f"Hast du den {WORD} unterschrieben?")

    agreed = revised(found)

    assert text(agreed) == f"Hast du die {WORD} unterschrieben?"
    (place,) = [i for i, piece in enumerate(found.pieces) if piece != agreed.pieces[i]]
    assert agreed.traces[place] == Trace([1.0], 0.0, [])
    del found.traces[place], agreed.traces[place]
    assert agreed.traces == found.traces
    assert (agreed.from_memory, agreed.score, agreed.missing) == (
        found.from_memory,
        found.score,
        found.missing,
    )


@pytest.mark.parametrize("right", [f"Hast du die {WORD} unterschrieben?", f"{WORD}?", WORD])
def test_what_agrees_stays(right: str) -> None:
    found = finished(right)

    assert revised(found) == found


def test_a_word_before_no_remembered_word_stays() -> None:
    found = finished(f"Hast du den {WORD} unterschrieben?", remembered="nothing")

    assert revised(found) is found


def test_only_translations_of_the_same_word_are_tried() -> None:
    found = finished(f"Hast du den {WORD} unterschrieben?")

    assert revised(found, lexicon=Lexicon()) == found
    assert revised(found, lexicon=Lexicon([("the", "den"), ("sign", "die")])) == found
    assert revised(found, lexicon=Lexicon([("the", "den"), ("the", "die")])) != found
    elsewhere = Lexicon([("this", "den"), ("this", "die")])  # no word of the source
    assert revised(found, lexicon=elsewhere) == found


@pytest.mark.parametrize(
    ("target", "nats", "article"),
    [
        (f"Das {WORD} brauchen wir.", {}, "die"),  # the model is surer of it
        (f"Das {WORD} brauchen wir.", {("Das", "das"): 20.0}, "das"),
        (f"Das {WORD} brauchen wir.", {("das", "das"): 20.0}, "die"),  # another word
        (f"Wir brauchen ein {WORD}.", {("das", "ein"): 20.0}, "das"),
        (f"Wir brauchen ein {WORD}.", {("die", "ein"): -20.0}, "den"),
        (f"Wir sehen ein {WORD}.", {("die", "eine"): -20.0}, "die"),  # the pair has no *eine*
        (WORD, {("das", "ein"): 20.0}, "die"),  # nothing stood before it
    ],
)
def test_a_word_that_cooccurs_with_the_one_in_the_pair_is_preferred(
    target: str, nats: dict[tuple[str, str], float], article: str
) -> None:
    found = finished(f"Hast du den {WORD} unterschrieben?")
    pair = Pair(PAIR.source, target, "file.txt", 1, time=0)

    agreed = revised(found, pair, cooccurrence=Cooccurrence(nats))

    assert text(agreed) == f"Hast du {article} {WORD} unterschrieben?"


TRAINING = Pair("mandatory training", "Pflichtschulung", "file.txt", 1, time=0)


LANDLORD = Pair("landlord", "Vermieter", "file.txt", 1, time=0)


@pytest.mark.parametrize(
    ("term", "sentence", "expected"),
    [
        (TERM, "The patient should take two tablets every morning.", "Tabletten"),
        (TERM, "He lost his tablet.", "Tablette"),
        (TRAINING, "The mandatory trainings are boring.", "Pflichtschulungen"),
        (TRAINING, "The mandatory training is boring.", "Pflichtschulung"),
        (LANDLORD, "I met the landlord's brother.", "Vermieters"),
        (LANDLORD, "The landlord is at home.", "Vermieter"),
    ],
)
def test_another_form_of_a_remembered_word_is_inflected(
    term: Pair, sentence: str, expected: str
) -> None:
    [translation] = shown(term).translate([sentence])

    assert translation.memory_words() == [(expected, term)]


def test_the_article_and_the_inflection_are_chosen_together() -> None:
    [of_one, of_two] = shown(LANDLORD).translate(
        ["I read the landlord's letter.", "I met the landlord's brother."]
    )

    assert "des Vermieters" in of_one.text
    assert "des Vermieters" in of_two.text


def test_a_word_in_its_remembered_form_stays() -> None:
    config = SearchConfig(constraints=ConstraintConfig(inflection_bonus=99.0))

    [one, two] = shown(TERM).translate(["He lost his tablet.", "He lost his tablets."], config)

    assert "Tablette" in one.text.strip(".").split()
    assert "Tablette" not in two.text.strip(".").split()
    assert "Tablette" in two.text


def test_every_piece_of_a_new_inflection_came_from_the_memory() -> None:
    config = SearchConfig(constraints=ConstraintConfig(inflection_bonus=99.0))

    [translation] = shown(TERM).translate(["He lost his tablets."], config, explain=True)

    [part] = translation.parts
    word = [token for token in part.tokens if token.origin is not None]
    assert "".join(token.piece for token in word).strip().startswith("Tablette")
    assert all(len(token.attention) == len(part.source) for token in part.tokens)
