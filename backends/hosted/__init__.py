"""What services that draw for a user's own key have in common: the calls, the refusals, the fitting.

No engine itself; `backends/stability_api` and `backends/openai_api` are made of it.
"""
