"""Lines of a live stream, in batches: whatever has arrived, so that a person is answered at
once and a file is read in large pieces."""

import os
import select
from collections.abc import Iterator

LULL = 0.02
"""Seconds without input after which a batch is closed."""


def read_batches(descriptor: int, most: int) -> Iterator[list[bytes]]:
    """Batches of 1 to `most` lines, each with its line feed if it has one (the last may not)."""
    lines: list[bytes] = []
    rest = b""
    for chunk in _chunks(descriptor):
        if chunk:
            *whole, rest = (rest + chunk).split(b"\n")
            lines += [line + b"\n" for line in whole]
        lull = not chunk
        while len(lines) >= most or (lull and lines):
            yield lines[:most]
            lines = lines[most:]
    if rest:
        lines.append(rest)
    if lines:
        yield lines


def _chunks(descriptor: int) -> Iterator[bytes]:
    """What can be read, as it comes; an empty chunk where the stream pauses."""
    while True:
        ready, _, _ = select.select([descriptor], [], [], LULL)
        if not ready:
            yield b""
            select.select([descriptor], [], [])
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return
        yield chunk
