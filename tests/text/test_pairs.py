"""Sentence pairs from files: lines stay whole, and every complaint is one exact sentence."""

import gzip
import io
import lzma
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from conftest import as_an_ordinary_user

from rarenmt.errors import DataError, RareError, StorageError
from rarenmt.text.corpus.reader import read_corpus
from rarenmt.text.pairs import (
    LONGEST_LINE,
    Pair,
    parse_pair,
    parse_pairs,
    read_pairs,
    read_parallel,
    read_sentences,
    split_lines,
)

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.compress, ".gz": gzip.compress}


def texts(pairs: Iterable[Pair]) -> list[tuple[str, str]]:
    return [(pair.source, pair.target) for pair in pairs]


def complaint(read: Callable[[], Iterable[object]]) -> str:
    """The sentence with which reading ends."""
    with pytest.raises(RareError) as caught:
        list(read())
    return str(caught.value)


@pytest.fixture
def tsv(tmp_path: Path) -> Callable[..., Path]:
    """Writes bytes as a TSV file."""

    def write(content: bytes, name: str = "pairs.tsv") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def parallel(folder: Path, source: bytes, target: bytes) -> tuple[Path, Path]:
    (folder / "a.en").write_bytes(source)
    (folder / "a.de").write_bytes(target)
    return folder / "a.en", folder / "a.de"


# What is read


def test_a_pair_knows_where_it_stands(tsv: Callable[..., Path]) -> None:
    path = tsv(b"cat\tKatze\nwater\tWasser\n")

    assert list(read_pairs(path)) == [
        Pair("cat", "Katze", str(path), 1),
        Pair("water", "Wasser", str(path), 2),
    ]


def test_blank_lines_are_skipped_and_counted(tsv: Callable[..., Path]) -> None:
    path = tsv(b"\ncat\tKatze\n  \n\t\nwater\tWasser\n\n")

    assert [(pair.source, pair.line) for pair in read_pairs(path)] == [("cat", 2), ("water", 5)]


def test_the_last_line_needs_no_line_feed(tsv: Callable[..., Path]) -> None:
    assert texts(read_pairs(tsv(b"cat\tKatze"))) == [("cat", "Katze")]


def test_windows_line_ends_are_no_part_of_a_sentence(tsv: Callable[..., Path]) -> None:
    path = tsv(b"cat\tKatze\r\n\r\nwater\tWasser\r\n")

    assert texts(read_pairs(path)) == [("cat", "Katze"), ("water", "Wasser")]


def test_a_byte_order_mark_at_the_start_is_dropped(tsv: Callable[..., Path]) -> None:
    path = tsv("\ufeffcat\tKatze\n\ufeffwater\tWasser\n".encode())

    assert texts(read_pairs(path)) == [("cat", "Katze"), ("\ufeffwater", "Wasser")]


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x85", "\r"])
def test_lines_end_at_line_feeds_only(odd: str, tsv: Callable[..., Path]) -> None:
    path = tsv(f"big{odd}cat\tgroße{odd}Katze\nwater\tWasser\n".encode())

    assert texts(read_pairs(path)) == [(f"big{odd}cat", f"große{odd}Katze"), ("water", "Wasser")]


def test_spaces_around_a_side_are_kept(tsv: Callable[..., Path]) -> None:
    assert texts(read_pairs(tsv(b" cat \t Katze \n"))) == [(" cat ", " Katze ")]


@pytest.mark.parametrize("suffix", [".xz", ".gz"])
def test_a_compressed_file_is_read_directly(suffix: str, tsv: Callable[..., Path]) -> None:
    path = tsv(COMPRESSORS[suffix](b"cat\tKatze\n"), f"pairs.tsv{suffix}")

    assert list(read_pairs(path)) == [Pair("cat", "Katze", str(path), 1)]


def test_a_line_of_the_greatest_length_is_read(tsv: Callable[..., Path]) -> None:
    path = tsv(b"cat\t" + b"K" * (LONGEST_LINE - 4) + b"\n")

    assert [len(pair.target) for pair in read_pairs(path)] == [LONGEST_LINE - 4]


def test_a_stream_is_read_line_by_line() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as incoming, open(writer, "wb", buffering=0) as outgoing:
        pairs = parse_pairs(split_lines(io.BufferedReader(incoming)), "stdin")
        outgoing.write(b"cat\tKatze\n")

        assert next(pairs) == Pair("cat", "Katze", "stdin", 1)  # and stdin is not closed yet


def test_reading_begins_when_it_is_asked_for(tmp_path: Path) -> None:
    read_pairs(tmp_path / "not there yet")


