"""Sentences per CPU-second of the search, on the 320 sentences and with the sizes of the peers.

    python benchmarks/speed/decoding_speed.py --peers PEERS > decoding.jsonl

Every translation is forced to 15 pieces, as for the peers, so that speed does not depend on the
random weights; this search needs a 16th step to end. The configurations are timed in turn, round
after round. Figures are medians of the rounds, in CPU time of one thread.
"""

import argparse
import dataclasses
import time
from dataclasses import dataclass

import multi30k
import torch
from report import report_speed
from training_speed import SIZES, fill

from rarenmt.config import Config, SearchConfig
from rarenmt.decoding.beam_search import search
from rarenmt.decoding.candidates import CandidateSet, SentenceEntries
from rarenmt.decoding.prefix import EntryPrefixes
from rarenmt.memory.memory import EMPTY, Memory
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Source, source_batch
from rarenmt.text.tokenizer import EOS
from rarenmt.text.words import WordBoundaries

PIECES = 15


@dataclass(frozen=True)
class Kind:
    """A configuration to time."""

    bf16: bool
    """Whether the weights are bfloat16."""
    beam: int
    entries: int
    """Entries of the memory; 0 decodes without one."""
    candidates: int = 0
    """Entries that are candidates of each sentence; 0 searches all of them."""

    @property
    def name(self) -> str:
        how = "greedy" if self.beam == 1 else f"beam {self.beam}"
        memory = f"{self.entries} entries" if self.entries else "off"
        if self.candidates:
            memory = f"{self.candidates} of {memory}"
        return f"decoding {'bf16' if self.bf16 else 'fp32'}, {how}, memory {memory}"


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    batches = source_batches(multi30k.Multi30k(options.peers))
    models = {bf16: random_model(bf16) for bf16 in (False, True)}
    memories = {entries: full_memory(models[True], entries) for entries in options.entries}
    speeds: dict[Kind, list[float]] = {kind: [] for kind in kinds(options)}
    for _ in range(options.rounds):
        for kind, measured in speeds.items():
            memory = memories[kind.entries] if kind.entries else None
            measured.append(measure(models[kind.bf16], memory, kind, batches))
    for kind, measured in speeds.items():
        baseline = speeds[Kind(kind.bf16, kind.beam, 0)]
        report_speed(kind.name, dataclasses.asdict(kind), measured, baseline, "sentences")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    multi30k.add_option(parser)
    parser.add_argument(
        "--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"]
    )
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--entries", type=int, nargs="*", default=[100_000])
    parser.add_argument(
        "--candidates", type=int, nargs="*", default=[30, 120],
        help="candidate entries per sentence: of 2 pairs, and of the maximum, 8; 0 for all",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def kinds(options: argparse.Namespace) -> list[Kind]:
    memories = [(0, 0)] + [(e, count) for e in options.entries for count in options.candidates]
    return [
        Kind(name == "bf16", beam, entries, candidates)
        for name in options.precisions
        for beam in options.beams
        for entries, candidates in memories
    ]


def source_batches(data: multi30k.Multi30k) -> list[Source]:
    """The 320 sentences in the order and batches of the peers."""
    sources = [source for source, _ in data.pairs("t320")]
    starts = range(0, len(sources), multi30k.SENTENCES)
    cpu = torch.device("cpu")
    return [source_batch(sources[i : i + multi30k.SENTENCES], cpu) for i in starts]


def sentences(batches: list[Source]) -> int:
    return sum(len(batch.lengths) for batch in batches)


def random_model(bf16: bool) -> Model:
    """Random weights that never emit EOS."""
    model = Model(Config(model=SIZES)).eval()
    model.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.output.bias[EOS] = -torch.inf
    return model.bfloat16() if bf16 else model


def full_memory(model: Model, entries: int) -> Memory:
    memory = model.new_memory(slots=entries, dtype=torch.bfloat16)
    fill(memory, entries)
    return memory


def measure(model: Model, memory: Memory | None, kind: Kind, batches: list[Source]) -> float:
    """Sentences per CPU-second."""
    config = SearchConfig(beam=kind.beam, longest_ratio=0, longest_extra=PIECES)
    search(model, batches[0], memory, config, random_candidates(memory, kind, batches[0]))
    begin = time.process_time()
    for batch in batches:
        found = search(model, batch, memory, config, random_candidates(memory, kind, batch))
        assert all(len(hypotheses[0].pieces) == PIECES for hypotheses in found)
    return sentences(batches) / (time.process_time() - begin)


def random_candidates(memory: Memory | None, kind: Kind, batch: Source) -> CandidateSet | None:
    """Random candidate entries for each sentence."""
    if memory is None or not kind.candidates:
        return None
    generator = torch.Generator().manual_seed(0)
    shape = (len(batch.lengths), kind.candidates)
    chosen = torch.randint(0, memory.size, shape, generator=generator)
    unknown = torch.full((memory.size,), EMPTY)
    nothing = torch.zeros(SIZES.vocabulary, dtype=torch.bool)
    signs = (nothing, nothing, nothing, nothing, nothing)
    itself = torch.arange(len(nothing))
    whole = WordBoundaries(*signs, itself, itself, space=EMPTY)
    prefixes = EntryPrefixes(unknown, unknown, unknown, whole)
    places = torch.rand(*shape, len(batch.ids), generator=generator) < 0.05
    entries = [SentenceEntries(*each) for each in zip(chosen, places, strict=True)]
    return CandidateSet.from_entries(memory, prefixes, entries)


if __name__ == "__main__":
    main()
