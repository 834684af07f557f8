"""Backups: the database as it is at one moment, what belongs to it, and the way back."""

from hub.backups.make import Made, make_backup
from hub.backups.manifest import BadBackup
from hub.backups.restore import restore_backup
from hub.backups.swap import is_pending, settle

__all__ = ["BadBackup", "Made", "is_pending", "make_backup", "restore_backup", "settle"]
