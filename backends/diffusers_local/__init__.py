"""The engine of this machine: image models run through diffusers, in a worker process of its own."""
