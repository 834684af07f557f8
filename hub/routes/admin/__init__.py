"""SwarmUI's Admin family: accounts, roles, and who is here (swarm-api §2.5)."""
