"""Kinds of values and marks that settings have in common."""

from typing import Annotated

from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
EngineLine = Annotated[str, Meta(pattern=r"^\S+(\s+[A-Za-z_]+=\S*)*\s*$")]
"""A type of engine and its settings as `name=value`."""
AT_ONCE = {"at_once": True}
"""Marks a setting whose change holds without a restart: whoever reads it reads it when it is needed."""
SECRET = {"secret": True}
"""Marks a setting whose value is never shown."""
Positive = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(gt=0)]
