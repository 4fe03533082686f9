"""A trained model as a folder; only this module knows the file names.

config.json              format, configuration, names of the weight files, fingerprints
vocabulary.model         sentencepiece
lexicon.tsv              translation lexicon, if training aligned words
words.tsv                frequencies of source words in the training text
company.tsv              co-occurrence statistics of its target words
completeness.tsv         target words without which a translation probably lacks a source word
weights-*.safetensors    bfloat16, at most 16 MB each
training.safetensors     what `train --resume` needs: weights, optimiser, memory (float32)
metrics.jsonl            progress of training, one report per line
memory.safetensors       the translation memory; see `rarenmt.translator.locations`

config.json names the weight files and is replaced last, so the folder is consistent at any moment.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.config import Config
from rarenmt.config.parsing import parse
from rarenmt.errors import CheckpointError, SettingError
from rarenmt.model.seq2seq import Model
from rarenmt.storage.files import file_errors, replace_bytes
from rarenmt.storage.tensors import join, load_tensors, save_tensors, shards
from rarenmt.text.lexicon.completeness import Completeness
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import Tokenizer

FORMAT = 2

CONFIG = "config.json"
VOCABULARY = "vocabulary.model"
TRAINING = "training.safetensors"
METRICS = "metrics.jsonl"
WEIGHTS = re.compile(r"weights-[0-9a-f]{8}-[0-9]{1,4}-of-[0-9]{1,4}\.safetensors")
LEXICON = "lexicon.tsv"
WORDS = "words.tsv"
COOCCURRENCE = "company.tsv"
COMPLETENESS = "completeness.tsv"


@dataclass(frozen=True)
class Checkpoint:
    """A loaded folder."""

    model: Model
    tokenizer: Tokenizer
    fingerprint: str
    """Identifies the weights and vocabulary that keys depend on; a memory belongs to one."""
    lexicon: Lexicon
    """Empty if training aligned no words."""
    frequencies: Frequencies
    """Of source words; empty in older checkpoints."""
    cooccurrence: Cooccurrence
    """Of target words; empty in older checkpoints."""
    completeness: Completeness
    """Of translations; empty in older checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The part of config.json that identifies the other files."""

    fingerprint: str
    weights: tuple[str, ...]
    content: str
    """`content_hash` of the weights."""

    def __post_init__(self) -> None:
        for name in self.weights:
            if not WEIGHTS.fullmatch(name):
                raise SettingError(f"{name!r} is not the name of a weight file")


def key_fingerprint(weights: dict[str, Tensor], tokenizer: Tokenizer) -> str:
    """SHA-256 of the vocabulary and of every stored weight that a key depends on."""
    digest = hashlib.sha256(tokenizer.model)
    for name in sorted(weights):
        if not name.startswith(("readout.", "output.")):
            digest.update(name.encode())
            digest.update(_bytes(weights[name]))
    return digest.hexdigest()


def content_hash(weights: dict[str, Tensor]) -> str:
    """SHA-256 of all weights."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(_bytes(weights[name]))
    return digest.hexdigest()


def save_checkpoint(folder: Path, model: Model, tokenizer: Tokenizer) -> None:
    """Write model and vocabulary; replaces an older checkpoint in one step at the end."""
    weights = {name: t.detach().cpu().bfloat16() for name, t in model.state_dict().items()}
    fingerprint = key_fingerprint(weights, tokenizer)
    content = content_hash(weights)
    groups = shards(weights)
    files = [
        f"weights-{content[:8]}-{number}-of-{len(groups)}.safetensors"
        for number in range(1, len(groups) + 1)
    ]
    for file, group in zip(files, groups, strict=True):
        save_tensors(folder / file, group, {"format": str(FORMAT)})
    save_tokenizer(folder, tokenizer)
    description = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "content": content,
        "weights": files,
        **model.config.to_json(),
    }
    replace_bytes(folder / CONFIG, (json.dumps(description, indent=2) + "\n").encode())
    with file_errors(folder, "clean up"):
        for stale in set(folder.glob("weights-*.safetensors")) - {folder / file for file in files}:
            stale.unlink()


def save_word_tables(
    folder: Path,
    lexicon: Lexicon,
    frequencies: Frequencies,
    cooccurrence: Cooccurrence,
    completeness: Completeness,
) -> None:
    """Write the word statistics of the training text; empty ones get no file, except the
    frequencies."""
    if len(lexicon):
        lexicon.save(folder / LEXICON)
    frequencies.save(folder / WORDS)
    if len(cooccurrence):
        cooccurrence.save(folder / COOCCURRENCE)
    if len(completeness):
        completeness.save(folder / COMPLETENESS)


