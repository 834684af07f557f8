"""The grids room's front: draws grids, whoever still looks on."""

import asyncio
import base64
import logging
import time
from pathlib import Path
from uuid import uuid4

import msgspec

from backends.contract import Image
from hub.accounts import Caller
from hub.errors import HubError
from hub.grids.drawing import Drawing, Drawn, Failed, Tell, Told
from hub.grids.kept import read_plan, write_plan
from hub.grids.page import PAGE, page
from hub.grids.picture import draw_grid
from hub.grids.plan import Order, Plan, Planner, deep
from hub.jobs import Go, Intake, Jobs, Run, Runs
from hub.media import ENDINGS, Finished, Media, NoSuchImage, NotSaved, Saved, occasion_of, read_text
from hub.params import Registry, spread
from hub.settings import Limits

CONFIG = "swarm_save_config.json"
INTERRUPTED = "Generation session interrupted."
_log = logging.getLogger(__name__)


class Grids:
    """Every grid being drawn."""

    def __init__(
        self, registry: Registry, intake: Intake, jobs: Jobs, media: Media, runs: Runs, limits: Limits
    ) -> None:
        self._registry = registry
        self._jobs = jobs
        self._media = media
        self._planner = Planner(registry, intake, jobs, media, limits)
        self._runs = runs
        self._folders: set[tuple[str, str]] = set()

    async def plan(self, order: Order, caller: Caller) -> Plan:
        """The grid of an order; every refusal happens here. Raises HubError or BadInput."""
        return await self._planner.plan(order, caller)

    def exists(self, user: str, name: str) -> bool:
        """Whether a user has a grid of this name with a page. Raises BadInput."""
        return self._planner.exists(user, name)

    async def run(self, plan: Plan, caller: Caller, tell: Tell) -> None:
        """Draw a grid to its end, which also comes when nobody waits for it any more, or when the hub is
        started anew. Raises HubError."""
        self._demand_folder(plan, caller.user)
        data = await asyncio.to_thread(write_plan, plan)
        await self._runs.begin(caller, data, self._going(plan, tell))

    def resume(self) -> None:
        """Go on with the grids that an earlier process left. Once the jobs have started."""
        self._runs.resume(lambda row: self._going(read_plan(row.plan, self._registry.find), _nobody))

    @property
    def busy(self) -> bool:
        """Whether one of them is not over."""
        return self._runs.busy

    async def forget(self, user: str) -> None:
        """End what a user has going whose account is gone."""
        await self._runs.forget(user)

    async def stop(self) -> None:
        """Look on no longer; the next start goes on with all of it."""
        await self._runs.stop()

    def _going(self, plan: Plan, tell: Tell) -> Go:
        """What draws a plan."""

        async def go(run: Run, caller: Caller) -> None:
            self._demand_folder(plan, caller.user)
            key = (caller.user, plan.folder or run.id)
            self._folders.add(key)
            try:
                await self._draw(plan, caller, run, tell)
            finally:
                self._folders.discard(key)

        return go

    def _demand_folder(self, plan: Plan, user: str) -> None:
        """Refuse a folder that a grid is being drawn into. Raises HubError."""
        if plan.folder and (user, plan.folder) in self._folders:
            raise HubError(
                f"A grid into the folder '{plan.title}' is being drawn already. Wait for it, interrupt "
                "it, or choose another folder.",
                field="outputFolderName",
            )

    def histories(self, user: str) -> list[str]:
        """Names of the user's grids whose set-up lies beside their page, newest first."""
        home = self._media.outputs.home(user) / self._planner.home(user)
        try:
            found = [(file.stat().st_mtime_ns, file.parent.name) for file in home.glob(f"*/{CONFIG}")]
        except OSError:
            return []
        return [name for _, name in sorted(found, reverse=True)]

    def history(self, user: str, name: str) -> Path | None:
        """The file of such a set-up, None when there is none. Raises BadInput."""
        folder = self._planner.folder(user, name)
        file = self._media.outputs.inside(user, f"{folder}/{CONFIG}")
        return file if file.is_file() else None

    # ---- inner -------------------------------------------------------------------------------------------

    async def _draw(self, plan: Plan, caller: Caller, run: Run, tell: Tell) -> None:
        order = plan.order
        await self._begin(plan, caller.user)
        drawing = Drawing(self._jobs, deep(caller) if plan.folder else caller, run, tell, go_on=order.go_on)
        await drawing.draw(plan.drawn)
        if plan.folder and order.page:
            await self._write_page(plan, caller.user, whole=True)
        if drawing.failed and not order.go_on:
            first = drawing.failed[0]
            raise HubError(f"The grid was stopped, because an image failed: {first.text}", **first.extra)
        if drawing.interrupted:
            raise HubError(INTERRUPTED)
        if order.output == "Grid Image" and drawing.urls:
            saved = await self._make_picture(plan, drawing.urls, caller)
            tell(Drawn(len(plan.drawn) + 1, self._jobs.next_number(caller.user), saved.url, saved.metadata))

    async def _begin(self, plan: Plan, user: str) -> None:
        """What lies beside the images, before the first of them comes."""
        if not plan.folder:
            return
        if plan.order.config is not None:
            text = msgspec.json.encode(plan.order.config).decode()
            await self._keep(user, f"{plan.folder}/{CONFIG}", text, listed=False)
        if plan.order.page:
            await self._write_page(plan, user, whole=False)

    async def _write_page(self, plan: Plan, user: str, *, whole: bool) -> None:
        """The page, whose images may still be to come; a `whole` grid's tells of them what it shall."""
        metadata = plan.order.publish and whole
        endings, texts = await asyncio.to_thread(self._look, plan, user, read=metadata)
        for cell, request in plan.drawn:
            endings.setdefault(cell.path, ENDINGS.get(request.format, "png"))
        usual = next(iter(endings.values()), "png")
        others = {path: ending for path, ending in endings.items() if ending != usual}
        text = page(plan.title, plan.axes, usual, others, texts)
        await self._keep(user, f"{plan.folder}/{PAGE}", text, listed=True)

    def _look(self, plan: Plan, user: str, *, read: bool) -> tuple[dict[str, str], dict[str, str]]:
        """The endings of the images that are there, and what they tell of themselves; for a thread."""
        home = self._media.outputs.home(user) / plan.folder
        endings: dict[str, str] = {}
        texts: dict[str, str] = {}
        for cell in plan.cells:
            ending = self._media.kept_as(user, f"{plan.folder}/{cell.path}")
            if ending is None:
                continue
            endings[cell.path] = ending
            if read and (text := read_text(home / f"{cell.path}.{ending}")):
                texts[cell.path] = text
        return endings, texts

    async def _keep(self, user: str, path: str, text: str, *, listed: bool) -> None:
        try:
            await self._media.keep_text(user, path, text, listed=listed)
        except NotSaved as trouble:
            raise HubError(f"The grid's page could not be written: {trouble}.") from trouble

    async def _make_picture(self, plan: Plan, urls: dict[str, str], caller: Caller) -> Saved:
        """All images as one, kept like any picture. Raises HubError."""
        request = plan.drawn[0][1].without_pictures()

        def read(path: str) -> bytes | None:
            return self._read(caller.user, urls[path]) if path in urls else None

        try:
            data, width, height = await asyncio.to_thread(
                draw_grid, plan.axes, read, request.format, request.quality
            )
            name, now = uuid4().hex, time.time()
            request = msgspec.structs.replace(request, path_format=f"{request.path_format}-grid", images=1)
            work = spread(request, name, caller.user, caller.session)[0]
            return await self._media.save(
                Finished(
                    job=name,
                    index=0,
                    user=caller.user,
                    request=request,
                    work=msgspec.structs.replace(work, width=width, height=height, second=None),
                    image=Image(f"{name}:0", data, request.format),
                    occasion=occasion_of(now, len(plan.drawn) % 1000, len(plan.drawn) + 1, caller.user),
                    prepare_seconds=None,
                    created=int(now * 1000),
                    depth=caller.limits.max_outpath_depth,
                    unsafe=caller.limits.allow_unsafe_outpaths,
                )
            )
        except (OSError, ValueError, NoSuchImage, NotSaved) as trouble:
            _log.exception("The picture of a grid of %s could not be made", caller.user)
            raise HubError("Server failed to save an image.", detail=str(trouble)) from trouble

    def _read(self, user: str, url: str) -> bytes:
        if url.startswith("data:"):
            return base64.b64decode(url.partition(",")[2])
        return self._media.gallery.file(user, url).read_bytes()


def _nobody(told: Told) -> None:
    """Whoever asked is no longer there; what will not come is noted at least."""
    if isinstance(told, Failed):
        _log.warning("Image %d of a grid that goes on after a restart failed: %s", told.place, told.text)
