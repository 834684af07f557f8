"""Stored workflows: graphs of ComfyUI's that users keep on the server by name, one file each."""

from hub.workflows.stored import StoredWorkflow, WorkflowHead
from hub.workflows.workflows import Workflows

__all__ = ["StoredWorkflow", "WorkflowHead", "Workflows"]
