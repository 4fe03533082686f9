"""The experiments and their papers."""

from dataclasses import dataclass

EVENTS = "Kaiser, Nachum, Roy, Bengio 2017, Learning to Remember Rare Events"
ACTIVE = "Kaiser, Bengio 2016, Can Active Memory Replace Attention?"
AUGMENTED = "Santoro et al. 2016, One-shot Learning with Memory-Augmented Neural Networks"


@dataclass(frozen=True)
class System:
    """An experiment that `rarenmt reproduce NAME` repeats."""

    name: str
    paper: str
    section: str
    what: str


SYSTEMS = (
    System("gnmt", EVENTS, "4.3", "half a test set as context for the other half"),
    System("omniglot", EVENTS, "4.1", "a CNN with memory learns characters from one drawing"),
    System("synthetic", EVENTS, "4.2", "a table of 16,000 entries inside sequences of letters"),
    System("neural-gpu", ACTIVE, "2", "the Extended Neural GPU copies, reverses, adds"),
    System("mann", AUGMENTED, "4.1", "an LSTM with least-recently-used memory names characters"),
)
