"""What Hugging Face and Civitai tell of a file before it is fetched: address, size, digest, licence."""

import logging
from typing import Any

import msgspec
from msgspec import Struct

from hub.accounts import UpstreamKeys
from hub.downloads.source import CivitaiFile, RepoFile, Source, at_home, read_source
from hub.errors import BadInput, HubError
from hub.outside import Key, Outside, Place, Unreachable, read_place
from hub.settings import Downloads as Chosen

MOST_JSON = 16 * 1024 * 1024
"""Bytes of a description; a model of Civitai with hundreds of versions takes a few million."""

_log = logging.getLogger("hub.downloads")


class Facts(Struct, frozen=True):
    """Where a file is and what its site tells of it; "" and None where it tells nothing. `size` in bytes,
    `sha256` as 64 hexadecimal digits of the whole file."""

    place: Place
    name: str
    size: int | None = None
    sha256: str = ""
    license: str = ""


class Sites:
    """The two sites, asked through the guarded client with the user's own key."""

    def __init__(self, chosen: Chosen, outside: Outside, keys: UpstreamKeys) -> None:
        self.huggingface = read_place(chosen.huggingface, field="downloads.huggingface")
        self.civitai = read_place(chosen.civitai, field="downloads.civitai")
        self.outside = outside
        self._keys = keys

    def source(self, text: str) -> Source:
        """What the text of a user means. Raises BadInput, also for a host that is not allowed."""
        source = read_source(text, self.huggingface, self.civitai)
        place = self.civitai if isinstance(source, CivitaiFile) else source.place
        self.outside.rule.check(place, redirected=False)
        return source

    def key(self, user: str, place: Place) -> Key | None:
        """The user's key for the site of this place, None elsewhere and when none is stored."""
        for site, kind in ((self.huggingface, "huggingface_api"), (self.civitai, "civitai_api")):
            if place.origin == site.origin:
                secret = self._keys.use(user, kind)
                return Key(site.origin, secret) if secret else None
        return None

    def at_civitai(self, place: Place) -> Place | None:
        """The place at Civitai or the mirror that stands in for it, None for one elsewhere."""
        home = at_home(place, self.huggingface, self.civitai)
        return home if home.origin == self.civitai.origin else None

    async def facts(self, source: Source, user: str) -> Facts:
        """What is known before the transfer. Raises HubError when there is nothing to fetch."""
        if isinstance(source, CivitaiFile):
            return await self._of_civitai(source, user)
        name = source.place.path.rpartition("/")[2]
        licence = await self._repo_license(source, user) if isinstance(source, RepoFile) else ""
        return Facts(source.place, name, license=licence)

    async def json(self, place: Place, user: str) -> Any:
        """The JSON at a place. Raises HubError with the status for anything else."""
        async with self.outside.get(
            place, headers={"Accept": "application/json"}, key=self.key(user, place)
        ) as answer:
            if answer.status != 200:
                raise HubError(told(answer.status, answer.place.host), field="url")
            data = await answer.read(MOST_JSON)
        try:
            return msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
            raise HubError(f"{place.host} did not answer with JSON.", field="url") from wrong

    async def _repo_license(self, source: RepoFile, user: str) -> str:
        """The licence of a repository; "" when it cannot be had, which must not stop a download."""
        if not source.repo:
            return ""
        try:
            about = await self.json(_at(self.huggingface, f"/api/models/{source.repo}"), user)
        except HubError as trouble:
            _log.info("the licence of %s is not known: %s", source.repo, trouble)
            return ""
        card = about.get("cardData") if isinstance(about, dict) else None
        licence = card.get("license") if isinstance(card, dict) else None
        return licence[:200] if isinstance(licence, str) else ""

    async def _of_civitai(self, source: CivitaiFile, user: str) -> Facts:
        try:
            about = await self._version(source, user)
        except Unreachable:
            raise
        except HubError:
            if source.place is None:
                raise
            return Facts(source.place, "")  # the file itself may be had where its description cannot
        file = _pick(about.get("files"), source.place)
        if file is None:
            if source.place is not None:
                return Facts(source.place, "")
            raise BadInput("This model of Civitai has no .safetensors file to download.", field="url")
        hashes = file.get("hashes")
        digest = hashes.get("SHA256", "") if isinstance(hashes, dict) else ""
        version = about.get("id") if isinstance(about.get("id"), int) else source.version
        place = source.place or _at(self.civitai, f"/api/download/models/{version}")
        address = file.get("downloadUrl")
        if source.place is None and isinstance(address, str):
            named = read_place(address)
            place = _at(self.civitai, named.target) if named.host == "civitai.com" else named
            self.outside.rule.check(place, redirected=False)
        return Facts(
            place,
            str(file.get("name") or ""),
            size=None,  # told in rounded KiB; the transfer itself tells the bytes
            sha256=digest.lower() if isinstance(digest, str) and len(digest) == 64 else "",
            license=_license(about),
        )

    async def _version(self, source: CivitaiFile, user: str) -> dict[str, Any]:
        """The description of the version that is meant, with the model's licence facts in it."""
        if source.version:
            place = _at(self.civitai, f"/api/v1/model-versions/{source.version}")
            about = await self.json(place, user)
            if isinstance(about, dict):
                return about
        else:
            model = await self.json(_at(self.civitai, f"/api/v1/models/{source.model}"), user)
            versions = model.get("modelVersions") if isinstance(model, dict) else None
            if isinstance(versions, list) and versions and isinstance(versions[0], dict):
                return {**versions[0], "model": model}
        raise HubError("Civitai describes no version of this model.", field="url")


def told(status: int, host: str) -> str:
    """A status other than success, in words a user can act on."""
    if status in (401, 403):
        return (
            f"{host} refused access ({status}). Store your key for it in the user settings, and accept the "
            "model's terms there if it has any."
        )
    if status == 404:
        return f"{host} has no such file or model (404)."
    return f"{host} answered with status {status}."


def _at(site: Place, target: str) -> Place:
    return Place(site.scheme, site.host, site.port, target)


def _pick(files: object, wanted: Place | None) -> dict[str, Any] | None:
    """The file an address names, else the primary one, else the first; .safetensors only."""
    if not isinstance(files, list):
        return None
    named = [file for file in files if isinstance(file, dict)]
    usable = [file for file in named if str(file.get("name", "")).lower().endswith(".safetensors")]
    if wanted is not None and "?" in wanted.target:
        return next((file for file in usable if str(file.get("downloadUrl")).endswith(wanted.target)), None)
    return next((file for file in usable if file.get("primary")), usable[0] if usable else None)


def _license(about: dict[str, Any]) -> str:
    """What a model of Civitai allows, in words; "" when it does not tell."""
    model = about.get("model")
    if not isinstance(model, dict):
        return ""
    uses = model.get("allowCommercialUse")
    words = []
    if isinstance(uses, list | str):
        listed = ", ".join(str(use) for use in uses) if isinstance(uses, list) else uses
        words.append(f"commercial use: {listed or 'None'}")
    for key, text in (
        ("allowNoCredit", "without credit"),
        ("allowDerivatives", "derivatives"),
        ("allowDifferentLicense", "another licence for derivatives"),
    ):
        if isinstance(model.get(key), bool):
            words.append(f"{text}: {'yes' if model[key] else 'no'}")
    return "; ".join(words)[:500]
