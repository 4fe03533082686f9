"""The network: encoder, attention, decoder, query, readout; and its checkpoint."""
