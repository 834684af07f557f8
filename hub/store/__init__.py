"""What outlives the process: tables and migrations, one writer with group commit, lists apart."""

from hub.store.departures import DepartureRow, PictureRow
from hub.store.engines import EngineRow
from hub.store.history import DEEPEST, Asked, Page
from hub.store.images import Images
from hub.store.job_rows import JobRow
from hub.store.job_search import JobsAsked
from hub.store.jobs import Jobs
from hub.store.opening import UnusableDatabase, known_migrations
from hub.store.presets import PresetRow
from hub.store.reading import TooLong
from hub.store.roles import RoleRow
from hub.store.rows import ImageRow
from hub.store.runs import RunRow
from hub.store.sessions import SessionRow, TokenRow
from hub.store.users import UserRow
from hub.store.webhooks import DeliveryRow, WebhookRow
from hub.store.whole import Store
from hub.store.writer import is_locked

__all__ = [
    "DEEPEST",
    "Asked",
    "DeliveryRow",
    "DepartureRow",
    "EngineRow",
    "ImageRow",
    "Images",
    "JobRow",
    "Jobs",
    "JobsAsked",
    "Page",
    "PictureRow",
    "PresetRow",
    "RoleRow",
    "RunRow",
    "SessionRow",
    "Store",
    "TokenRow",
    "TooLong",
    "UnusableDatabase",
    "UserRow",
    "WebhookRow",
    "is_locked",
    "known_migrations",
]
