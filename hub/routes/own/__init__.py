"""Our own routes below /hub/v1: what SwarmUI has no route for."""
