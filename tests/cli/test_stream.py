"""Lines as they arrive."""

import os
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

read_batches = import_module("rarenmt.cli.translate").read_batches


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)


def test_a_file_is_read_in_batches_of_the_given_size(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"".join(b"%d\n" % i for i in range(10)))

    with path.open("rb") as stream:
        batches = list(read_batches(stream.fileno(), 4))

    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert b"".join(line for batch in batches for line in batch) == path.read_bytes()


def test_a_line_is_returned_before_the_next_is_written(pipe: tuple[int, int]) -> None:
    read, write = pipe
    batches = read_batches(read, 100)

    for line in (b"first\n", b"second\n"):
        os.write(write, line)
        assert next(batches) == [line]
    os.close(write)

    assert list(batches) == []


def test_half_a_line_waits_for_its_other_half(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.write(write, b"one\ntw")

    def finish() -> None:
        os.write(write, b"o\nthree")
        os.close(write)

    threading.Timer(0.2, finish).start()

    assert list(read_batches(read, 100)) == [[b"one\n"], [b"two\n", b"three"]]


def test_only_line_feeds_end_a_line(pipe: tuple[int, int]) -> None:
    read, write = pipe
    text = "a\rb\x0cc\u2028d\x85e\r\n".encode()
    os.write(write, text)
    os.close(write)

    assert list(read_batches(read, 100)) == [[text]]


def test_an_empty_stream_has_no_batches(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.close(write)

    assert list(read_batches(read, 100)) == []
