"""SwarmUI's ComfyUI extension: stored workflows, graphs as they would be sent, and the way straight to a
server (swarm-api §2.7).
"""
