"""How often words stand in the training text: counted, kept as lines, unknown without a file."""

import math
from pathlib import Path

import pytest
from conftest import SENTENCES, Command

from rarenmt.errors import CheckpointError
from rarenmt.model.checkpoint import WORDS
from rarenmt.text.lexicon.frequency import Frequencies


def test_words_are_counted_in_small_letters_as_often_as_an_epoch_shows_them() -> None:
    counts = Frequencies.from_texts(
        [(["The cat, the DOG!", "the end"], 1.0), (["a cat"], 4.0), (["b b b"], 0.1)]
    )

    assert "dog" in counts
    assert "DOG" not in counts
    # the 3 · cat 1 + 4 · dog 1 · end 1 · a 4 · b at least 1
    assert counts.information("the") == pytest.approx(math.log(15 / 3))
    assert counts.information("cat") == pytest.approx(math.log(15 / 5))
    assert counts.information("b") == pytest.approx(math.log(15))


def test_an_unseen_word_is_as_rare_as_one_seen_once() -> None:
    assert Frequencies({"a": 9, "b": 1}).information("c") == pytest.approx(math.log(10))
    assert Frequencies().information("c") == 0


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    Frequencies({"zebra": 1, "because": 702}).save(tmp_path / WORDS)

    assert (tmp_path / WORDS).read_text() == "because\t702\nzebra\t1\n"
    loaded = Frequencies.load(tmp_path / WORDS)
    assert len(loaded) == 2
    assert loaded.information("because") == pytest.approx(math.log(703 / 702))
    assert len(Frequencies.load(tmp_path / "nowhere")) == 0


@pytest.mark.parametrize("line", ["because", "because\tmany", "because\t0", "because\t-1"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, line: str) -> None:
    (tmp_path / WORDS).write_text(f"a\t1\n{line}\n")

    with pytest.raises(CheckpointError, match=r"words.tsv:2: .*copy the whole checkpoint"):
        Frequencies.load(tmp_path / WORDS)


def test_training_counts_its_text_and_the_next_training_keeps_that(
    rarenmt: Command, number_format: str, tmp_path: Path
) -> None:
    text, other = tmp_path / "text.tsv", tmp_path / "other.tsv"
    text.write_text("".join(f"{s}\t{t}\n" for s, t in SENTENCES * 3), "utf-8")
    other.write_text("okapi\tOkapi\n" * 30, "utf-8")
    common = (
        "--dev", text, "--steps", "1", "--device", "cpu", "--episodes", "0", number_format,
    )  # fmt: skip

    first = rarenmt(
        "train", f"{text}@2", "-o", tmp_path / "first", *common,
        "--preset", "tiny", "--vocabulary", "310",
    )  # fmt: skip
    assert first.status == 0, first.err
    written = (tmp_path / "first" / WORDS).read_text()
    word = SENTENCES[0][0].split()[0].casefold()
    often = sum(s.casefold().split().count(word) for s, _ in SENTENCES)
    assert f"{word}\t{6 * often}\n" in written

    next_one = rarenmt(
        "train", other, "-o", tmp_path / "next", *common, "--from", tmp_path / "first"
    )
    assert next_one.status == 0, next_one.err
    assert (tmp_path / "next" / WORDS).read_text() == written
