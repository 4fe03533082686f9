"""rarenmt: a translator that remembers what it is shown once."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rarenmt.config import PRESETS as PRESETS
    from rarenmt.config import Config as Config
    from rarenmt.config import MemoryConfig as MemoryConfig
    from rarenmt.config import SearchConfig as SearchConfig
    from rarenmt.config import TrainConfig as TrainConfig
    from rarenmt.errors import CheckpointError as CheckpointError
    from rarenmt.errors import DataError as DataError
    from rarenmt.errors import RareError as RareError
    from rarenmt.errors import SettingError as SettingError
    from rarenmt.errors import StorageError as StorageError
    from rarenmt.evaluation.bootstrap import bleu_gain as bleu_gain
    from rarenmt.evaluation.metrics import score as score
    from rarenmt.evaluation.oneshot import measure_one_shot as measure_one_shot
    from rarenmt.evaluation.oneshot import read_suite as read_suite
    from rarenmt.evaluation.online import recall_of_new_words as recall_of_new_words
    from rarenmt.evaluation.online import translate_online as translate_online
    from rarenmt.memory.memory import Memory as Memory
    from rarenmt.text.corpus.reader import read_corpus as read_corpus
    from rarenmt.text.pairs import Pair as Pair
    from rarenmt.text.tmx.writer import write_tmx as write_tmx
    from rarenmt.training.trainer import Trainer as Trainer
    from rarenmt.translation_memory.store import TranslationMemory as TranslationMemory
    from rarenmt.translator.result import Translation as Translation
    from rarenmt.translator.translator import Translator as Translator

__version__ = "0.1.0"

_HOMES = {
    "CheckpointError": "errors",
    "Config": "config",
    "DataError": "errors",
    "Memory": "memory.memory",
    "MemoryConfig": "config",
    "PRESETS": "config",
    "Pair": "text.pairs",
    "RareError": "errors",
    "SearchConfig": "config",
    "SettingError": "errors",
    "StorageError": "errors",
    "TrainConfig": "config",
    "Trainer": "training.trainer",
    "Translation": "translator.result",
    "TranslationMemory": "translation_memory.store",
    "Translator": "translator.translator",
    "bleu_gain": "evaluation.bootstrap",
    "measure_one_shot": "evaluation.oneshot",
    "read_corpus": "text.corpus.reader",
    "read_suite": "evaluation.oneshot",
    "recall_of_new_words": "evaluation.online",
    "score": "evaluation.metrics",
    "translate_online": "evaluation.online",
    "write_tmx": "text.tmx.writer",
}
"""The module of each public name, loaded on first use, because most of them need torch."""

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
