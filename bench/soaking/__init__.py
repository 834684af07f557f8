"""What the bench `soak` is made of: a hub that is killed and started again, tabs that come and go, faults,
and books of all that was told."""
