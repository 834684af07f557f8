"""GetServerResourceInfo: what the machine uses up now (swarm-api §2.5)."""

from msgspec import UNSET, Struct, UnsetType

from hub.accounts import Caller
from hub.resources import Gpu, Resources
from hub.wire import Nothing, api


class CpuOut(Struct, frozen=True):
    """`usage` is the share of all cores' time, 0 to 1."""

    usage: float
    cores: int


class RamOut(Struct, frozen=True):
    """Bytes; `used` is what no program could have."""

    total: int
    used: int
    free: int


class DiskOut(Struct, frozen=True):
    """Bytes of the disk that the outputs are on. Ours, not SwarmUI's."""

    total: int
    used: int
    free: int


class ResourcesOut(Struct, frozen=True):
    """The machine; `gpus` by number, left out where no NVIDIA card was found. Memory is in bytes, use in per
    cent, temperature in degrees Celsius, `power` in watts."""

    cpu: CpuOut
    system_ram: RamOut
    disk: DiskOut
    gpus: dict[str, Gpu] | UnsetType = UNSET


@api("GetServerResourceInfo", permission="read_server_info_panels")
async def get_server_resource_info(caller: Caller, given: Nothing, resources: Resources) -> ResourcesOut:
    """Tell how much of the machine is used: processor, memory, disk, graphics cards."""
    now = await resources.now()
    look = now.look
    gpus = {str(number): gpu for number, gpu in now.gpus.items()}
    return ResourcesOut(
        cpu=CpuOut(round(look.cpu, 4), look.cores),
        system_ram=RamOut(look.ram_total, look.ram_used, look.ram_free),
        disk=DiskOut(look.disk_total, look.disk_total - look.disk_free, look.disk_free),
        gpus=gpus or UNSET,
    )
