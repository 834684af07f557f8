"""SwarmUI's backends family: the engines behind the hub (swarm-api §2.4)."""
