"""What a translation says of its words."""

import pytest

from rarenmt.text.pairs import Pair
from rarenmt.translator.result import Entry, Origin, Part, Token, Translation, group_words

PAIR = Pair("s", "Dostojewski schrieb", "file.txt", 1)
OTHER = Pair("s", "Er las Dostojewskis Werk", "file.txt", 2)


def recalled(*entries: Entry, rest: float = 0.0) -> Origin:
    return Origin(sum(entry.weight for entry in entries) + rest, list(entries))


def said(*tokens: tuple[str, float]) -> Translation:
    pieces = [
        Token(piece, recalled(Entry(PAIR, (0, 1), 0.9, weight)) if weight else None)
        for piece, weight in tokens
    ]
    return Translation("", [Part([], pieces)])


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([("Ich", 0.1), (" Dosto", 0.9), ("jewski", 0.8), (".", 0.2)], ["Dostojewski"]),
        ([("Ich", 0.1), (" Dosto", 0.1), ("jewski", 0.8), (".", 0.9)], ["Dostojewski"]),
        ([("Ich", 0.1), (" lese", 0.4), (".", 0.1)], []),
        ([(" ", 0.9), ("Wort", 0.9)], ["Wort"]),
        ([(" E", 0.9), ("-Mail", 0.9), ("!", 0.9)], ["E-Mail"]),
        ([(" Gr", 0.9), ("", 0.9), ("ü", 0.9), ("ße", 0.9)], ["Grüße"]),
        ([(" हिन", 0.9), ("्", 0.9), ("दी", 0.9), ("।", 0.9)], ["हिन्दी"]),
    ],
)
def test_a_word_is_remembered_when_one_of_its_pieces_is(
    tokens: list[tuple[str, float]], words: list[str]
) -> None:
    assert [word for word, _ in said(*tokens).memory_words()] == words


def test_a_word_owes_the_memory_the_mean_of_its_pieces() -> None:
    [_, word, _] = said(("Ich", 0.0), (" Dosto", 0.9), ("jewski", 0.7), (".", 0.2)).words()

    assert word.text == "Dostojewski"
    assert word.weight == pytest.approx(0.8)


def test_the_entries_of_a_word_are_joined_by_pair_and_weigh_what_they_gave() -> None:
    dosto = [Entry(PAIR, (0, 5), 0.9, 0.6), Entry(OTHER, (7, 12), 0.8, 0.05)]
    jewski = [Entry(OTHER, (12, 18), 0.95, 0.9)]
    pieces = [Token(" Dosto", recalled(*dosto)), Token("jewski", recalled(*jewski, rest=0.04))]

    [word] = Part([], pieces).words()

    assert [(entry.pair, entry.span, entry.similarity) for entry in word.entries] == [
        (OTHER, (12, 18), 0.95),  # the other piece of it hardly spoke
        (PAIR, (0, 5), 0.9),
    ]
    assert [entry.weight for entry in word.entries] == pytest.approx([0.475, 0.3])
    assert word.weight == pytest.approx(0.795)
    assert word.pair == OTHER


def test_pieces_that_follow_each_other_in_a_pair_are_one_span() -> None:
    pieces = [
        Token(" Dosto", recalled(Entry(OTHER, (7, 12), 0.8, 0.9))),
        Token("jewski", recalled(Entry(OTHER, (12, 18), 0.8, 0.9))),
        Token("s", recalled(Entry(OTHER, (18, 19), 0.8, 0.5))),
    ]

    [word] = Part([], pieces).words()

    assert [OTHER.target[slice(*entry.span)] for entry in word.entries] == ["Dostojewskis"]


def test_a_word_looks_at_source_words() -> None:
    source = ["I", " Dosto", "evsky", ".", ""]
    tokens = [
        Token(" Dosto", None, (0.1, 0.5, 0.2, 0.2, 0.0)),
        Token("jewski", None, (0.0, 0.1, 0.7, 0.0, 0.2)),
    ]
    part = Part(source, tokens)

    [word] = part.words()

    assert part.source_words() == ["I", "Dostoevsky", ".", ""]
    assert word.attention == pytest.approx([0.05, 0.75, 0.1, 0.1])


def test_without_an_explanation_nothing_is_looked_at() -> None:
    [word] = Part([], [Token("Haus")]).words()

    assert (word.weight, word.entries, word.attention, word.pair) == (0.0, [], [], None)


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([], []),
        (["Ich", " lese"], ["Ich", " lese"]),
        ([" Dosto", "jewski", ".", ""], [" Dostojewski", ".", ""]),
        (["E", "-Mail", "!"], ["E-Mail", "!"]),
        (["", "a"], ["a"]),
    ],
)
def test_pieces_are_grouped_to_words(pieces: list[str], words: list[str]) -> None:
    assert ["".join(pieces[i] for i in word) for word in group_words(pieces)] == words


def test_a_translation_as_json_names_the_entries_behind_each_piece() -> None:
    entry = Entry(PAIR, (0, 11), 0.987654, 0.87654)
    tokens = [Token("Er"), Token(" Dostojewski", Origin(0.9, [entry]))]

    found = Translation("Er Dostojewski", [Part([], tokens, missing=["7"])]).to_dict()

    numbers = {"similarity": 0.9877, "weight": 0.8765}
    place = {"file": "file.txt", "line": 1}
    sides = {"source": "s", "target": "Dostojewski schrieb"}
    memory = {**place, "similarity": 0.9877, "weight": 0.9}
    assert found == {
        "translation": "Er Dostojewski",
        "lacks": ["7"],
        "tokens": [
            {"piece": "Er"},
            {
                "piece": " Dostojewski",
                "memory": {**memory, "entries": [{**place, **sides, **numbers}]},
            },
        ],
    }
    assert list(Translation("", []).to_dict()) == ["translation", "tokens"]
