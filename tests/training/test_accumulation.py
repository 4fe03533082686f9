"""A step computed in parts is the same step."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_trainer import CONFIG, SETTINGS, TEXTS
from torch.testing import assert_close

from rarenmt.model.seq2seq import Model
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training.data import Corpus
from rarenmt.training.trainer import Trainer
from rarenmt.training.validation import ValidationSet

BATCH = 400
"""Target tokens; the memory is asked at every one of them."""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train([side for pair in TEXTS for side in pair], 290)


def a_run(tokenizer: Tokenizer, folder: Path, parts: int) -> Trainer:
    """A run without dropout, in float32, after its first step."""
    sizes = replace(CONFIG.model, dropout=0.0, vocabulary=len(tokenizer))
    config = replace(CONFIG, model=sizes, memory=replace(CONFIG.memory, slots=512, limit=512))
    model = Model(config)
    model.initialise(torch.Generator().manual_seed(1))
    pairs = [(tokenizer.encode(source), tokenizer.encode(target)) for source, target in TEXTS]
    settings = replace(
        SETTINGS,
        accumulation_steps=parts,
        bf16=False,
        batch_tokens=BATCH,
        memory_positions=BATCH,
        decay_fraction=0.0,
    )
    corpus, dev = (
        Corpus([(pairs, 1.0)]),
        ValidationSet(pairs[:2], [target for _, target in TEXTS[:2]]),
    )
    run = Trainer(folder, model, tokenizer, corpus, dev, settings)
    run._step(run._epoch()[0])
    return run


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_gradients_and_memory_of_the_parts_are_those_of_the_whole(
    tokenizer: Tokenizer, tmp_path: Path, parts: int
) -> None:
    whole, split = a_run(tokenizer, tmp_path, 1), a_run(tokenizer, tmp_path, parts)

    for (name, wanted), found in zip(
        whole.model.named_parameters(), split.model.parameters(), strict=True
    ):
        assert wanted.grad is not None
        assert_close(found.grad, wanted.grad, msg=lambda text, name=name: f"{name}: {text}")  # type: ignore[misc]
    assert whole.memory is not None
    assert split.memory is not None
    used = whole.memory.size
    assert used == split.memory.size > 50
    assert torch.equal(whole.memory.values, split.memory.values)
    assert_close(whole.memory.keys, split.memory.keys)


def test_more_parts_than_sentences_will_do(tokenizer: Tokenizer, tmp_path: Path) -> None:
    run = a_run(tokenizer, tmp_path, 100)

    assert run.memory is not None
    assert run.memory.size > 50
