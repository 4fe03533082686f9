"""Which words translate which: learnt from links, kept as lines, unknown where there is no file."""

from pathlib import Path

import pytest
from conftest import SENTENCES, Command

from rarenmt.errors import CheckpointError
from rarenmt.model.checkpoint import LEXICON, load_tokenizer
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.words import UNALIGNED


def test_links_seen_often_enough_are_translations(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    pairs = [
        (tokenizer.encode(source), tokenizer.encode(target))
        for source, target in [("the cat", "Die Katze")] * 2 + [("a dog", "Die Katze")]
    ]
    words = len(tokenizer.words(pairs[0][1]))
    assert words == 2

    lexicon = Lexicon.learn(pairs, [[0, 1], [UNALIGNED, 1], [0, 1]], tokenizer)

    assert lexicon.sources("katze") == {"cat"}
    assert lexicon.sources("die") == set()  # each link was seen once
    assert lexicon.sources("hund") == set()


def test_what_is_learnt_of_stray_spaces_can_be_loaded(folder: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(folder)
    source, target = tokenizer.encode("the   cat"), tokenizer.encode("Die Katze")
    heard = tokenizer.words(source)
    assert "" in heard
    rows = [[heard.index(""), heard.index("cat")]] * 2

    lexicon = Lexicon.learn([(source, target)] * 2, rows, tokenizer)

    lexicon.save(tmp_path / LEXICON)
    assert Lexicon.load(tmp_path / LEXICON).sources("katze") == {"cat"}
    assert len(lexicon) == 1


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    lexicon = Lexicon([("wrote", "schrieb"), ("writing", "schrieb"), ("bank", "ufer")])

    lexicon.save(tmp_path / LEXICON)

    assert (tmp_path / LEXICON).read_text() == "bank\tufer\nwriting\tschrieb\nwrote\tschrieb\n"
    loaded = Lexicon.load(tmp_path / LEXICON)
    assert (len(loaded), loaded.sources("schrieb")) == (3, {"wrote", "writing"})


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert len(Lexicon.load(tmp_path / LEXICON)) == 0


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / LEXICON).write_text("wrote schrieb\n")

    with pytest.raises(CheckpointError, match=r"lexicon.tsv:1: no tab.*copy the whole checkpoint"):
        Lexicon.load(tmp_path / LEXICON)


def test_training_with_alignment_writes_it_and_the_next_training_keeps_it(
    rarenmt: Command, number_format: str, tmp_path: Path
) -> None:
    text = tmp_path / "text.tsv"
    text.write_text("".join(f"{s}\t{t}\n" for s, t in SENTENCES * 3), "utf-8")
    common = (
        "--dev", text, "--steps", "1", "--device", "cpu", "--episodes", "0", number_format,
    )  # fmt: skip

    first = rarenmt(
        "train", text, "-o", tmp_path / "first", *common, "--preset", "tiny", "--vocabulary", "310",
        "--align", "0.5",
    )  # fmt: skip
    assert first.status == 0, first.err
    learnt = Lexicon.load(tmp_path / "first" / LEXICON)
    assert "cat" in learnt.sources("katze")

    next_one = rarenmt(
        "train", text, "-o", tmp_path / "next", *common, "--from", tmp_path / "first"
    )
    assert next_one.status == 0, next_one.err
    assert (tmp_path / "next" / LEXICON).read_bytes() == (tmp_path / "first" / LEXICON).read_bytes()
