"""Remembered pairs, their entries in the memory, and which of them a sentence may use."""