def load_checkpoint(folder: Path, device: torch.device) -> Checkpoint:
    """Load a folder; CheckpointError if a file is missing, damaged or of another version."""
    manifest, config = read_description(folder)
    tokenizer = load_tokenizer(folder)
    with torch.device("meta"):  # allocates nothing, in case damaged sizes are huge
        model = Model(config)
    weights = fit(model, [load_tensors(folder / file)[0] for file in manifest.weights], folder)
    verify(folder, manifest, weights, tokenizer)
    lexicon, frequencies = Lexicon.load(folder / LEXICON), Frequencies.load(folder / WORDS)
    return Checkpoint(
        model.to(device).eval(),
        tokenizer,
        manifest.fingerprint,
        lexicon,
        frequencies,
        Cooccurrence.load(folder / COOCCURRENCE),
        Completeness.load(folder / COMPLETENESS),
    )


def load_average(folders: Sequence[Path], device: torch.device) -> Checkpoint:
    """The first of several checkpoints, with the mean of the weights of all (Wortsman et al. 2022,
    "Model soups"); CheckpointError if vocabularies or sizes differ."""
    checkpoints = [load_checkpoint(folder, device) for folder in folders]
    first = checkpoints[0]
    weights = [each.model.state_dict() for each in checkpoints]
    for folder, other, theirs in zip(folders, checkpoints, weights, strict=True):
        if other.tokenizer.fingerprint != first.tokenizer.fingerprint:
            raise CheckpointError(
                f"{folder} has another vocabulary than {folders[0]}, so their weights cannot be "
                "averaged; give checkpoints of the same origin to --from"
            )
        if {n: t.shape for n, t in theirs.items()} != {n: t.shape for n, t in weights[0].items()}:
            raise CheckpointError(
                f"{folder} has other sizes than {folders[0]}, so their weights cannot be averaged"
            )
    first.model.load_state_dict(
        {name: torch.stack([each[name] for each in weights]).mean(0) for name in weights[0]}
    )
    return first


def verify(
    folder: Path, manifest: Manifest, weights: dict[str, Tensor], tokenizer: Tokenizer
) -> None:
    """CheckpointError if weights or vocabulary differ from those that config.json identifies."""
    if content_hash(weights) != manifest.content:
        raise CheckpointError(
            f"{folder}: the weight files are damaged, or not those that {CONFIG} was written with; "
            "copy the whole folder again"
        )
    if key_fingerprint(weights, tokenizer) != manifest.fingerprint:
        raise CheckpointError(
            f"{folder / VOCABULARY} is not the vocabulary that {CONFIG} was written with; "
            "put that one back, or copy the whole folder again"
        )


def read_description(folder: Path) -> tuple[Manifest, Config]:
    """The content of config.json, each value checked."""
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{folder} is not a checkpoint: it holds no {CONFIG}")
    try:
        with file_errors(path, "read"):
            description = json.loads(path.read_text("utf-8"))
        found = description.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise CheckpointError(f"{path} is damaged: it is not the JSON of a checkpoint") from None
    if found != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {found!r}; this version reads format {FORMAT}"
        )
    names = {field.name for field in fields(Manifest)} & description.keys()
    try:
        manifest = parse(Manifest, {name: description.pop(name) for name in names})
        return manifest, Config.from_json(description)
    except SettingError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None


def save_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    """Write the vocabulary to a folder."""
    replace_bytes(folder / VOCABULARY, tokenizer.model)


def load_tokenizer(path: Path) -> Tokenizer:
    """The vocabulary in a file, or of a folder."""
    file = path if path.is_file() else path / VOCABULARY
    if not file.is_file():
        raise CheckpointError(f"{path} holds no {VOCABULARY}")
    with file_errors(file, "read"):
        return Tokenizer(file.read_bytes())


def fit(model: Model, groups: list[dict[str, Tensor]], folder: Path) -> dict[str, Tensor]:
    """Load the weights of several files into a model; return them in the stored format.

    CheckpointError if names or shapes differ from those of the model, or a value is not finite.
    """
    try:
        weights = {name: tensor.bfloat16() for name, tensor in join(groups).items()}
        whole = {name: tensor.float() for name, tensor in weights.items()}
        model.load_state_dict(whole, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[:2][-1].strip()
        raise CheckpointError(f"{folder}: the weights do not fit {CONFIG}: {reason}") from None
    for name, tensor in whole.items():
        if not tensor.sum().isfinite():  # equivalent to testing every value, and faster
            raise CheckpointError(
                f"{folder}: {name} has infinite or NaN values, so the model cannot "
                "translate; its training diverged: train again with a lower --learning-rate"
            )
    return {name: weights[name] for name in model.state_dict()}


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.contiguous().flatten().view(torch.uint8).numpy().data
