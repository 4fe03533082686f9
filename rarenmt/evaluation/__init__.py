"""Scores, their intervals, and the one-shot protocol."""
