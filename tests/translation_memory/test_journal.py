"""The list of what was shown: which pairs are remembered, from where, and what owns an entry."""

import pytest
import torch
from conftest import SENTENCES

from rarenmt.errors import DataError, SettingError
from rarenmt.text.pairs import Pair
from rarenmt.translation_memory.journal import Call, Journal, now

CAT, DOG, BIRD, WATER = (
    Pair(s, t, "sentences.tsv", i, time=0) for i, (s, t) in enumerate(SENTENCES, start=1)
)
CAT_AGAIN = Pair(CAT.source, CAT.target, "other.tsv", 7, time=0)


def shown(*calls: list[Pair]) -> Journal:
    journal = Journal()
    for pairs in calls:
        journal.append(Call(pairs))
    return journal


def test_a_pair_keeps_its_first_location() -> None:
    journal = Journal()

    assert journal.append(Call([CAT, DOG])) == [0, 1]
    assert journal.append(Call([CAT_AGAIN, BIRD])) == [2]

    assert journal.pairs == [CAT, DOG, BIRD]
    assert list(journal.lines()) == [CAT, DOG, CAT_AGAIN, BIRD]
    assert journal.pair_number(CAT_AGAIN) == 0


def test_what_was_shown_for_a_sentence_comes_before_what_was_for_one_worded_alike() -> None:
    three, five = Pair("Gate 3", "Flugsteig 3", "a.tsv", 1), Pair("Gate 5", "Tor 5", "a.tsv", 2)
    journal = shown([three], [five])

    said = {gate: journal.match(f"Gate {gate}") for gate in (3, 5, 8)}

    assert {gate: own and own.text for gate, own in said.items()} == {
        3: "Flugsteig 3", 5: "Tor 5", 8: "Tor 8"
    }  # fmt: skip
    assert journal.exact_match("Gate 8") is None
    assert journal.match("Gate eight") is None
    assert journal.match("") is None
    assert journal.match("!") is None


def test_a_line_was_shown_before_whenever_that_was() -> None:
    journal = shown([CAT])

    assert journal.has_line(Pair(CAT.source, CAT.target, CAT.path, CAT.line, time=99))
    assert journal.has_pair(CAT_AGAIN)
    assert not journal.has_line(CAT_AGAIN)


def test_a_pair_contradicts_those_before_it_with_the_same_source() -> None:
    bank, ufer, sofa = (Pair("bank", t, "a", i) for i, t in enumerate(["Bank", "Ufer", "Sofa"]))
    journal = shown([bank], [ufer, sofa])

    assert journal.conflicting(bank) == []
    assert journal.conflicting(sofa) == [bank, ufer]


def test_calls_without_some_lines_forget_empty_calls() -> None:
    journal = shown([CAT, DOG], [BIRD], [CAT_AGAIN, WATER])

    assert journal.without([2, 3]) == [Call([CAT, DOG]), Call([WATER])]
    assert journal.without([]) == journal.calls
    assert journal.without(range(5)) == []


def test_the_slots_of_each_pair_stand_in_the_order_of_its_positions() -> None:
    owners = [(2, 1), (0, 2), (2, 0), (0, 0), (2, 4), (1, 0)]  # pair and position of each slot
    journal = shown([CAT, DOG, BIRD, WATER])
    numbers, positions = torch.tensor(owners).unbind(dim=1)
    journal.assign_slots(numbers, positions, torch.zeros(6, 2), torch.arange(6))

    assert [slots.tolist() for slots in journal.slots_by_pair(6)] == [[3, 1], [5], [2, 0, 4], []]
    assert [slots.tolist() for slots in journal.slots_by_pair(4)] == [[3, 1], [], [2, 0], []]
    assert [journal.owner(slot) for slot in (0, 3, 5)] == [BIRD, CAT, DOG]
    assert Journal().slots_by_pair(0) == []


def test_the_clock_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert now() == 1_700_000_000

    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert now() > 1_700_000_000


@pytest.mark.parametrize("wrong", ["yesterday", "-1", "1.5", "٣", "9" * 20])
def test_a_clock_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)

    with pytest.raises(SettingError, match="expected seconds since 1970"):
        now()


def test_lines_are_selected_by_location_file_text_and_last_call() -> None:
    journal = shown([CAT, DOG], [CAT_AGAIN, BIRD])
    here, there = f"{DOG.path}:{DOG.line}", f"{CAT_AGAIN.path}:{CAT_AGAIN.line}"

    assert journal.select([there, here]) == [1, 2]
    assert journal.select(files=[CAT.path]) == [0, 1, 3]
    assert journal.select(texts=[CAT.target.upper()]) == [0, 2]
    assert journal.select([here], last_call=True) == [1, 2, 3]
    assert journal.select() == []


def test_units_of_one_line_are_selected_together_or_by_number() -> None:
    units = [Pair(f"word {i}", f"Wort {i}", "a#1:b.tmx", 5, number=i) for i in (1, 2, 3)]
    journal = shown([CAT, *units])

    assert [pair.location for pair in units] == ["a#1:b.tmx:5", "a#1:b.tmx:5#2", "a#1:b.tmx:5#3"]
    assert journal.select(["a#1:b.tmx:5"]) == [1, 2, 3]
    assert [journal.select([f"a#1:b.tmx:5#{i}"]) for i in (1, 2, 3)] == [[1], [2], [3]]
    assert journal.select([units[2].location, f"{CAT.path}:{CAT.line}#1"]) == [0, 3]
    with pytest.raises(DataError, match=r"^a#1:b.tmx:5#4: no unit 4 on line 5 of 'a#1:b.tmx' is"):
        journal.select(["a#1:b.tmx:5#4"])
    for wrong in ("a#1:b.tmx:#2", "a#1:b.tmx:5#", "a#1:b.tmx:5#x", "5#1"):
        with pytest.raises(DataError, match="not a location; expected FILE:LINE"):
            journal.select([wrong])


def test_what_each_criterion_matches_is_told() -> None:
    journal = shown([CAT, DOG], [CAT_AGAIN])
    here = f"{CAT.path}:{CAT.line}"

    found = journal.matches([here], files=[CAT.path], texts=["cat"], last_call=True)

    assert found == [
        (here, [0]), (f"file {CAT.path}", [0, 1]), ("text 'cat'", [0, 2]), ("last call", [2])
    ]  # fmt: skip


def test_a_criterion_that_selects_nothing_is_an_error() -> None:
    journal = shown([CAT])

    with pytest.raises(DataError, match=r"^sentences.tsv: not a location; expected FILE:LINE$"):
        journal.select([CAT.path])
    with pytest.raises(DataError, match=r"^sentences.tsv:9: no line 9 of 'sentences.tsv'"):
        journal.select([f"{CAT.path}:{CAT.line}", "sentences.tsv:9"])
    with pytest.raises(DataError, match=r"^other.tsv: no line of this file"):
        journal.select(files=["other.tsv"])
    with pytest.raises(DataError, match=r"^dog: no remembered pair contains this text"):
        journal.select(texts=["dog"])
    with pytest.raises(DataError, match="nothing is remembered"):
        Journal().select(last_call=True)