def test_a_blank_line_is_no_pair() -> None:
    assert parse_pair("\r", "pairs.tsv", 1) is None


# Two parallel files


def test_two_parallel_files_are_read_side_by_side(tmp_path: Path) -> None:
    source, target = parallel(tmp_path, b" cat \r\n\nwater\n", b"Katze\n \nWasser")

    assert list(read_parallel(source, target)) == [
        Pair("cat", "Katze", str(source), 1),
        Pair("water", "Wasser", str(source), 3),
    ]


def test_either_of_two_parallel_files_may_be_compressed(tmp_path: Path) -> None:
    source, target = tmp_path / "a.en.xz", tmp_path / "a.de.gz"
    source.write_bytes(lzma.compress(b"\xef\xbb\xbfcat\n"))
    target.write_bytes(gzip.compress(b"\xef\xbb\xbfKatze\n"))

    assert texts(read_parallel(source, target)) == [("cat", "Katze")]


@pytest.mark.parametrize(
    ("source", "target", "counts"),
    [
        (b"a\nb\nc\n", b"A\n", (3, 1)),
        (b"a\n", b"A\nB\nC\nD", (1, 4)),
        (b"a\nb\n", b"", (2, 0)),
        (b"a\n" * 1200, b"A\n" * 1201, ("1,200", "1,201")),
    ],
)
def test_parallel_files_of_different_length_are_counted(
    source: bytes, target: bytes, counts: tuple[object, object], tmp_path: Path
) -> None:
    first, second = parallel(tmp_path, source, target)

    assert complaint(lambda: read_parallel(first, second)) == (
        f"{first}: has {counts[0]} lines but {second} has {counts[1]}; "
        "parallel files need the same number"
    )


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_parallel_files_without_a_sentence_are_refused(content: bytes, tmp_path: Path) -> None:
    first, second = parallel(tmp_path, content, content)

    sentence = f"{first}: contains no sentence; expected one per line"
    assert complaint(lambda: read_parallel(first, second)) == sentence


def test_a_line_blank_on_one_side_names_the_file_that_has_it(tmp_path: Path) -> None:
    first, second = parallel(tmp_path, b"cat\nwater\n", b"Katze\n \n")
    problem = "a blank line that is not blank in the other file"

    assert complaint(lambda: read_parallel(first, second)) == f"{second}:2: {problem}"
    assert complaint(lambda: read_parallel(second, first)) == f"{second}:2: {problem}"


def test_a_tab_in_a_parallel_file_names_the_file_that_has_it(tmp_path: Path) -> None:
    first, second = parallel(tmp_path, b"cat\n", b"Ka\ttze\n")

    assert complaint(lambda: read_parallel(first, second)) == f"{second}:1: a tab inside a sentence"


def test_a_bad_byte_in_the_second_parallel_file_names_it(tmp_path: Path) -> None:
    first, second = parallel(tmp_path, b"cat\nwater\n", b"Katze\nW\xe4sser\n")

    sentence = complaint(lambda: read_parallel(first, second))

    assert sentence.startswith(f"{second}:2: byte 2 (0xe4) is not UTF-8")


# A corpus as one names it


def test_a_corpus_is_one_file_or_two_with_a_comma(tmp_path: Path) -> None:
    source, target = parallel(tmp_path, b"cat\n", b"Katze\n")
    (tmp_path / "pairs.tsv").write_bytes(b"dog\tHund\n")

    assert texts(read_corpus(f"{source},{target}", ("en", "de"))) == [("cat", "Katze")]
    assert texts(read_corpus(str(tmp_path / "pairs.tsv"), ("en", "de"))) == [("dog", "Hund")]


def test_a_file_with_a_comma_in_its_name_is_one_file(tsv: Callable[..., Path]) -> None:
    path = tsv(b"dog\tHund\n", "dogs,cats.tsv")

    assert texts(read_corpus(str(path), ("en", "de"))) == [("dog", "Hund")]


