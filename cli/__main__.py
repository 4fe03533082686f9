"""`python -m rarenmt.cli` is the `rarenmt` command."""

from .app import app

app()
