"""Engines that make pictures, and the contract they share. Knows nothing of the hub."""
