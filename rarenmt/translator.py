"""Text in, text out: translate sentences, remember pairs, and say where a word came from."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.batches import Ids, by_length, pair_batch, source_batch
from rarenmt.checkpoint import MEMORY, Checkpoint, load_checkpoint
from rarenmt.config import SearchConfig
from rarenmt.excerpt import Excerpt
from rarenmt.finder import Finder
from rarenmt.journal import Journal, load_journal, save_journal
from rarenmt.memory import Memory
from rarenmt.model import STEADY
from rarenmt.search import Hypothesis, search
from rarenmt.storage import locked
from rarenmt.text import Pair
from rarenmt.trace import Trace, Voice
from rarenmt.translation import Entry, Origin, Part, Token, Translation

BUDGET = 4000
"""Pieces times sentences of one batch."""

SMALLEST = 1024
"""Slots of a new memory; it doubles when it is full."""

LONGEST = 120
"""Pieces; a longer sentence is translated in parts."""

NOTHING = (None, None)
"""What is asked without a memory."""


@dataclass(frozen=True)
class Remembered:
    """What a call of `remember` changed."""

    new: list[Pair]
    known: list[Pair]
    conflicts: list[tuple[Pair, Pair]]
    """New pairs with the remembered ones that translate the same source otherwise."""
    tokens: int
    evicted: int
    """Entries that had to make room."""


class Translator:
    """A checkpoint, its memory and the journal of that memory."""

    def __init__(self, checkpoint: Checkpoint, memory_path: Path | None = None) -> None:
        self.checkpoint = checkpoint
        self.model, self.tokenizer = checkpoint.model, checkpoint.tokenizer
        self.device = self.model.embedding.weight.device
        self.memory_path = memory_path
        self._finder: Finder | None = None
        self._load_memory()

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        memory: Path | None = None,
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
    ) -> "Translator":
        """A checkpoint folder with its memory file, or with another; a missing file is empty.

        bfloat16 is for translating: what is remembered should not depend on how fast it was.
        """
        checkpoint = load_checkpoint(folder, torch.device(device))
        checkpoint.model.to(precision)
        return cls(checkpoint, memory or folder / MEMORY)

    def translate(
        self,
        sentences: Sequence[str],
        config: SearchConfig,
        *,
        memory: bool = True,
        explain: bool = True,
    ) -> list[Translation]:
        """The translations of sentences, in their order; white space around them is kept.

        Without `explain` the tokens do not say what they came from.
        """
        parts = [self._parts(sentence) for sentence in sentences]
        encoded = [(part, self._encode(part)) for each in parts for part in each]
        asked = [(part, ids) for part, ids in encoded if len(ids) <= LONGEST]
        answers = iter(self._search(asked, config, memory=memory, explain=explain))
        return [
            self._put_together(sentence, each, answers)
            for sentence, each in zip(sentences, parts, strict=True)
        ]

    def relevant(self, sentence: str) -> list[Pair]:
        """The remembered pairs that a sentence asks, in the order they were remembered."""
        if self.memory.config.lookup == "whole":
            return list(self.journal.pairs)
        return [self.journal.pairs[number] for number in self._find().relevant(sentence)]

    def _put_together(
        self, sentence: str, parts: Sequence[str], answers: Iterator[Hypothesis]
    ) -> Translation:
        """One translation from those of its parts; a part too long to be language is copied."""
        explained: list[Part] = []
        for text in parts:
            copied = len(self._encode(text)) > LONGEST
            part = Part([text], [Token(text)]) if copied else self._explain(text, next(answers))
            if explained and part.tokens:
                first = part.tokens[0]
                part.tokens[0] = replace(first, piece=" " + first.piece)
            explained.append(part)
        said = "".join(token.piece for part in explained for token in part.tokens)
        return Translation(_surround(sentence, said), explained)

    def remember(self, pairs: Iterable[Pair], *, passes: int = 1) -> Remembered:
        """Write pairs into the memory, one after the other; no weight changes.

        A pair that is known already changes nothing. More passes (the paper shows its context
        three times) matter only to a memory that reinforces: others hold every pair whole.
        """
        fresh: list[Pair] = []
        known: list[Pair] = []
        conflicts: list[tuple[Pair, Pair]] = []
        seen: dict[str, list[Pair]] = defaultdict(list)
        for pair in pairs:
            same = self.journal.same_source(pair) + seen[pair.source]
            if any(other.target == pair.target for other in same):
                known.append(pair)
                continue
            conflicts += [(pair, other) for other in same]
            seen[pair.source].append(pair)
            fresh.append(pair)
        entries = self._entries(fresh)
        self._finder = None
        evicted = 0
        numbers = [self.journal.add(pair) for pair in fresh]
        for turn in range(passes if self.memory.config.reinforce else 1):
            for number, (queries, values) in zip(numbers, entries, strict=True):
                evicted += self._write(number, turn, queries, values)
        tokens = sum(len(values) for _, values in entries)
        return Remembered(fresh, known, conflicts, tokens, evicted)

    def save(self) -> None:
        """Write the memory to its file, atomically."""
        assert self.memory_path is not None, "this translator has no memory file"
        save_journal(self.memory_path, self.journal, self.memory, self.checkpoint.fingerprint)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold the lock of the memory file and work on what it holds now."""
        assert self.memory_path is not None, "this translator has no memory file"
        with locked(self.memory_path):
            self._load_memory()
            yield

    def _load_memory(self) -> None:
        self.memory = self.model.new_memory(slots=SMALLEST, dtype=torch.bfloat16)
        self.journal = Journal()
        self._finder = None
        if self.memory_path is not None and self.memory_path.exists():
            self.journal = load_journal(self.memory_path, self.memory, self.checkpoint.fingerprint)

    def _entries(self, pairs: Sequence[Pair]) -> list[tuple[Tensor, Tensor]]:
        """Keys and values that each pair leaves in the memory, EOS included."""
        encoded = [(self._encode(p.source), self._encode(p.target)) for p in pairs]
        entries: list[tuple[Tensor, Tensor]] = [(torch.empty(0), torch.empty(0))] * len(pairs)
        lengths = [max(len(source), len(target)) + 1 for source, target in encoded]
        for chosen in by_length(lengths, BUDGET):
            company = [encoded[i] for i in chosen] + [encoded[chosen[0]]] * (STEADY - len(chosen))
            batch = pair_batch(company, self.device)
            queries = self.model.keys(batch)  # (T, B, D)
            for column, i in enumerate(chosen):
                length = len(encoded[i][1]) + 1
                entries[i] = (queries[:length, column], batch.outputs[:length, column])
        return entries

    def _write(self, number: int, turn: int, queries: Tensor, values: Tensor) -> int:
        """Write the pair of that number for the turn-th time; how many entries made room."""
        self._make_room(len(values))
        memory, before = self.memory, self.memory.used
        right = 0
        nearest = None
        if memory.config.reinforce:
            nearest = memory.read(queries, k=1)
            right = int((nearest.values[:, 0] == values).sum())
        generator = torch.Generator().manual_seed(number << 8 | turn & 0xFF)
        slots = memory.write(queries, values, nearest, generator)
        self.journal.note(number, slots.cpu())
        return len(values) - right - (memory.used - before)

    def _make_room(self, more: int) -> None:
        """Grow the memory by doubling, up to its limit."""
        needed = self.memory.used + more
        if needed > self.memory.slots:
            limit = max(self.model.config.memory.limit, self.memory.slots)
            self.memory.grow(min(limit, max(needed, 2 * self.memory.slots)))

    def _encode(self, text: str) -> Ids:
        return self.tokenizer.encode(text.strip())

    def _parts(self, sentence: str) -> list[str]:
        """A sentence as a whole, or cut where it breathes if it is long; a blank one is none."""
        text = sentence.strip()
        if len(self._encode(text)) <= LONGEST:
            return [text] if text else []
        return [part for breath in _breathe(text) for part in self._cut(breath)]

    def _cut(self, text: str) -> Iterator[str]:
        """Parts of at most LONGEST pieces, cut between words; a longer word stays whole."""
        part: list[str] = []
        size = 0
        for word in text.split():
            pieces = len(self._encode(word))
            if part and size + pieces > LONGEST:
                yield " ".join(part)
                part, size = [], 0
            part.append(word)
            size += pieces
        if part:
            yield " ".join(part)

    def _search(
        self,
        sentences: Sequence[tuple[str, Ids]],
        config: SearchConfig,
        *,
        memory: bool,
        explain: bool,
    ) -> list[Hypothesis]:
        """The best hypothesis for each sentence, searched in batches of similar length."""
        found: list[Hypothesis | None] = [None] * len(sentences)
        for chosen in by_length([(len(ids) + 1) * config.beam for _, ids in sentences], BUDGET):
            texts, sources = zip(*(sentences[i] for i in chosen), strict=True)
            asked, excerpt = self._consult(texts) if memory else NOTHING
            batch = source_batch(sources, self.device)
            hypotheses = search(self.model, batch, asked, config, excerpt, traced=explain)
            for i, best in zip(chosen, hypotheses, strict=True):
                found[i] = best[0]
        return [hypothesis for hypothesis in found if hypothesis is not None]

    def _consult(self, sentences: Sequence[str]) -> tuple[Memory | None, Excerpt | None]:
        """The memory that these sentences ask, and the excerpt if they do not ask all of it."""
        if self.memory.config.lookup == "whole":
            return self.memory, None
        excerpt = self._find().excerpt(sentences)
        return (None if excerpt is None else self.memory), excerpt

    def _find(self) -> Finder:
        """The finder of the memory as it stands."""
        if self._finder is None:
            self._finder = Finder(self.memory, self.journal, self.tokenizer)
        return self._finder

    def _explain(self, source: str, hypothesis: Hypothesis) -> Part:
        """The pieces as text, each with what it came from."""
        pieces = self.tokenizer.pieces(hypothesis.pieces)
        texts = [piece.replace("\n", " ") for piece in pieces]  # one line stays one line
        if not hypothesis.traces:
            return Part([], [Token(text) for text in texts])
        tokens = [
            Token(text, self._origin(trace), trace.attention)
            for text, trace in zip(texts, hypothesis.traces, strict=True)
        ]
        return Part([*self.tokenizer.pieces(self._encode(source)), ""], tokens)

    def _origin(self, trace: Trace) -> Origin | None:
        """The pairs behind a piece, if there are any."""
        if not trace.voices:
            return None
        return Origin(trace.weight, [self._entry(voice) for voice in trace.voices])

    def _entry(self, voice: Voice) -> Entry:
        """The pair that wrote a slot, and where in it the piece of the slot stands."""
        pair, position = self.journal.owner(voice.slot), self.journal.position(voice.slot)
        start, end = self.tokenizer.span(self._encode(pair.target), position)
        indent = len(pair.target) - len(pair.target.lstrip())
        return Entry(pair, (indent + start, indent + end), voice.similarity, voice.weight)


def _surround(original: str, translation: str) -> str:
    """The translation with the white space that stood around the original."""
    if not original.strip():
        return original
    before = original[: len(original) - len(original.lstrip())]
    return before + translation.strip() + original[len(original.rstrip()) :]


def _breathe(text: str) -> Iterator[str]:
    """A long text cut after the ends of sentences, and long sentences after commas."""
    for sentence in re.split(r"(?<=[.!?…])\s+", text):
        yield from re.split(r"(?<=[,;:])\s+", sentence) if len(sentence) > 400 else [sentence]
