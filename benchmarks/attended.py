"""How much attention the right source word gets while a word of held-out pairs is written.

The decoder is fed with the reference. Which source word is right says the aligner, which sees the
held-out pairs together with the training text. Prints a row of a Markdown table a checkpoint.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.text.batch import Ids, pair_batch
from rarenmt.text.corpus import read_corpus
from rarenmt.text.words import WordBoundaries
from rarenmt.training.aligner import Alignments, word_numbers

CPU = torch.device("cpu")
AT_ONCE = 50
LONG = 3
"""Pieces, from which a word is counted among the rare ones too."""


def encode(checkpoint: Checkpoint, corpus: str) -> list[tuple[Ids, Ids]]:
    tokenizer, languages = checkpoint.tokenizer, checkpoint.model.config.languages
    return [
        (tokenizer.encode(pair.source), tokenizer.encode(pair.target))
        for pair in read_corpus(corpus, languages)
    ]


@torch.inference_mode()
def look(checkpoint: Checkpoint, links: Alignments, pairs: list[tuple[Ids, Ids]]) -> Tensor:
    """For each linked word, where it begins: the attention of its source word, whether that is the
    most attended one, and whether the word is long (N, 3)."""
    joints = WordBoundaries.from_tokenizer(checkpoint.tokenizer)
    found = []
    for numbers in torch.arange(len(pairs)).split(AT_ONCE):
        batch = pair_batch([pairs[number] for number in numbers], CPU)
        _, weights = checkpoint.model.decode_reference(batch)
        linked = links.between(batch, numbers.tolist())
        words, own = (word_numbers(ids, joints).t() for ids in (batch.outputs, batch.source.ids))
        begins = words.diff(dim=1, prepend=words.new_full((len(words), 1), -1)) != 0
        chosen = linked.any(dim=-1) & begins
        most = own.gather(1, weights.argmax(dim=-1))[:, :, None] == own[:, None]
        pieces = torch.zeros_like(words).scatter_add(1, words, torch.ones_like(words))
        parts = (
            (weights * linked).sum(dim=-1),
            (linked & most).any(dim=-1),
            pieces.gather(1, words) >= LONG,
        )
        found.append(torch.stack([part[chosen].float() for part in parts], dim=1))
    return torch.cat(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="training text, from which the links are learnt")
    parser.add_argument("held_out", help="pairs to look at")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="of one vocabulary")
    arguments = parser.parse_args()
    print("| checkpoint | words | attention | most attended | long words | attention | most |")
    print("|---|---|---|---|---|---|---|")
    links = None
    for folder in arguments.models:
        checkpoint = load_checkpoint(folder, CPU)
        checkpoint.model.eval()
        pairs = encode(checkpoint, arguments.held_out)
        if links is None:
            learnt = encode(checkpoint, arguments.corpus)
            links = Alignments(pairs + learnt, checkpoint.tokenizer)
        words = look(checkpoint, links, pairs)
        cells = [folder.name]
        for some in (words, words[words[:, 2] > 0]):
            attention, most, _ = some.mean(dim=0).tolist()
            cells += [f"{len(some):,}", f"{attention:.3f}", f"{100 * most:.1f} %"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