# What is refused


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"cat\tKatze\ncat\n", 2, "no tab; expected source<TAB>target"),
        (b"cat Katze\n", 1, "no tab; expected source<TAB>target"),
        (b"\n\ncat\tKatze\tchat\n", 3, "3 columns; expected source<TAB>target"),
        (b"cat\tKatze\t\n", 1, "3 columns; expected source<TAB>target"),
        (b"\tKatze\n", 1, "the source is empty; expected source<TAB>target"),
        (b"cat\t \n", 1, "the target is empty; expected source<TAB>target"),
        (
            b"cat\tKatze\nwater\tW\xe4sser\n",
            2,
            "byte 8 (0xe4) is not UTF-8; the file seems to be in ISO-8859-1; convert it first: "
            "iconv -f ISO-8859-1 -t UTF-8 FILE > NEW",
        ),
        (
            "Käse".encode() + b"\xc3",
            1,
            "byte 6 (0xc3) is not UTF-8; convert the file first, for example with iconv",
        ),
        (
            b"\xed\xa0\x80\tx",  # a lone surrogate
            1,
            "byte 1 (0xed) is not UTF-8; convert the file first, for example with iconv",
        ),
        (b"cat\tKat\0ze\n", 1, "a NUL byte; this is not a text file"),
        (
            b"cat\tKatze\ncat\t" + b"K" * 99_997 + b"\n",
            2,
            "over 100,000 bytes in one line; is this a text file?",
        ),
    ],
)
def test_a_bad_line_is_refused_with_its_number(
    content: bytes, line: int, problem: str, tsv: Callable[..., Path]
) -> None:
    path = tsv(content)

    assert complaint(lambda: read_pairs(path)) == f"{path}:{line}: {problem}"


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n", b"\xef\xbb\xbf"])
def test_a_file_without_a_pair_is_refused(content: bytes, tsv: Callable[..., Path]) -> None:
    path = tsv(content)

    assert complaint(lambda: read_pairs(path)) == (
        f"{path}: contains no sentence pair; expected source<TAB>target lines"
    )


def test_a_folder_is_no_text_file(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        list(read_pairs(tmp_path))

    sentence = f"{tmp_path}: is a folder; a text file was expected"
    assert complaint(lambda: read_pairs(tmp_path)) == sentence


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("missing.tsv", "no such file or directory"),
        ("file/below.tsv", "not a directory"),
        ("n" * 300, "file name too long"),
    ],
)
def test_a_file_that_cannot_be_opened_is_one_sentence(
    name: str, answer: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / name

    with pytest.raises(StorageError):
        list(read_pairs(path))
    assert complaint(lambda: read_sentences(path)) == f"{path}: cannot read: {answer}"


def test_a_file_without_permission_is_one_sentence(tsv: Callable[..., Path]) -> None:
    path = tsv(b"cat\tKatze\n")
    path.chmod(0)

    with as_an_ordinary_user():
        assert complaint(lambda: read_pairs(path)) == f"{path}: cannot read: permission denied"


@pytest.mark.parametrize("suffix", [".xz", ".gz"])
def test_a_truncated_compressed_file_is_refused(suffix: str, tsv: Callable[..., Path]) -> None:
    whole = COMPRESSORS[suffix](b"cat\tKatze\n" * 1000)
    path = tsv(whole[:-10], f"pairs.tsv{suffix}")

    assert complaint(lambda: read_pairs(path)) == (
        f"{path}: is not a complete {suffix} file: "
        "Compressed file ended before the end-of-stream marker was reached"
    )


@pytest.mark.parametrize(
    ("suffix", "position", "reason"),
    [
        (".xz", 40, "Corrupt input data"),
        (".gz", 10, "Error -3 while decompressing data: invalid block type"),
        (".gz", -8, "CRC check failed"),  # the checksum at the end
    ],
)
def test_a_damaged_compressed_file_is_refused(
    suffix: str, position: int, reason: str, tsv: Callable[..., Path]
) -> None:
    damaged = bytearray(COMPRESSORS[suffix](b"cat\tKatze\n" * 1000))
    damaged[position] = 0x07
    path = tsv(bytes(damaged), f"pairs.tsv{suffix}")

    sentence = complaint(lambda: read_pairs(path))

    assert sentence.startswith(f"{path}: is not a complete {suffix} file: {reason}")


@pytest.mark.parametrize("suffix", [".xz", ".gz"])
def test_plain_text_under_a_compressed_name_is_refused(
    suffix: str, tsv: Callable[..., Path]
) -> None:
    path = tsv(b"cat\tKatze\n", f"pairs.tsv{suffix}")

    expected = f"{path}: is not a complete {suffix} file: "
    assert complaint(lambda: read_pairs(path)).startswith(expected)


def test_an_endless_line_is_not_held(tmp_path: Path) -> None:
    stream = io.BytesIO(b"x" * 5_000_000 + b"\nnext\n" + b"y" * 300_000)

    first, second, third = split_lines(stream)

    assert (len(first), second, len(third)) == (LONGEST_LINE + 2, b"next", LONGEST_LINE + 2)
