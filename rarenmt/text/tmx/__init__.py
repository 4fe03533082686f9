"""TMX 1.4b: read and written."""
