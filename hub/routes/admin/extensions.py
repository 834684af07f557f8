"""SwarmUI's routes for extensions and .NET (swarm-api §2.5). This hub has neither: each route says so in its
own shape, and what to do instead.
"""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import HubError
from hub.wire import Done, Nothing, api


class ExtensionIn(Struct, frozen=True):
    """Which extension."""

    extensionName: Annotated[str, Meta(description="Name of an extension of SwarmUI.")]


class SwitchIn(Struct, frozen=True):
    """Which extension, on or off."""

    extensionName: Annotated[str, Meta(description="Name of an extension of SwarmUI.")]
    enabled: Annotated[bool, Meta(description="Whether it is to work.")]


@api("InstallExtension", permission="manage_extensions", active=True)
async def install_extension(caller: Caller, given: ExtensionIn) -> Done:
    """Refuses: SwarmUI's extensions are C# programs, which this hub cannot run."""
    raise HubError(
        f"'{given.extensionName[:100]}' cannot be installed: SwarmUI's extensions are C# programs, which "
        "this hub cannot run. Its grids, image batches and ComfyUI workflows are built in; engines of one's "
        "own are folders named by the setting folders.engines.",
        field="extensionName",
    )


@api("UpdateExtension", permission="manage_extensions", active=True)
async def update_extension(caller: Caller, given: ExtensionIn) -> Done:
    """Refuses: no extension is installed."""
    raise _none_installed(given.extensionName)


@api("UninstallExtension", permission="manage_extensions", active=True)
async def uninstall_extension(caller: Caller, given: ExtensionIn) -> Done:
    """Refuses: no extension is installed."""
    raise _none_installed(given.extensionName)


@api("SetExtensionEnabled", permission="manage_extensions", active=True)
async def set_extension_enabled(caller: Caller, given: SwitchIn) -> Done:
    """Refuses: no extension is installed."""
    raise _none_installed(given.extensionName)


@api("InstallDotnetUpdate", permission="install", active=True)
async def install_dotnet_update(caller: Caller, given: Nothing) -> Done:
    """Refuses: this hub is a Python program and needs no .NET."""
    raise HubError("This hub is a Python program and needs no .NET, so there is nothing to update.")


def _none_installed(name: str) -> HubError:
    return HubError(
        f"There is no extension '{name[:100]}': this hub runs none of SwarmUI's extensions.",
        field="extensionName",
    )
