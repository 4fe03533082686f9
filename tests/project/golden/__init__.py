"""Sentences and pairs, and what the shipped checkpoint makes of them."""
