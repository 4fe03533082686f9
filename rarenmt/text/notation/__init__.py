"""How numbers and characters are written, and what a vocabulary can read of it."""
