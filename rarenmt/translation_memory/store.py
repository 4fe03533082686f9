"""The translation memory: remembered pairs, their entries in a key-value memory, and the file that
holds both."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.errors import CheckpointError, SettingError
from rarenmt.model.checkpoint import Checkpoint
from rarenmt.storage.files import Identity, identity, locked
from rarenmt.text.notation.normalisation import normalise
from rarenmt.text.pairs import Pair
from rarenmt.translation_memory.encoding import Entries, encode_pairs
from rarenmt.translation_memory.file import Header, load_memory, read_journal, save_memory
from rarenmt.translation_memory.journal import Call, Journal, now
from rarenmt.translation_memory.lookup import CandidateFinder
from rarenmt.translation_memory.word_alignment import WordAligner

MIN_SLOTS = 1024
"""Slots of a new memory."""
GROWTH = 4
"""A full memory grows by 1/GROWTH of its size."""

EntriesOf = Callable[[Sequence[Pair]], Entries]
"""Returns the entries of pairs: encoded by the model, or copied from a memory that has them."""


@dataclass(frozen=True)
class RememberResult:
    """What was written into the memory."""

    new: list[Pair]
    known: list[Pair]
    """Pairs that were remembered before, from the same location or another."""
    conflicts: list[tuple[Pair, Pair]]
    """New pairs, each with an earlier pair that translates the same source differently."""
    tokens: int
    """Target pieces of the new pairs, EOS included."""
    evicted: int
    """Entries removed to make room."""
    changed: bool
    """Whether any line was new."""


class TranslationMemory:
    """The remembered pairs of a checkpoint (`journal`), their entries in a key-value memory
    (`entries`), and optionally their file.

    `path` is read if it exists; CheckpointError if it is damaged or of another checkpoint. Changes
    stay in RAM until they are saved.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        path: Path | str | None = None,
        retrieval: RetrievalConfig = RETRIEVAL,
    ) -> None:
        self.path = None if path is None else Path(path)
        self.progress: Callable[[int], None] = lambda pairs: None
        """Called with the number of pairs of each encoded batch."""
        self._checkpoint, self._retrieval = checkpoint, retrieval
        self._finder: CandidateFinder | None = None
        self._unsaved = False
        self._file_version: Identity | None = None
        """The file as it was loaded or saved; None if there was none."""
        self._load()

    def _load(self) -> None:
        """Load the file; an empty memory if there is none."""
        self._clear()
        version = self._identity()
        if self.path is not None and self.path.exists():
            fingerprint = self._checkpoint.fingerprint
            self.journal, header = load_memory(self.path, self.entries, fingerprint)
            self.evicted = header.evicted
        self._unsaved, self._file_version = False, version

    def save(self) -> None:
        """Write the file atomically; CheckpointError if another program has changed it since it was
        loaded, DataError for a pair with a tab or a line feed, StorageError if it cannot be
        written. Use `lock` to keep other programs from changing it."""
        if self.path is None:
            raise SettingError("this memory has no file; save_as(path) gives it one")
        if self._file_version != self._identity():
            raise CheckpointError(
                f"{self.path} was changed by another program meanwhile and is left as it is; "
                "run the command again"
            )
        config = self._checkpoint.model.config
        header = Header(
            self._checkpoint.fingerprint,
            config.source_language,
            config.target_language,
            self.evicted,
        )
        save_memory(self.path, self.journal, self.entries, header)
        self._unsaved, self._file_version = False, self._identity()

    def save_as(self, path: Path | str) -> None:
        """Write to `path`, under its lock, and belong to that file from now on."""
        self.path = Path(path)
        with locked(self.path):
            self._file_version = self._identity()
            self.save()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the file and reload it if it has changed; unsaved changes are lost."""
        if self.path is None:
            raise SettingError("this memory has no file; save_as(path) gives it one")
        with locked(self.path):
            if self._unsaved or self._file_version != self._identity():
                self._load()
            yield

    @property
    def candidate_finder(self) -> CandidateFinder:
        """Finds candidates in the memory as it is now."""
        if self._finder is None:
            checkpoint = self._checkpoint
            self._finder = CandidateFinder(
                self.entries,
                self.journal,
                checkpoint.tokenizer,
                checkpoint.lexicon,
                checkpoint.frequencies,
                self._retrieval,
            )
        return self._finder

    def remember(self, pairs: Iterable[Pair], *, passes: int = 1) -> RememberResult:
        """Write pairs into the memory in order; no weight changes.

        A line that was remembered before changes nothing, and a known pair from another location
        only adds the location. More than one pass (the paper makes three) matters only to a memory
        that reinforces.
        """
        shown = [pair if pair.time is not None else replace(pair, time=now()) for pair in pairs]
        return self._apply([Call(shown, passes)], self._encode)

    def merge(self, other: "TranslationMemory") -> RememberResult:
        """Remember the lines of another memory of the same checkpoint, call by call."""
        return self._apply(other.journal.calls, other._entries_from_memory())

    def forget(self, lines: Collection[int]) -> list[Pair]:
        """Remove lines, counted from 0 over all calls; return the pairs that are gone.

        The memory is then identical, bit for bit, to one that never contained these lines.
        """
        before, encode = self.journal, self._entries_from_memory()
        self._clear()
        self._write(before.without(lines), encode)
        return [pair for pair in before.pairs if not self.journal.has_pair(pair)]

    def superseded(self, pairs: Iterable[Pair]) -> list[tuple[Pair, Pair]]:
        """The given pairs whose source is remembered with another target that was added later, each
        with the pair that takes precedence; of pairs with one source only the last is looked at."""
        found = []
        for pair in {pair.source.strip(): pair for pair in pairs}.values():
            latest = self.journal.exact_match(pair.source)
            if latest is not None and latest.target != pair.target:
                found.append((pair, latest))
        return found

    def rebuild(self, path: Path, output: Path | None = None) -> RememberResult:
        """Remember the pairs of a memory file of any checkpoint, and write them to `output`, or to
        the same file, which is locked until then."""
        with locked(path):
            journal, _ = read_journal(path)
            result = self._apply(journal.calls, self._encode)
            if output is None or output == path:
                self.path, self._file_version = path, identity(path)
                self.save()
                return result
        self.save_as(output)
        return result

    def _identity(self) -> Identity | None:
        """Identifies a version of the file, which is replaced and never changed in place."""
        return None if self.path is None else identity(self.path)

    def _clear(self) -> None:
        model = self._checkpoint.model
        slots = min(MIN_SLOTS, model.config.memory.limit)
        self.entries = model.new_memory(slots=slots, dtype=torch.bfloat16)
        self.journal = Journal()
        self.evicted = 0
        self._finder = None
        self._unsaved = True

    def _apply(self, calls: Sequence[Call], encode: EntriesOf) -> RememberResult:
        """Write the new lines of some calls."""
        shown = [pair for call in calls for pair in call.pairs]
        unseen = [call for call in map(self._new_lines, calls) if call.pairs]
        evicted, first = self.evicted, len(self.journal.pairs)
        tokens = self._write(unseen, encode)
        new = self.journal.pairs[first:]
        return RememberResult(
            new,
            list((Counter(shown) - Counter(new)).elements()),
            [(pair, other) for pair in new for other in self.journal.conflicting(pair)],
            tokens,
            self.evicted - evicted,
            bool(unseen),
        )

    def _new_lines(self, call: Call) -> Call:
        """A call without repeated lines and lines remembered before."""
        return Call(
            [p for p in dict.fromkeys(call.pairs) if not self.journal.has_line(p)], call.passes
        )

    def _write(self, calls: Sequence[Call], encode: EntriesOf) -> int:
        """Write the new pairs of some calls; return the number of their entries."""
        self._unsaved = True
        taken = [(call.passes, self.journal.append(call)) for call in calls]
        numbers = [number for _, some in taken for number in some]
        entries = encode([self.journal.pairs[number] for number in numbers])
        count = len(entries.values)
        self._finder = None
        self._make_room(count)
        if not self._reinforces and self.entries.size + count <= self.entries.capacity:
            self._append(torch.tensor(numbers, dtype=torch.long), entries)
            return count
        each = iter(zip(numbers, entries.split(), strict=True))
        for passes, some in taken:
            of_call = list(islice(each, len(some)))
            for turn in range(passes if self._reinforces else 1):
                for number, entries_of_pair in of_call:
                    self._write_pair(number, turn, *entries_of_pair)
        return count

    def _append(self, numbers: Tensor, entries: Entries) -> None:
        """Append the entries of the pairs of these numbers (P,) to the memory."""
        order = torch.arange(len(numbers)).repeat_interleave(entries.lengths)
        positions = torch.arange(len(order)) - (entries.lengths.cumsum(0) - entries.lengths)[order]
        writes = order.to(entries.values.device)
        slots = self.entries.append(entries.keys, entries.values, writes)
        self.journal.assign_slots(numbers[order], positions, entries.links, slots.cpu())

    def _write_pair(
        self, number: int, turn: int, keys: Tensor, values: Tensor, links: Tensor
    ) -> None:
        """Write one pair, in pass `turn`, into a memory that reinforces entries or is full."""
        memory, before = self.entries, self.entries.size
        right = 0
        nearest = None
        if self._reinforces:
            nearest = memory.read(keys.float(), k=1)
            right = int((nearest.values[:, 0] == values).sum())
        generator = torch.Generator().manual_seed(number << 8 | turn & 0xFF)
        slots = memory.write(keys, values, nearest, generator).cpu()
        self.journal.assign_slots(
            torch.full_like(slots, number), torch.arange(len(slots)), links, slots
        )
        self.evicted += len(values) - right - (memory.size - before)

    def _make_room(self, more: int) -> None:
        """Grow the memory to hold more entries, up to its limit."""
        needed = self.entries.size + more
        if needed > self.entries.capacity:
            limit = max(self.entries.config.limit, self.entries.capacity)
            spare = needed // GROWTH if self.entries.size else 0
            self.entries.grow(min(limit, needed + spare))

    @property
    def _reinforces(self) -> bool:
        return self.entries.config.reinforce

    def _encode(self, pairs: Sequence[Pair]) -> Entries:
        """The entries of pairs, encoded by the model."""
        known, encode = self._checkpoint, self._checkpoint.tokenizer.encode
        encoded = [
            (
                encode(normalise(pair.source.strip()).text),
                encode(normalise(pair.target.strip()).text),
            )
            for pair in pairs
        ]
        counterparts = WordAligner(known.tokenizer, known.lexicon)
        dtype = torch.float32 if self._reinforces else self.entries.keys.dtype
        return encode_pairs(known.model, counterparts, encoded, dtype, self.progress)

    def _entries_from_memory(self) -> EntriesOf:
        """Copies the entries of remembered pairs; encodes them if any was merged or evicted."""
        if self._reinforces or self.evicted:
            return self._encode
        memory, journal, slots = (
            self.entries,
            self.journal,
            self.journal.slots_by_pair(self.entries.size),
        )

        def stored(pairs: Sequence[Pair]) -> Entries:
            held = [slots[journal.pair_number(pair)] for pair in pairs]
            lengths = torch.tensor([len(each) for each in held], dtype=torch.long)
            chosen = torch.cat([torch.empty(0, dtype=torch.long), *held])
            links = journal.links[chosen].long()
            chosen = chosen.to(memory.values.device)
            return Entries(memory.keys[chosen], memory.values[chosen], links, lengths)

        return stored
