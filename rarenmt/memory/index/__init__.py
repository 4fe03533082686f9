"""Nearest neighbours among the keys: exact and FAISS."""
