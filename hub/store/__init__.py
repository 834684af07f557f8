"""What outlives the process: tables and migrations, one writer with group commit, lists apart."""

from hub.store.images import ImageRow, Images
from hub.store.jobs import JobRow, Jobs
from hub.store.opening import UnusableDatabase
from hub.store.presets import PresetRow
from hub.store.roles import RoleRow
from hub.store.sessions import SessionRow, TokenRow
from hub.store.users import UserRow
from hub.store.whole import Store

__all__ = [
    "ImageRow",
    "Images",
    "JobRow",
    "Jobs",
    "PresetRow",
    "RoleRow",
    "SessionRow",
    "Store",
    "TokenRow",
    "UnusableDatabase",
    "UserRow",
]
