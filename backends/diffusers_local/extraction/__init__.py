"""A LoRA out of the difference of two models of one architecture, in a process of its own."""
