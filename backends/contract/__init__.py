"""What an engine is asked and what it answers: the only words that the hub and an engine share.

One `Work` is one picture. The hub sends `Command`s down and receives `Report`s up; both travel as
length-prefixed msgpack frames between processes, or as plain values inside one process. An engine of any
kind (a local worker, a remote server) is reached through the `Engine` protocol.
"""

from backends.contract.client import KEEP, Client, Drawer, Misconfigured, Surroundings, Unreachable
from backends.contract.commands import Cancel, Command, Free, Load, Ping, Refresh, Submit, Watch
from backends.contract.engines import Engine, EngineConfig, EngineState, EngineType
from backends.contract.reports import (
    Alive,
    Broken,
    Cancelled,
    Done,
    Emit,
    Failed,
    Held,
    Image,
    Loaded,
    LoadFailed,
    Loading,
    Log,
    Offers,
    Payload,
    Pong,
    Progress,
    Ready,
    RemoteModel,
    Report,
    Started,
)
from backends.contract.work import Control, Lora, ModelRef, Region, SecondPass, Work, Workflow

__all__ = [
    "KEEP",
    "Alive",
    "Broken",
    "Cancel",
    "Cancelled",
    "Client",
    "Command",
    "Control",
    "Done",
    "Drawer",
    "Emit",
    "Engine",
    "EngineConfig",
    "EngineState",
    "EngineType",
    "Failed",
    "Free",
    "Held",
    "Image",
    "Load",
    "LoadFailed",
    "Loaded",
    "Loading",
    "Log",
    "Lora",
    "Misconfigured",
    "ModelRef",
    "Offers",
    "Payload",
    "Ping",
    "Pong",
    "Progress",
    "Ready",
    "Refresh",
    "Region",
    "RemoteModel",
    "Report",
    "SecondPass",
    "Started",
    "Submit",
    "Surroundings",
    "Unreachable",
    "Watch",
    "Work",
    "Workflow",
]
