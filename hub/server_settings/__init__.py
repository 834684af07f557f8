"""The server's settings as an administrator sees and changes them: texts, values, and the file that keeps
them.
"""

from hub.server_settings.listing import holds_secret, is_secret, shown
from hub.server_settings.server_settings import Changed, ServerSettings

__all__ = ["Changed", "ServerSettings", "holds_secret", "is_secret", "shown"]
