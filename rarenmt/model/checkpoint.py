"""A trained model as a folder, and the only module that knows its file names.

config.json              format, configuration, names of the weight files, fingerprints
vocabulary.model         sentencepiece
lexicon.tsv              which words translate which, where training aligned them
words.tsv                how often source words stand in the training text
company.tsv              which target words stand before the same words there
weights-*.safetensors    bfloat16, at most 16 MB each
training.safetensors     what a run needs to go on: weights, optimiser, memory (float32)
metrics.jsonl            the course of training, one line a report
memory.safetensors       what the model was told to remember; see `rarenmt.translator.locations`

config.json names the weight files and is replaced last, so the folder is whole at any moment.
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
from rarenmt.storage.files import naming, replace_bytes
from rarenmt.storage.tensors import join, load_tensors, save_tensors, shards
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
COMPANY = "company.tsv"


@dataclass(frozen=True)
class Checkpoint:
    """A loaded folder."""

    model: Model
    tokenizer: Tokenizer
    fingerprint: str
    """Identifies the weights and vocabulary that make keys; a memory belongs to one fingerprint."""
    lexicon: Lexicon
    """What the training text says of words; nothing where its words were not aligned."""
    counts: Frequencies
    """How often source words stand there; nothing in a checkpoint of before."""
    company: Cooccurrence
    """Which target words stand before the same words there; likewise."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The part of config.json that ties the other files to it."""

    fingerprint: str
    weights: tuple[str, ...]
    content: str
    """`content_hash` of the weights."""

    def __post_init__(self) -> None:
        for name in self.weights:
            if not WEIGHTS.fullmatch(name):
                raise SettingError(f"{name!r} is no name of a weight file")


def key_fingerprint(weights: dict[str, Tensor], tokenizer: Tokenizer) -> str:
    """SHA-256 over the vocabulary and every stored weight that a key depends on."""
    digest = hashlib.sha256(tokenizer.model)
    for name in sorted(weights):
        if not name.startswith(("readout.", "output.")):
            digest.update(name.encode())
            digest.update(_bytes(weights[name]))
    return digest.hexdigest()


def content_hash(weights: dict[str, Tensor]) -> str:
    """SHA-256 over all weights."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(_bytes(weights[name]))
    return digest.hexdigest()


def save_checkpoint(folder: Path, model: Model, tokenizer: Tokenizer) -> None:
    """Write model and vocabulary; an older checkpoint there is replaced at the last moment."""
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
    with naming(folder, "clean up"):
        for stale in set(folder.glob("weights-*.safetensors")) - {folder / file for file in files}:
            stale.unlink()


def save_word_tables(
    folder: Path, lexicon: Lexicon, counts: Frequencies, company: Cooccurrence
) -> None:
    """Write what the training text says of single words; an empty lexicon and empty co-occurrences
    get no file."""
    if len(lexicon):
        lexicon.save(folder / LEXICON)
    counts.save(folder / WORDS)
    if len(company):
        company.save(folder / COMPANY)


def load_checkpoint(folder: Path, device: torch.device) -> Checkpoint:
    """Read a folder; CheckpointError says what is missing, damaged or of another version."""
    manifest, config = read_description(folder)
    tokenizer = load_tokenizer(folder)
    with torch.device("meta"):  # without memory, which damaged sizes could ask too much of
        model = Model(config)
    weights = fit(model, [load_tensors(folder / file)[0] for file in manifest.weights], folder)
    verify(folder, manifest, weights, tokenizer)
    lexicon, counts = Lexicon.load(folder / LEXICON), Frequencies.load(folder / WORDS)
    company = Cooccurrence.load(folder / COMPANY)
    model = model.to(device).eval()
    return Checkpoint(model, tokenizer, manifest.fingerprint, lexicon, counts, company)


def load_average(folders: Sequence[Path], device: torch.device) -> Checkpoint:
    """The first of several checkpoints, with the mean of all their weights (Wortsman et al. 2022,
    "Model soups"); CheckpointError where vocabularies or sizes differ."""
    all_of_them = [load_checkpoint(folder, device) for folder in folders]
    first = all_of_them[0]
    weights = [each.model.state_dict() for each in all_of_them]
    for folder, other, theirs in zip(folders, all_of_them, weights, strict=True):
        if other.tokenizer.fingerprint != first.tokenizer.fingerprint:
            raise CheckpointError(
                f"{folder} has another vocabulary than {folders[0]}, so their weights cannot be "
                "averaged; name checkpoints that came of one another with --from"
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
    """CheckpointError where weights or vocabulary are not those config.json was written with."""
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
    """What config.json says, each value checked."""
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{folder} is not a checkpoint: it holds no {CONFIG}")
    try:
        with naming(path, "read"):
            description = json.loads(path.read_text("utf-8"))
        found = description.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise CheckpointError(f"{path} is damaged: it is not the JSON of a checkpoint") from None
    if found != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {found!r}; this version reads format {FORMAT}"
        )
    tied = {field.name for field in fields(Manifest)} & description.keys()
    try:
        manifest = parse(Manifest, {name: description.pop(name) for name in tied})
        return manifest, Config.from_json(description)
    except SettingError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None


def save_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    """Write the vocabulary of a folder."""
    replace_bytes(folder / VOCABULARY, tokenizer.model)


def load_tokenizer(path: Path) -> Tokenizer:
    """The vocabulary in a file, or of a folder."""
    file = path if path.is_file() else path / VOCABULARY
    if not file.is_file():
        raise CheckpointError(f"{path} holds no {VOCABULARY}")
    with naming(file, "read"):
        return Tokenizer(file.read_bytes())


def fit(model: Model, groups: list[dict[str, Tensor]], folder: Path) -> dict[str, Tensor]:
    """Give a model the weights of several files, and give them back as they are stored.

    CheckpointError when their names or shapes are not those of the model, or a value is no number.
    """
    try:
        weights = {name: tensor.bfloat16() for name, tensor in join(groups).items()}
        whole = {name: tensor.float() for name, tensor in weights.items()}
        model.load_state_dict(whole, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[:2][-1].strip()
        raise CheckpointError(f"{folder}: the weights do not fit {CONFIG}: {reason}") from None
    for name, tensor in whole.items():
        if not tensor.sum().isfinite():  # quicker than to ask every value, and as sure
            raise CheckpointError(
                f"{folder}: {name} has values that are infinite or no numbers, so the model cannot "
                "translate; its training failed: train it anew with a lower --learning-rate"
            )
    return {name: weights[name] for name in model.state_dict()}


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.contiguous().flatten().view(torch.uint8).numpy().data
