"""A text as it is searched: without marks around it, in small letters."""
