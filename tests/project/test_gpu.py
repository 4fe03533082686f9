"""What holds on a CPU holds on a GPU: `pytest -m gpu`.

RARENMT_TEST_DEVICE=cpu runs the same without one, to see that the tests themselves are right.
"""

import os
from pathlib import Path

import pytest
import torch
from conftest import Command
from torch.nn.functional import normalize

from rarenmt.config import MemoryConfig, SearchConfig
from rarenmt.memory.memory import Memory
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator

DEVICE = torch.device(os.environ.get("RARENMT_TEST_DEVICE", "cuda"))
SHIPPED = Path(__file__).parents[2] / "checkpoints" / "en-de"
SHOWN = [
    Pair("Dostoevsky wrote this.", "Dostojewski schrieb das.", "shown", 1),
    Pair("The flange leaks.", "Der Flansch leckt.", "shown", 2),
]
ASKED = ["I read Dostoevsky every winter.", "The flange is broken.", "Good morning!"]

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE.type == "cuda" and not torch.cuda.is_available(), reason="no CUDA device is here"
    ),
]


def history(
    device: torch.device,
) -> tuple[Memory, list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]]:
    """A small memory after forty writes, with what it answered before each."""
    generator = torch.Generator().manual_seed(1)
    memory = Memory(MemoryConfig(slots=64, neighbours=8), 16, 10).to(device)
    centres = normalize(torch.randn(10, 16, generator=generator), dim=-1)
    answers = []
    for _ in range(40):
        values = torch.randint(10, (6,), generator=generator)
        noise = 0.1 * torch.randn(6, 16, generator=generator)
        queries, values = normalize(centres[values] + noise, dim=-1).to(device), values.to(device)
        recall = memory.read(queries)
        loss = memory.loss(queries, recall, values)
        answers.append((recall.slots.cpu(), recall.values.cpu(), loss.cpu()))
        memory.write(queries, values, recall, generator)
    return memory, answers


def test_the_memory_lives_the_same_life() -> None:
    memory, answers = history(DEVICE)
    other, expected = history(torch.device("cpu"))

    for (slots, values, loss), (other_slots, other_values, other_loss) in zip(
        answers, expected, strict=True
    ):
        assert torch.equal(slots[:, 0], other_slots[:, 0])
        assert torch.equal(values[:, 0], other_values[:, 0])
        torch.testing.assert_close(loss, other_loss, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(memory.keys.cpu(), other.keys, atol=1e-4, rtol=1e-4)
    assert torch.equal(memory.ages.cpu(), other.ages)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_exact_search_finds_what_float64_finds(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(2)
    keys = normalize(torch.randn(50_000, 64, generator=generator), dim=-1).to(dtype)
    queries = normalize(torch.randn(40, 64, generator=generator), dim=-1)
    memory = Memory(MemoryConfig(slots=50_000, neighbours=16), 64, 10, dtype=dtype).to(DEVICE)
    zeros = torch.zeros(50_000, dtype=torch.long, device=DEVICE)
    memory.append(keys.to(DEVICE), zeros, zeros)

    found = memory.read(queries.to(DEVICE))

    exact = queries.double() @ keys.double().t()
    torch.testing.assert_close(
        found.similarity.cpu().double(), exact.topk(16).values, atol=1e-5, rtol=0
    )


def test_a_remembered_word_comes_out_and_is_forgotten(tmp_path: Path) -> None:
    config = SearchConfig(beam=5)
    there, here = (
        Translator.load(SHIPPED, memory=tmp_path / "none", device=device)
        for device in (str(DEVICE), "cpu")
    )
    plain = [translation.text for translation in there.translate(ASKED, config)]

    for translator in (there, here):
        translator.memory.remember(SHOWN)
    told = there.translate(ASKED, config)

    assert [t.text for t in told] == [t.text for t in here.translate(ASKED, config)]
    assert "Dostojewski" in told[0].text
    assert "Flansch" in told[1].text
    assert told[0].memory_words()
    assert told[2].text == plain[2]
    there.memory.forget([0, 1])
    assert [t.text for t in there.translate(ASKED, config)] == plain


@pytest.mark.slow
def test_a_model_trains_and_goes_on(rarenmt: Command, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.tsv"
    digits = [" ".join(str(number)) for number in range(100, 400)]
    corpus.write_text("".join(f"{one}\t{one[::-1]}\n" for one in digits), "utf-8")
    command: list[str | Path] = [
        "train", corpus, "--dev", corpus, "-o", tmp_path / "model", "--preset", "tiny",
        "--vocabulary", "271", "--batch-tokens", "200", "--slots", "256", "--align", "0.5",
        "--device", str(DEVICE),
    ]  # fmt: skip

    first = rarenmt(*command, "--steps", "6", "--episodes", "0.5")
    again = rarenmt(*command, "--steps", "12", "--episodes", "0.5", "--resume")
    said = rarenmt(
        "translate", "-m", tmp_path / "model", "--device", str(DEVICE), stdin=b"1 2\n\n3\n"
    )

    assert [first.status, again.status, said.status] == [0, 0, 0], first.err
    assert said.out.count(b"\n") == 3
