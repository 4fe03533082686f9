"""One-shot classification of Omniglot characters."""
