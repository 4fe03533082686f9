"""The paper's synthetic task."""
