"""An engine elsewhere: a ComfyUI server that somebody runs, spoken to over HTTP and one websocket."""
