"""The key-value memory of Kaiser et al. 2017, for any torch network."""
