"""Reading and writing files of sentence pairs: which format, which columns, which encoding."""
