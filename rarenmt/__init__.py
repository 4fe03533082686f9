"""rarenmt: a translator that remembers what it is shown once."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rarenmt.config import MemoryConfig as MemoryConfig
    from rarenmt.config import SearchConfig as SearchConfig
    from rarenmt.errors import CheckpointError as CheckpointError
    from rarenmt.errors import DataError as DataError
    from rarenmt.errors import RareError as RareError
    from rarenmt.errors import SettingError as SettingError
    from rarenmt.errors import StorageError as StorageError
    from rarenmt.memory.memory import Memory as Memory
    from rarenmt.text.pairs import Pair as Pair
    from rarenmt.translator.translator import Translator as Translator

__version__ = "0.1.0"

_HOMES = {
    "CheckpointError": "errors",
    "DataError": "errors",
    "Memory": "memory.memory",
    "MemoryConfig": "config",
    "Pair": "text.pairs",
    "RareError": "errors",
    "SearchConfig": "config",
    "SettingError": "errors",
    "StorageError": "errors",
    "Translator": "translator.translator",
}
"""The module of each public name: loaded when it is asked for, because most of them need torch."""

__all__ = [
    "CheckpointError",
    "DataError",
    "Memory",
    "MemoryConfig",
    "Pair",
    "RareError",
    "SearchConfig",
    "SettingError",
    "StorageError",
    "Translator",
    "__version__",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
