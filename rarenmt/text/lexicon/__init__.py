"""Word statistics of the training text: translations, frequencies, inflection, co-occurrence."""
