"""The grid generator: grids of images over several parameters (swarm-api §2.7)."""
