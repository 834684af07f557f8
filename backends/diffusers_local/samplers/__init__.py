"""Samplers and schedules: names, the diffusers classes behind them, and the levels they walk."""
