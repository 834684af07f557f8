"""The engine and the stock pipeline side by side in one process, each asked by the same words."""
