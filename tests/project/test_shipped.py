"""The checkpoint that comes with the program, and the promises of the README about it."""

import os
import re
import sys
from pathlib import Path

import pytest
import torch
from conftest import Command
from readme_example import example, play
from shipped import remembering

from rarenmt.config import SearchConfig
from rarenmt.text.pairs import Pair

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "data" / "demo"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a memory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RARENMT_MEMORY", "memory.safetensors")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return tmp_path


def test_the_example_of_the_readme_is_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)

    found = play(example(), tmp_path)

    assert found == example()
    assert "Dostojewski: file.txt:1" in found


def test_the_explanation_of_the_example_adds_up() -> None:
    source, target = "Dostoevsky wrote this novel.", "Dostojewski schrieb diesen Roman."
    pair = Pair(source, target, "file.txt", 1, time=0)
    translator = remembering(pair)

    [translation] = translator.translate(["I read Dostoevsky every winter."], SearchConfig())

    assert translation.memory_words() == [("Dostojewski", pair)]
    [word] = [word for word in translation.words() if word.pair]
    [entry] = word.entries
    assert pair.target[slice(*entry.span)] == "Dostojewski"
    assert 0.5 < word.weight == pytest.approx(entry.weight)
    [part] = translation.parts
    assert part.source_words() == ["I", "read", "Dostoevsky", "every", "winter", ".", ""]
    assert max(range(7), key=word.attention.__getitem__) == 2
    for token in translation.tokens:
        assert sum(token.attention) == pytest.approx(1.0, abs=1e-5)


def corrected(source: str, target: str, sentence: str) -> str:
    """A sentence after a pair was remembered."""
    translator = remembering(Pair(source, target, "file.txt", 1, time=0))
    return translator.translate(sentence).text


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("When is the standup?", "die Morgenrunde"),  # not *Die*, as the pair begins
        ("I missed the standup yesterday.", "die Morgenrunde"),  # not *den*
        ("The standup is over.", "Die Morgenrunde"),
    ],
)
def test_the_article_before_a_remembered_word_fits_the_sentence(sentence: str, wanted: str) -> None:
    assert wanted in corrected("The standup is at nine.", "Die Morgenrunde ist um neun.", sentence)


@pytest.mark.parametrize(
    ("term", "translation", "sentence"),
    [
        ("dashboard", "Übersichtsseite", "Please open the new dashboard and check the numbers."),
        ("share", "Aktie", "The price of the share fell again on Monday."),
        ("order number", "Auftragsnummer", "Please tell me the order number of your purchase."),
        ("prior art", "Stand der Technik", "The prior art does not show this solution."),
        ("purchase order", "Bestellung", "I have sent you the purchase order."),
        ("best before date", "Mindesthaltbarkeitsdatum", "The best before date is on the lid."),
    ],
)
def test_a_glossary_is_used_in_long_sentences(term: str, translation: str, sentence: str) -> None:
    assert translation in corrected(term, translation, sentence)


@pytest.mark.parametrize(
    ("term", "translation", "sentence"),
    [
        ("purchase order", "Bestellung", "Acme sent us a purchase order on Monday."),
        ("sourdough", "Sauerteig", "Petrov bakes bread with sourdough."),
        ("Norway", "Norwegen", "Bergen is a wet town in Norway."),
        ("lighthouse", "Leuchtturm", "Henrik saw the lighthouse from the ferry."),
        ("kiln", "Brennofen", "The potter heats the kiln at night."),
    ],
)
def test_a_term_stands_for_no_other_word_that_the_model_does_not_know(
    term: str, translation: str, sentence: str
) -> None:
    words = corrected(term, translation, sentence).rstrip(".").split()

    assert words.count(translation) == 1
    assert words[0] != translation


def test_an_article_that_no_hypothesis_had_agrees() -> None:
    pair = "We need a waiver.", "Wir brauchen eine Verzichtserklärung."

    assert "die Verzichtserklärung" in corrected(*pair, "Did you sign the waiver?")
    assert "Die Verzichtserklärung" in corrected(*pair, "The waiver is on the table.")


@pytest.mark.parametrize(
    ("pair", "sentence", "determiner"),
    [
        (("The midwife came at once.", "Die Hebamme kam sofort."), "Oksana is a midwife.", "eine"),
        (
            ("The stapler is empty.", "Der Tacker ist leer."),
            "Unfortunately, the stapler jams.",
            "der",
        ),
        (
            ("The quokka eats leaves.", "Das Quokka frisst Blätter."),
            "Bergen Zoo has a quokka.",
            "ein",
        ),
    ],
)
def test_a_word_keeps_the_gender_of_its_pair(
    pair: tuple[str, str], sentence: str, determiner: str
) -> None:
    words = corrected(*pair, sentence).rstrip(".").split()
    word = pair[1].split()[1]

    assert words[words.index(word) - 1] == determiner


