"""Words of a text find the words that they translate, and training is told which."""

import random
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.text.batch import Ids, pair_batch
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import UNALIGNED
from rarenmt.training.aligner import Alignments, align

ANIMALS = {
    "cat": "Katze", "dog": "Hund", "bird": "Vogel", "mouse": "Maus", "horse": "Pferd",
    "cow": "Kuh", "duck": "Ente", "bear": "Bär",
}  # fmt: skip
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Spells animals in few pieces, and all else in many."""
    return Tokenizer.train([*ANIMALS, *ANIMALS.values(), "und", *"abcdefghijklmnop"] * 20, 300)


def text(count: int, seed: int = 1) -> list[tuple[list[str], list[str]]]:
    """Animals, and the same in German in another order, now and then with another word."""
    rng, found = random.Random(seed), []
    for _ in range(count):
        animals = rng.sample(sorted(ANIMALS), rng.randint(2, 5))
        german = [ANIMALS[animal] for animal in rng.sample(animals, len(animals))]
        if rng.random() < 0.3:
            german.insert(rng.randint(0, len(german)), "und")
        found.append((animals, german))
    return found


def encode(tokenizer: Tokenizer, pairs: list[tuple[list[str], list[str]]]) -> list[tuple[Ids, Ids]]:
    return [(tokenizer.encode(" ".join(s)), tokenizer.encode(" ".join(t))) for s, t in pairs]


def linked(
    tokenizer: Tokenizer, pairs: list[tuple[list[str], list[str]]]
) -> list[list[str | None]]:
    """For each target word the source word that it is linked to."""
    rows = align(encode(tokenizer, pairs), tokenizer)
    return [
        [None if number == UNALIGNED else source[number] for number in row]
        for (source, _), row in zip(pairs, rows, strict=True)
    ]


@pytest.mark.parametrize(
    "order", [lambda animals: animals[::-1], lambda animals: animals[1:] + animals[:1]]
)
def test_words_are_linked_to_what_they_translate_whatever_the_order(
    order: Callable[[list[str]], list[str]], tokenizer: Tokenizer
) -> None:
    pairs = [(source, [ANIMALS[animal] for animal in order(source)]) for source, _ in text(60)]

    assert linked(tokenizer, pairs) == [order(source) for source, _ in pairs]


def test_nearly_all_links_are_right_where_a_word_translates_nothing(tokenizer: Tokenizer) -> None:
    pairs = text(200)
    english = {german: animal for animal, german in ANIMALS.items()}

    found = [word for row in linked(tokenizer, pairs) for word in row]

    wanted = [english.get(word) for _, target in pairs for word in target]
    right = [word == other for word, other in zip(found, wanted, strict=True)]
    assert sum(right) >= 0.97 * len(right)


def test_a_word_that_stands_once_is_linked_where_all_others_are_known(tokenizer: Tokenizer) -> None:
    pairs = [*text(200), (["bird", "gnom", "cat"], ["Katze", "Kobold", "Vogel"])]

    assert linked(tokenizer, pairs)[-1] == ["cat", "gnom", "bird"]


def test_a_name_is_linked_to_itself(tokenizer: Tokenizer) -> None:
    pairs = [*text(200), (["pam", "leo", "ida"], ["ida", "pam", "leo"])]

    assert linked(tokenizer, pairs)[-1] == ["ida", "pam", "leo"]


def test_case_does_not_matter(tokenizer: Tokenizer) -> None:
    pairs = [*text(200), (["DOG", "Mouse", "bear"], ["bär", "maus", "HUND"])]

    assert linked(tokenizer, pairs)[-1] == ["bear", "Mouse", "DOG"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=4))
def test_any_text_has_links_that_lie_inside_its_sentences(
    tokenizer: Tokenizer, sides: list[tuple[str, str]]
) -> None:
    pairs = [(tokenizer.encode(source), tokenizer.encode(target)) for source, target in sides]

    rows = align(pairs, tokenizer)

    assert rows == align(pairs, tokenizer)
    for (source, target), row in zip(pairs, rows, strict=True):
        assert 1 <= len(row) <= max(1, len(target))
        assert all(number == UNALIGNED or 0 <= number < max(1, len(source)) for number in row)


def test_all_pieces_of_a_word_are_linked_to_all_of_its_translation(tokenizer: Tokenizer) -> None:
    pairs = encode(
        tokenizer, [*text(200), (["abcd", "cat"], ["Katze", "abcd"]), (["cat"], ["Katze"])]
    )
    links, numbers = Alignments(pairs, tokenizer), [200, 201]
    batch = pair_batch([pairs[number] for number in numbers], CPU)

    found = links.between(batch, numbers)

    cat, katze, name = (len(tokenizer.encode(word)) for word in ("cat", "Katze", "abcd"))
    assert name > 1
    wanted = torch.zeros(2, len(batch.outputs), len(batch.source.ids), dtype=torch.bool)
    wanted[0, :katze, name : name + cat] = True
    wanted[0, katze : katze + name, :name] = True
    wanted[1, :katze, :cat] = True
    assert torch.equal(found, wanted)
