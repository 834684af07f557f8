"""The peers the hub is measured against, each a program of its own: `python -m bench.peers.<name> PORT`."""
