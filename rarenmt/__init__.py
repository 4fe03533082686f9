"""rarenmt: a translator that remembers what it is shown once."""

__version__ = "0.1.0"
