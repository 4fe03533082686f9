"""From strings to token ids and back."""
