"""The checkers that come with the hub, a file each."""
