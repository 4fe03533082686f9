"""Atomic files, locks, and tensors on disk."""
