"""SwarmUI's Models family (swarm-api §2.3)."""
