"""The server's settings as an administrator sees and changes them: texts, values, and the file that keeps
them.
"""

from hub.server_settings.listing import is_secret, shown
from hub.server_settings.server_settings import Changed, ServerSettings

__all__ = ["Changed", "ServerSettings", "is_secret", "shown"]
