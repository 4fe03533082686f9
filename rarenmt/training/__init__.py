"""Training: data, losses, episodes, the loop."""
