"""What the shipped checkpoint makes of 300 sentences, without and with a memory of 58 pairs.

A change of the code that is not meant to change translations changes no byte of them. The numbers
of an explanation may differ a little, for processors add up in different orders. So may, on a
processor that nobody tried, a sentence with two translations that are nearly as likely: one line
that differs there alone is a false alarm. Then put another sentence in its place and regenerate the
files, as `tests/project/golden/regenerate.py` says.
"""

import json
from pathlib import Path

import pytest
from conftest import Command
from golden.regenerate import FOLDER, SETTINGS, lines_of, outputs

NEAR = 0.01
"""By how much a weight or a similarity may differ. From SSE to AVX-512 they differ by 0.0001."""


def alike(name: str, wanted: str, found: str) -> bool:
    """Whether a line of a file is as wanted."""
    if not name.endswith(".jsonl"):
        return wanted == found
    nearly = json.loads(wanted, parse_float=lambda digits: pytest.approx(float(digits), abs=NEAR))
    return bool(json.loads(found) == nearly)


def differences(name: str, wanted: list[str], found: list[str]) -> list[str]:
    """The lines of a file that differ, below the sentence that was translated."""
    assert len(found) == len(wanted), name
    sources = lines_of("sentences.en") if name.endswith(".de") else [""] * len(wanted)
    return [
        f"{name}:{number}: {source}\n- {old}\n+ {new}"
        for number, (source, old, new) in enumerate(zip(sources, wanted, found, strict=True), 1)
        if not alike(name, old, new)
    ]


def test_every_translation_is_what_it_was(
    rarenmt: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)

    def run(arguments: list[str], stdin: bytes) -> bytes:
        result = rarenmt(*arguments, stdin=stdin)
        assert result.status == 0, result.err
        return result.out

    changed = [
        difference
        for name, lines in outputs(run, tmp_path / "memory.safetensors").items()
        for difference in differences(name, lines_of(name), lines)
    ]

    if changed:
        pytest.fail("\n".join(changed), pytrace=False)
