"""The `rarenmt` command, one file a subcommand."""
