"""SwarmUI's T2I family (swarm-api §2.2)."""
