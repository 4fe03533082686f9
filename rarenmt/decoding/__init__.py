"""Beam search, and the constraints and candidates that change its scores."""
