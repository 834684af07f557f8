"""Benches: each measures the hub beside a peer in one run and prints ratios, never bare times."""
