"""A model of two layers and eight units, small enough to be built for every test."""

import pytest
import torch

from rarenmt.config import Config, MemoryConfig, ModelConfig
from rarenmt.model import Model

torch.set_num_threads(1)


@pytest.fixture
def tiny_config() -> Config:
    """Two layers on either side, forty pieces, sixteen slots; no dropout."""
    return Config(
        model=ModelConfig(
            vocabulary=40, embedding=6, hidden=8, attention=4, encoder_layers=2, decoder_layers=2,
            dropout=0.0,
        ),
        memory=MemoryConfig(slots=16, block=4, neighbours=4),
    )  # fmt: skip


@pytest.fixture
def tiny_model(tiny_config: Config) -> Model:
    """Untrained, but the same at every call; in evaluation mode."""
    model = Model(tiny_config)
    model.initialise(torch.Generator().manual_seed(1))
    return model.eval()
