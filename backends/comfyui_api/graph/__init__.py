"""The builder of workflows: a work and what the server has in, a graph for `POST /prompt` out. Pure.

Each feature is a file that names its `ORDER` and lays its nodes (`lay`); they are found by being here.
"""

from backends.comfyui_api.graph.build import build, features
from backends.comfyui_api.graph.outcome import Graph, Pass, Unbuildable, Upload

__all__ = ["Graph", "Pass", "Unbuildable", "Upload", "build", "features"]
