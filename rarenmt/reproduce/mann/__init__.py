"""Memory-augmented networks (Santoro et al. 2016)."""
