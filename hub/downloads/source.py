"""What users type to name a file elsewhere, read into one of few forms. Pure."""

import re
from urllib.parse import parse_qs, quote

from msgspec import Struct

from hub.errors import BadInput
from hub.outside import Place, read_place


class Plain(Struct, frozen=True):
    """A file at an address of its own."""

    place: Place


class RepoFile(Struct, frozen=True):
    """A file in a repository of Hugging Face. `repo` is owner and name, or "" where it is no model's."""

    place: Place
    repo: str


class CivitaiFile(Struct, frozen=True):
    """A model of Civitai: by its version, else by the model, whose newest version is meant.

    `place` is the exact file where the address named one.
    """

    model: int = 0
    version: int = 0
    place: Place | None = None


Source = Plain | RepoFile | CivitaiFile

_SHORT = re.compile(r"(?:hf:(?://)?)?([\w.-]+/[\w.-]+?)(?:@([\w./-]+?))?/((?:[^/@]+/)*[^/@]+\.safetensors)")
_CIVITAI = re.compile(r"(?:civitai:|urn:air:[\w.-]+:[\w.-]+:civitai:)(\d+)(?:@(\d+))?")
_IN_REPO = re.compile(r"/((?:[\w.-]+/){1,3})(?:blob|resolve|raw)/([^/]+)/(.+)")
_BARE_HOSTS = ("huggingface.co/", "hf.co/", "civitai.com/", "www.civitai.com/")
_ALIASES = {
    "hf.co": "huggingface.co",
    "www.huggingface.co": "huggingface.co",
    "www.civitai.com": "civitai.com",
}


def read_source(text: str, huggingface: Place, civitai: Place) -> Source:
    """What an address or short form means; the two places are those of the sites. Raises BadInput.

    Short forms: `hf:owner/repository/file.safetensors` (`hf:` may be left out, `@revision` put behind the
    repository), `civitai:<version>`, `civitai:<model>@<version>` and Civitai's `urn:air:` names.
    """
    text = text.strip()
    named = _CIVITAI.fullmatch(text)
    if named is not None:
        first, second = int(named[1]), int(named[2] or 0)
        return CivitaiFile(model=first, version=second) if second else CivitaiFile(version=first)
    if text.lower().startswith(_BARE_HOSTS):
        text = f"https://{text}"
    short = _SHORT.fullmatch(text)
    if short is not None:
        repo, revision, path = short[1], short[2] or "main", short[3]
        return RepoFile(_resolve(huggingface, f"{repo}/", revision, path), repo)
    place = at_home(read_place(text), huggingface, civitai)
    if place.origin == huggingface.origin:
        return _in_repo(place, huggingface)
    if place.origin == civitai.origin:
        return _on_civitai(place)
    return Plain(place)


def at_home(place: Place, huggingface: Place, civitai: Place) -> Place:
    """The same with the site's own name, or the mirror's that stands in for it."""
    host = _ALIASES.get(place.host, place.host)
    for name, site in (("huggingface.co", huggingface), ("civitai.com", civitai)):
        if host == name and place.scheme in ("http", "https"):
            return Place(site.scheme, site.host, site.port, place.target)
    return place


def _in_repo(place: Place, site: Place) -> RepoFile:
    found = _IN_REPO.fullmatch(place.path)
    if found is None:
        raise BadInput(
            "This address of Hugging Face names no file: open the file there and copy its address, "
            "which has /blob/ or /resolve/ in it.",
            field="url",
        )
    owner, revision, path = found[1], found[2], found[3]
    is_model = not owner.startswith(("datasets/", "spaces/"))
    return RepoFile(_resolve(site, owner, revision, path), owner.rstrip("/") if is_model else "")


def _resolve(site: Place, owner: str, revision: str, path: str) -> Place:
    target = f"/{owner}resolve/{quote(revision, safe='%')}/{quote(path, safe='/%')}"
    return Place(site.scheme, site.host, site.port, target)


def _on_civitai(place: Place) -> CivitaiFile:
    asked = parse_qs(place.target.partition("?")[2])
    wanted = asked.get("modelVersionId", [""])[0]
    found = re.match(r"/(?:api/v1/)?(models|model-versions|api/download/models)/(\d+)", place.path)
    if found is None:
        raise BadInput(
            "This address of Civitai names no model: it must have /models/ and a number in it.", field="url"
        )
    number = int(found[2])
    if found[1] == "models":
        return CivitaiFile(model=number, version=int(wanted) if wanted.isdigit() else 0)
    return CivitaiFile(version=number, place=place if found[1] == "api/download/models" else None)
