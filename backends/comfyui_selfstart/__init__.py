"""A ComfyUI on this machine that the hub starts, watches and ends; spoken to as `comfyui_api` speaks."""
