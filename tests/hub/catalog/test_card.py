"""The model object: exactly the documented fields, then those of ours."""

import base64
from pathlib import Path

from hub.catalog import Catalog, Entry, card, none_card
from tests.hub.catalog.conftest import caller, write_safetensors

FIELDS = (
    "name title author description preview_image loaded architecture class compat_class resolution "
    "standard_width standard_height license date prediction_type usage_hint trigger_phrase merged_from tags "
    "is_supported_model_format is_negative_embedding lora_default_weight lora_default_confinement local "
    "time_created time_modified hash hash_sha256 special_format "
    "native_sizes defaults engines"
).split()


async def entry_of(catalog: Catalog, name: str) -> Entry:
    await catalog.refresh()
    return catalog.find("Stable-Diffusion", name, caller())


async def test_the_fields_and_no_others(catalog: Catalog) -> None:
    found = card(await entry_of(catalog, "starter"), loaded=True, with_picture=False)
    assert list(found) == FIELDS
    assert found["loaded"] is True
    assert found["architecture"] == "starter"
    assert found["resolution"] == "256x256"
    assert found["preview_image"] == "imgs/model_placeholder.jpg"
    assert list(none_card()) == FIELDS


async def test_a_preview_as_address_and_as_data(catalog: Catalog, models: Path) -> None:
    write_safetensors(models / "Stable-Diffusion" / "a" / "b c.safetensors")
    (models / "Stable-Diffusion" / "a" / "b c.png").write_bytes(b"picture")
    entry = await entry_of(catalog, "b c")
    address = card(entry, loaded=False, with_picture=False)["preview_image"]
    assert address == f"/ViewSpecial/Stable-Diffusion/a/b%20c.safetensors?editid={entry.modified}"
    data = card(entry, loaded=False, with_picture=True)["preview_image"]
    assert data == "data:image/png;base64," + base64.b64encode(b"picture").decode()


async def test_a_preview_in_the_header(catalog: Catalog, models: Path) -> None:
    picture = "data:image/jpeg;base64," + base64.b64encode(b"jpeg").decode()
    write_safetensors(
        models / "Stable-Diffusion" / "m.safetensors", modelspec__thumbnail=picture, modelspec__title="T"
    )
    assert card(await entry_of(catalog, "m"), loaded=False, with_picture=True)["preview_image"] == picture
