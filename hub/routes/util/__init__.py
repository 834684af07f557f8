"""SwarmUI's Util family: tools beside the making of pictures."""
