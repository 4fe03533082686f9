"""What the training text says of words: translations, frequencies, inflection, co-occurrence."""
