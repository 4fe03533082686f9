"""Spans are said as they stand, by whatever model."""

import re
from collections import Counter
from collections.abc import Set
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rarenmt.config import SearchConfig
from rarenmt.decoding.copying import OWED, CopyConstraints
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.placeables import missing_placeables
from rarenmt.text.tokenizer import EOS, Tokenizer
from rarenmt.translator.translator import Translator

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["In 1984 he ran 27 miles, it cost $5,000 or so.", "On <b> %d @"], 292)


@pytest.fixture(scope="module")
def untrained(folder: Path) -> Translator:
    """Its weights are random, so that it says nothing by itself that it should."""
    return Translator(load_checkpoint(folder, CPU))


class Writing:
    """One hypothesis, whose model likes all pieces alike and looks where it is told to."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        source: str,
        heed: float = 0.0,
        reworded: Set[str] = frozenset(),
        languages: tuple[str, str] = ("en", "xx"),
    ) -> None:
        self.tokenizer, self.source = tokenizer, tokenizer.encode(source)
        self.text = "".join(tokenizer.texts[piece] for piece in self.source)
        found = CopyConstraints.of(
            [self.source], [reworded], tokenizer, Frequencies(), languages, heed, CPU
        )
        assert found is not None
        self.verbatim = found

    def look(self, at: str) -> Tensor:
        """All attention on a part of the source."""
        start = self.text.index(at)
        ends = accumulate(len(self.tokenizer.texts[piece]) for piece in self.source)
        found = torch.tensor([start < end <= start + len(at) for end in ends] + [False])
        return (found / found.sum())[None]

    def next(self, at: str) -> Tensor:
        """(V,) how likely each piece is now."""
        log_probs = torch.full((1, len(self.tokenizer)), 1 / len(self.tokenizer)).log()
        self.verbatim.guide(log_probs, self.look(at))
        return log_probs[0].exp()

    def may(self, at: str) -> set[str]:
        """The texts of the pieces that may be said."""
        likely = self.next(at)
        return {self.tokenizer.texts[piece] for piece in likely.nonzero()[:, 0].tolist()}

    def say(self, text: str, at: str) -> "Writing":
        """Say a text while looking somewhere."""
        for piece in self.tokenizer.encode(text):
            if piece != self.tokenizer.space:
                self.verbatim = self.verbatim.goes_on(torch.tensor([piece]), self.look(at))
        return self


def digits(texts: set[str]) -> set[str]:
    return {text for text in texts if text.strip().isdigit()}


def test_digits_begin_a_number_of_the_source_and_are_gone_on_with(tokenizer: Tokenizer) -> None:
    writing = Writing(tokenizer, "In 1984 he ran 27 miles")

    assert digits(writing.may("he")) == {"1", "2"}
    assert writing.say("1", "1984").may("1984") == {"9"}
    assert writing.say("9", "1984").say("8", "he").may("he") == {"4"}
    writing.say("4", "he")
    assert digits(writing.may("27")) == set()  # it is said, and nothing may cling to it
    writing.say("he", "he")
    assert digits(writing.may("27")) == {"2"}


def test_of_numbers_that_begin_alike_the_one_is_begun_that_is_looked_at(
    tokenizer: Tokenizer,
) -> None:
    writing = Writing(tokenizer, "In 1984 or 1927 he ran")

    assert writing.say("1", "1927").say("9", "1927").may("1927") == {"2"}


def test_a_number_begins_neither_within_another_nor_behind_it(tokenizer: Tokenizer) -> None:
    within, behind = Writing(tokenizer, "In 1927 or 27"), Writing(tokenizer, "ran 27o 5 miles")

    within.say("1", "1927").say("9", "1927").say("2", " 27").say("7", " 27")
    assert within.verbatim.missing.tolist() == [1]
    assert digits(behind.say("2", "27").say("7", "27").may("5")) == set()
    assert digits(behind.say("o", "o").may("5")) == {"5"}


def test_another_sign_may_part_the_digits_of_a_number(tokenizer: Tokenizer) -> None:
    writing = Writing(tokenizer, "it cost 5,000")

    assert writing.say("5", "5").may("5") <= {".", ",", ":", "'"}
    assert {".", ","} <= writing.may("5")
    assert writing.next("5").sum() == pytest.approx(1.0)
    assert writing.say(".", "5").may("5") == {"0"}


def test_the_digits_of_an_amount_are_parted_as_the_target_language_does(
    tokenizer: Tokenizer,
) -> None:
    writing = Writing(tokenizer, "it cost $5,000 so", languages=("en", "de"))

    assert writing.say("5", "5").may("5") == {"."}
    assert writing.say(".", "5").may("5") == {"0"}


def test_what_is_no_number_is_begun_only_where_it_is_looked_at(tokenizer: Tokenizer) -> None:
    away, there = Writing(tokenizer, "he ran %d miles"), Writing(tokenizer, "he ran %d miles")

    assert len(away.say("%", "miles").may("miles")) > 1
    assert there.say("%", "%d").may("miles") == {"d"}


def test_no_other_sign_stands_in_what_is_no_number(tokenizer: Tokenizer) -> None:
    writing = Writing(tokenizer, "he ran <b.s>")

    assert writing.say("<", "<b.s>").say("b", "he").may("he") == {"."}


def test_no_letter_clings_to_a_span_that_stands_apart(tokenizer: Tokenizer) -> None:
    apart, within = Writing(tokenizer, "ran %d so"), Writing(tokenizer, "ran 27o")

    may = apart.say("%", "%d").say("d", "%d").may("so")
    assert {" ", "."} <= may
    assert not {"r", "o", "8"} & may
    assert {"r", "o"} <= within.say("2", "27").say("7", "27").may("o")


def test_a_span_that_is_looked_at_is_begun_where_that_is_heeded(tokenizer: Tokenizer) -> None:
    quiet = Writing(tokenizer, "he ran 27 miles")
    heeding = Writing(tokenizer, "he ran 27 miles", heed=0.9)
    [space] = {piece for piece in heeding.source if piece == tokenizer.space}

    assert quiet.next("27")[space] == pytest.approx(1 / len(tokenizer))
    assert heeding.next("27")[space] == pytest.approx(0.9 + 0.1 / len(tokenizer))
    assert heeding.next("he")[space] == pytest.approx(1 / len(tokenizer))


def test_spans_that_share_their_pieces_get_no_more_than_there_is(tokenizer: Tokenizer) -> None:
    writing = Writing(tokenizer, "On %d miles 27", heed=0.9)
    every = torch.ones_like(writing.verbatim.source)
    writing.verbatim = replace(writing.verbatim, source=every)

    assert writing.next("miles").sum() == pytest.approx(1.0, abs=0.05)


def test_a_translation_hardly_ends_before_all_is_said(tokenizer: Tokenizer) -> None:
    writing, told = Writing(tokenizer, "he ran 27"), Writing(tokenizer, "he ran 27")
    told.say("2", "27").say("7", "27")

    assert writing.verbatim.missing.tolist() == [1]
    assert told.verbatim.missing.tolist() == [0]
    ends = writing.next("he")[EOS].log() - told.next("he")[EOS].log()
    assert ends == pytest.approx(-OWED)


def test_a_span_that_is_said_in_other_words_is_let_go(tokenizer: Tokenizer) -> None:
    writing = Writing(tokenizer, "he ran 27 miles in 1984", reworded={"27"})

    assert digits(writing.may("he")) == {"1"}
    assert writing.verbatim.missing.tolist() == [1]


def test_sentences_without_spans_have_none(tokenizer: Tokenizer) -> None:
    sources = [tokenizer.encode(text) for text in ("he ran", "so it cost", "")]

    assert (
        CopyConstraints.of(sources, [set()] * 3, tokenizer, Frequencies(), ("en", "de"), 0.0, CPU)
        is None
    )


word = st.sampled_from(["the", "cat", "12", "1,250.50", "2014", "7", "{n}", "%s", "<b>", "a@b.de"])
sentence = st.lists(word, min_size=1, max_size=4).map(" ".join)


@settings(max_examples=15, deadline=None)
@given(source=sentence, beam=st.integers(1, 2))
def test_a_translation_has_no_numbers_but_those_of_its_source(
    untrained: Translator, source: str, beam: int
) -> None:
    [translation] = untrained.translate([source], SearchConfig(beam=beam), memory=False)

    wanted, found = (Counter(re.findall("[0-9]+", text)) for text in (source, translation.text))
    if re.search(r"(^| )[0-9]", source):
        assert found <= wanted
    assert translation.missing == missing_placeables(source, translation.text)


@settings(max_examples=6, deadline=None)
@given(sources=st.lists(sentence, min_size=2, max_size=3))
def test_spans_are_said_alike_in_any_company(untrained: Translator, sources: list[str]) -> None:
    config = SearchConfig(beam=2)
    together = untrained.translate(sources, config, memory=False)

    for source, found in zip(sources, together, strict=True):
        [alone] = untrained.translate([source], config, memory=False)
        assert found.text == alone.text


def test_nothing_is_kept_where_that_is_not_wanted(untrained: Translator) -> None:
    config = SearchConfig(beam=2)
    [kept] = untrained.translate(["the cat 2014"], config, memory=False)
    [free] = untrained.translate(["the cat 2014"], replace(config, verbatim=False), memory=False)

    assert "2014" in kept.text
    assert "2014" not in free.text