def test_numbers_and_placeholders_stand_in_the_translation_as_in_the_source() -> None:
    translator = remembering()
    kept = {
        "There were 137 people at our school.": "137",
        "The meeting starts at 10:30.": "10[:.]30",
        "The file has 1,250,000 lines.": "1[.,]250[.,]000",
        "Hello %1$s, you have {{count}} messages.": r"%1\$s.*\{\{count\}\}",
        "See https://example.org/docs/index.html?page=2 for details.":
            r"https://example\.org/docs/index\.html\?page=2",
        "Send it to anna.meyer@example.org.": r"anna\.meyer@example\.org",
        "Set MAX_SIZE in /etc/rarenmt.conf.": "MAX_SIZE.*/etc/rarenmt.conf",
    }  # fmt: skip

    found = translator.translate(list(kept))

    for translation, pattern in zip(found, kept.values(), strict=True):
        assert re.search(pattern, translation.text), translation.text


def test_a_number_that_a_pair_words_otherwise_is_worded_so(rarenmt: Command, home: Path) -> None:
    (home / "x.tsv").write_text(
        "The train leaves at 2:30 p.m.\tDer Zug fährt um 14.30 Uhr ab.\n"
        "We are open 24/7.\tWir haben rund um die Uhr geöffnet.\n"
    )

    found = rarenmt("translate", "--with", "x.tsv", stdin=b"The bus leaves at 2:30 p.m.\n").out

    assert "14.30 Uhr" in found.decode()
    asked = b"We are open 12 hours and 24/7.\n"
    assert "rund um die Uhr" in rarenmt("translate", "--with", "x.tsv", stdin=asked).out.decode()
    assert "12" in rarenmt("translate", "--with", "x.tsv", stdin=asked).out.decode()


def test_what_was_remembered_changes_nothing_else(rarenmt: Command, home: Path) -> None:
    sentences = b"Tom likes this book.\nWhere do you live?\nThe sky is blue.\n"
    before = rarenmt("translate", stdin=sentences).out

    rarenmt("remember", DEMO / "pairs.tsv")

    assert rarenmt("translate", stdin=sentences).out == before


def test_the_words_of_the_demo_come_out_whole_and_say_where_from(
    rarenmt: Command, home: Path
) -> None:
    words = ["Dostojewski", "Kurzschwanzkänguru", "Drehleier", "Morgenrunde", "Wilna"]
    sentences = (DEMO / "sentences.en").read_bytes()
    before = rarenmt("translate", stdin=sentences).out.splitlines()

    rarenmt("remember", DEMO / "pairs.tsv")

    after = rarenmt("translate", "--explain", stdin=sentences).out.splitlines()
    for number, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        text, tab, sources = new.partition(b"\t")
        assert text != old
        assert tab
        word = words[number - 1]
        assert re.findall(rf"(?<!\w){word}(?!\w)", text.decode()) == [word]
        assert f"{word}: {DEMO / 'pairs.tsv'}:{number}" in sources.decode()


def test_threads_and_batches_change_no_byte(rarenmt: Command, home: Path) -> None:
    """Of the memory and of the translations; matrix kernels could add up in another order."""
    lines = (DEMO / "sentences.en").read_bytes().splitlines(keepends=True)
    threads, memories, found = torch.get_num_threads(), [], []
    try:
        for count, sentences in [(1, lines), (2, lines), (3, lines[::-1]), (1, lines * 9)]:
            torch.set_num_threads(count)
            (home / "memory.safetensors").unlink(missing_ok=True)
            rarenmt("remember", DEMO / "pairs.tsv")
            memories.append((home / "memory.safetensors").read_bytes())
            out = rarenmt("translate", "--explain", stdin=b"".join(sentences)).out
            found.append(set(out.splitlines()))
    finally:
        torch.set_num_threads(threads)
    assert memories == memories[:1] * 4
    assert found == found[:1] * 4
    assert len(found[0]) == len(lines)


def test_weight_files_can_be_committed_anywhere() -> None:
    sizes = [path.stat().st_size for path in (ROOT / "checkpoints").rglob("*") if path.is_file()]

    assert max(sizes) <= 16_000_000
    assert sum(sizes) <= 40_000_000


@pytest.mark.parametrize(
    ("pair", "sentence", "word"),
    [
        (('I see a "quokka".', 'Ich sehe ein "Quokka".'), "My quokka is old.", " Quokka"),
        (("I like the standup.", "Ich mag die Runde."), 'The "standup" was short.', "Runde"),
        (("The wombat is here.", "Der Wombat ist hier."), 'What is a "wombat"?', "Wombat"),
    ],
)  # fmt: skip
def test_quotation_marks_and_hyphens_hide_no_word(
    pair: tuple[str, str], sentence: str, word: str
) -> None:
    translator = remembering()
    translator.memory.remember([Pair(*pair, "file.txt", 1, time=0)])

    [translation] = translator.translate([sentence], SearchConfig())

    assert word in translation.text
