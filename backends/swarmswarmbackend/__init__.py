"""Another hub, or a SwarmUI server, as an engine."""
