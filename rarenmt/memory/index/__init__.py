"""Nearest neighbours among the keys: exact, FAISS and LSH."""
