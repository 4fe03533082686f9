"""Learning: a tiny translator, trained for less than a minute, does what it was shown."""

import random
from pathlib import Path

import pytest
import torch

from rarenmt.config import Config, MemoryConfig, ModelConfig, TrainConfig
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Ids
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training.data import Corpus
from rarenmt.training.trainer import Trainer
from rarenmt.training.validation import ValidationSet


def reversals(count: int, rng: random.Random) -> list[tuple[str, str]]:
    """Digit strings and the same digits from the end."""
    drawn = [[str(rng.randrange(10)) for _ in range(rng.randint(1, 5))] for _ in range(count)]
    return [(" ".join(digits), " ".join(reversed(digits))) for digits in drawn]


@pytest.mark.slow
def test_a_tiny_model_learns_to_reverse_digits(tmp_path: Path) -> None:
    rng = random.Random(1)
    texts = reversals(4000, rng)
    known = {source for source, _ in texts}
    unseen = [pair for pair in reversals(300, rng) if pair[0] not in known]
    tokenizer = Tokenizer.train([side for pair in texts for side in pair], 271)

    def encode(pairs: list[tuple[str, str]]) -> list[tuple[Ids, Ids]]:
        return [(tokenizer.encode(source), tokenizer.encode(target)) for source, target in pairs]

    sizes = ModelConfig(vocabulary=271, embedding=32, hidden=64, attention=32, dropout=0.0)
    model = Model(Config(model=sizes, memory=MemoryConfig(slots=256, neighbours=8, block=16)))
    model.initialise(torch.Generator().manual_seed(1))
    settings = TrainConfig(
        steps=600, batch_tokens=500, learning_rate=5e-3, warmup=50, memory_positions=32,
        evaluate_every=600, save_every=600, bf16=False,
    )  # fmt: skip
    dev = ValidationSet(encode(unseen[:20]), [target for _, target in unseen[:20]])
    run = Trainer(tmp_path, model, tokenizer, Corpus([(encode(texts), 1.0)]), dev, settings)

    for _ in run.train(lambda: False):
        pass

    everything = ValidationSet(encode(unseen), [target for _, target in unseen])
    found = everything.translations(model.eval())
    right = [tokenizer.decode(ids) == pair[1] for ids, pair in zip(found, unseen, strict=True)]
    assert len(unseen) > 100
    assert sum(right) / len(right) > 0.9
