"""Reading and writing TMX 1.4b."""
