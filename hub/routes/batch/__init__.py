"""Image batches: every picture of a folder through one generation (swarm-api §2.7)."""
