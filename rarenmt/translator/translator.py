"""Text in, text out: translate sentences, remember pairs, and say where a word came from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import torch

from rarenmt.config import RETRIEVAL, IndexName, RetrievalConfig, SearchConfig
from rarenmt.decoding.agreement import Agreement
from rarenmt.decoding.beam_search import Hypothesis, search
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.copying import CopyConstraints
from rarenmt.decoding.trace import Contribution, SearchHistory, Trace
from rarenmt.memory.index.choose import choose_index
from rarenmt.memory.memory import Memory
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.text.batch import Ids, by_length, source_batch
from rarenmt.text.matching import NOT_IN_PAIR, TmMatch
from rarenmt.text.pairs import Pair
from rarenmt.text.placeables import contains, find_placeables, missing_placeables
from rarenmt.text.words import attach_to_opening
from rarenmt.translation_memory.journal import Journal
from rarenmt.translation_memory.store import RememberResult, TranslationMemory
from rarenmt.translator.locations import default_memory, shipped_checkpoint
from rarenmt.translator.result import Entry, Origin, Part, Token, Translation
from rarenmt.translator.segments import cut_sentence, possible_sentences, split_sentences

BEAM = SearchConfig()
"""How a translation is looked for by default."""

BUDGET = 4000
"""Pieces times sentences of one batch."""

LONG = 40
"""Pieces; of a longer line the sentences are translated one by one."""

LONGEST = 120
"""Pieces; a longer sentence is translated in parts."""

NOTHING = (None, None)
"""What is asked without a memory."""


class Translator:
    """A checkpoint, its memory and the journal of that memory."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        memory_path: Path | None = None,
        *,
        index: IndexName = "auto",
        retrieval: RetrievalConfig = RETRIEVAL,
    ) -> None:
        self.checkpoint = checkpoint
        self.model, self.tokenizer = checkpoint.model, checkpoint.tokenizer
        self.device = self.model.embedding.weight.device
        self.translation_memory = TranslationMemory(checkpoint, memory_path, retrieval)
        self._agreement = Agreement(
            self.model, self.tokenizer, checkpoint.lexicon, checkpoint.company
        )
        self._index: IndexName = index
        self._indexed: Memory | None = None

    @classmethod
    def load(
        cls,
        folder: Path | str | None = None,
        *,
        memory: Path | str | None = None,
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
        index: IndexName = "auto",
        retrieval: RetrievalConfig = RETRIEVAL,
    ) -> "Translator":
        """A checkpoint folder (default: the shipped one) with its memory file (default:
        `rarenmt.translator.locations.default_memory`); a missing file is an empty memory.

        bfloat16 is for translating: what is remembered should not depend on how fast it was.
        """
        folder = Path(folder or shipped_checkpoint())
        checkpoint = load_checkpoint(folder, torch.device(device))
        checkpoint.model.to(precision)
        return cls(
            checkpoint, Path(memory or default_memory(folder)), index=index, retrieval=retrieval
        )

    @property
    def memory(self) -> Memory:
        """The keys and values that are asked."""
        return self.translation_memory.memory

    @property
    def journal(self) -> Journal:
        """What was remembered."""
        return self.translation_memory.journal

    @overload
    def translate(  # type: ignore[overload-overlap]  # a string is a sequence of strings, too
        self, sentences: str, config: SearchConfig = ..., *, memory: bool = ..., explain: bool = ...
    ) -> Translation: ...

    @overload
    def translate(
        self,
        sentences: Sequence[str],
        config: SearchConfig = ...,
        *,
        memory: bool = ...,
        explain: bool = ...,
    ) -> list[Translation]: ...

    def translate(
        self,
        sentences: str | Sequence[str],
        config: SearchConfig = BEAM,
        *,
        memory: bool = True,
        explain: bool = True,
    ) -> Translation | list[Translation]:
        """The translation of one sentence, or those of several in their order; white space around
        them is kept.

        Without `explain` the tokens of what is searched do not say what they came from.
        """
        if isinstance(sentences, str):
            [translation] = self.translate([sentences], config, memory=memory, explain=explain)
            return translation
        shown = self.journal.match if memory and config.repeat else _nothing
        parts = [list(self._parts(sentence, shown)) for sentence in sentences]
        encoded = [(text, self._encode(text)) for each in parts for text, own in each if not own]
        asked = [(text, ids) for text, ids in encoded if len(ids) <= LONGEST]
        answers = iter(self._search(asked, config, memory=memory, explain=explain))
        return [
            self._put_together(sentence, each, answers)
            for sentence, each in zip(sentences, parts, strict=True)
        ]

    def retrieve(self, sentence: str) -> list[Pair]:
        """The remembered pairs that a sentence asks, in the order they were remembered."""
        if self.memory.config.lookup == "whole":
            return list(self.journal.pairs)
        return [
            self.journal.pairs[number]
            for number in self.translation_memory.candidate_finder.retrieve(sentence)
        ]

    def _put_together(
        self,
        sentence: str,
        parts: Sequence[tuple[str, TmMatch | None]],
        answers: Iterator[Hypothesis],
    ) -> Translation:
        """One translation from those of its parts: a part that was shown is said as it was, one too
        long to be language is copied."""
        explained: list[Part] = []
        for text, shown in parts:
            if shown:
                part = self._repeat(text, shown)
            elif self._length(text) > LONGEST:
                part = Part([text], [Token(text)])
            else:
                found = next(answers)
                part = self._explain(text, found)
                if found.missing:
                    part = replace(
                        part, missing=missing_placeables(text, self.tokenizer.decode(found.pieces))
                    )
            if explained and part.tokens:
                first = part.tokens[0]
                part.tokens[0] = replace(first, piece=" " + first.piece)
            explained.append(part)
        said = "".join(token.piece for part in explained for token in part.tokens)
        return Translation(_surround(sentence, said), explained)

    def remember(self, pairs: Iterable[Pair], *, passes: int = 1) -> RememberResult:
        """Write pairs into the memory, in RAM until it is saved; see `TranslationMemory`."""
        return self.translation_memory.remember(pairs, passes=passes)

    def verify(
        self, pairs: Sequence[Pair], config: SearchConfig = BEAM
    ) -> list[tuple[Pair, Translation]]:
        """Translate the sources again; the pairs whose target is not reproduced, each with its
        translation. White space around a text does not count."""
        sources = [pair.source for pair in pairs]
        translations = self.translate(sources, config, explain=False)
        return [
            (pair, translation)
            for pair, translation in zip(pairs, translations, strict=True)
            if translation.text.strip() != pair.target.strip()
        ]

    def _encode(self, text: str) -> Ids:
        return self.tokenizer.encode(text.strip())

    def _length(self, text: str) -> int:
        return len(self._encode(text))

    def _parts(
        self, sentence: str, shown: Callable[[str], TmMatch | None]
    ) -> Iterator[tuple[str, TmMatch | None]]:
        """A line as a whole if that was shown, else the sentences in it that were, and what stands
        between them; a blank one is nothing. Beside each part what was shown for it."""
        text = sentence.strip()
        whole = shown(text)
        if whole:
            yield text, whole
            return
        done = 0
        for start, end in possible_sentences(text):
            said = shown(text[start:end]) if " " in text[start:end] else None  # *No.* ends nothing
            if said:
                yield from self._unshown(text[done:start].strip())
                yield text[start:end], said
                done = end
        yield from self._unshown(text[done:].strip())

    def _unshown(self, text: str) -> Iterator[tuple[str, None]]:
        """A text as a whole or, if it is long, its sentences; a blank one is nothing."""
        if self._length(text) > LONG:
            for start, end in split_sentences(text):
                for part in cut_sentence(text[start:end], LONGEST, self._length):
                    yield part, None
        elif text:
            yield text, None

    def _search(
        self,
        sentences: Sequence[tuple[str, Ids]],
        config: SearchConfig,
        *,
        memory: bool,
        explain: bool,
    ) -> list[Hypothesis]:
        """The best hypothesis for each sentence, searched in batches of similar length; those that
        pass over what they should say as it stands are searched once more."""
        found: dict[int, Hypothesis] = {}
        waiting = list(range(len(sentences)))
        for pointer_weight in config.constraints.pointer_weights:
            sizes = [(len(sentences[i][1]) + 1) * config.beam for i in waiting]
            for chosen in by_length(sizes, BUDGET):
                numbers = [waiting[place] for place in chosen]
                some = [sentences[i] for i in numbers]
                best = self._search_batch(
                    some, config, pointer_weight, memory=memory, explain=explain
                )
                for i, hypothesis in zip(numbers, best, strict=True):
                    if i not in found or hypothesis.missing < found[i].missing:
                        found[i] = hypothesis
            waiting = [i for i in waiting if found[i].missing]
        return [found[i] for i in range(len(sentences))]

    def _search_batch(
        self,
        sentences: Sequence[tuple[str, Ids]],
        config: SearchConfig,
        pointer_weight: float,
        *,
        memory: bool,
        explain: bool,
    ) -> list[Hypothesis]:
        texts, sources = zip(*sentences, strict=True)
        consulted, asked = self._consult(texts, config) if memory else NOTHING
        copying = None
        if config.verbatim:
            reworded = [self._reworded(text) if asked else set() for text in texts]
            counts, languages = self.checkpoint.counts, self.model.config.languages
            copying = CopyConstraints.from_sources(
                sources, reworded, self.tokenizer, counts, languages, pointer_weight,
                config.constraints, self.device,
            )  # fmt: skip
        batch = source_batch(sources, self.device)
        history = SearchHistory(keep_recalls=explain)
        noted = history if explain or asked else None
        found = search(self.model, batch, consulted, config, asked, copying, noted)
        best = [first for first, *_ in found]
        if asked is None:
            return best
        return self._agreement.revise(sources, best, asked, history, config.constraints)

    def _reworded(self, sentence: str) -> set[str]:
        """The spans of a sentence that a remembered pair which it asks says in other words."""
        own = find_placeables(sentence, self.checkpoint.counts)
        pairs = self.retrieve(sentence) if own else []
        return {
            each
            for p in pairs
            for each in own
            if contains(p.source, each) and not contains(p.target, each)
        }

    def _consult(
        self, sentences: Sequence[str], search: SearchConfig
    ) -> tuple[Memory | None, CandidateSet | None]:
        """The memory and those of its entries that these sentences ask; what the paper's memory
        holds is averaged of many pairs, and has no thread."""
        config = self.memory.config
        if config.lookup == "relevant":
            excerpt = self.translation_memory.candidate_finder.candidates(
                sentences, search.candidates
            )
            return (None if excerpt is None else self.memory), excerpt
        return (self._whole(), None) if self.memory.used else NOTHING

    def _whole(self) -> Memory:
        """The memory, with the index that was asked for; what is remembered never depends on it."""
        if self._indexed is not self.memory:
            self._indexed = self.memory
            self.memory.use(choose_index(self._index, self.memory.used, self.device))
        return self.memory

    def _repeat(self, source: str, shown: TmMatch) -> Part:
        """What was shown for this source; the decoder looks at nothing meanwhile."""
        tokens = []
        end = 0
        for piece in self.tokenizer.pieces(self._encode(shown.text)):
            start, end = end + len(piece) - len(piece.lstrip()), end + len(piece)
            places = [place for place in shown.positions[start:end] if place != NOT_IN_PAIR]
            tokens.append(Token(_on_one_line(piece), _said_again(shown.pair, places)))
        return Part(self._source_pieces(source), tokens, shown)

    def _explain(self, source: str, hypothesis: Hypothesis) -> Part:
        """The pieces as text, each with what it came from."""
        pieces = attach_to_opening(self.tokenizer.pieces(hypothesis.pieces))
        texts = [_on_one_line(piece) for piece in pieces]
        if not hypothesis.traces:
            return Part([], [Token(text) for text in texts])
        tokens = [
            Token(text, self._origin(trace), trace.attention)
            for text, trace in zip(texts, hypothesis.traces, strict=True)
        ]
        return Part(self._source_pieces(source), tokens)

    def _source_pieces(self, source: str) -> list[str]:
        return [*self.tokenizer.pieces(self._encode(source)), ""]

    def _origin(self, trace: Trace) -> Origin | None:
        """The pairs behind a piece, if there are any."""
        if not trace.contributions:
            return None
        return Origin(trace.weight, [self._entry(voice) for voice in trace.contributions])

    def _entry(self, voice: Contribution) -> Entry:
        """The pair that wrote a slot, and where in it the piece of the slot stands."""
        pair, position = self.journal.owner(voice.slot), self.journal.position(voice.slot)
        start, end = self.tokenizer.span(self._encode(pair.target), position)
        indent = len(pair.target) - len(pair.target.lstrip())
        return Entry(pair, (indent + start, indent + end), voice.similarity, voice.weight)


def _said_again(pair: Pair, places: Sequence[int]) -> Origin | None:
    """The pair behind a piece that stands at these places of its target, if there are any."""
    if not places:
        return None
    span = (places[0], places[-1] + 1)
    return Origin(1.0, [Entry(pair, span, similarity=1.0, weight=1.0)])


def _nothing(sentence: str) -> None:
    """What was shown for a sentence where nobody asks the memory."""


def _on_one_line(text: str) -> str:
    """A line in gives a line out, whatever was shown or learnt."""
    return text.replace("\n", " ")


def _surround(original: str, translation: str) -> str:
    """The translation with the white space that stood around the original."""
    if not original.strip():
        return original
    before = original[: len(original) - len(original.lstrip())]
    return before + translation.strip() + original[len(original.rstrip()) :]
