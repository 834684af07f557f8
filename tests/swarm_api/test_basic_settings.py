"""User settings, upstream keys and languages over HTTP."""

import copy

import pytest
import pytest_asyncio

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def hub(shared_hub: RunningHub) -> RunningHub:
    """The running hub as a new user sees it."""
    mine = copy.copy(shared_hub)
    mine.session = await shared_hub.session_as("user")
    return mine


class TestUserSettings:
    async def test_themes_and_settings_are_described(self, hub: RunningHub) -> None:
        answer = await hub.call("GetUserSettings")
        assert answer["themes"]["modern_dark"] == {
            "name": "Modern Dark",
            "is_dark": True,
            "css_paths": ["assets/themes/modern_dark/theme.css"],
        }
        field = answer["settings"]["fileformat"]["value"]["imagequality"]
        assert field.keys() == {
            "type",
            "name",
            "value",
            "description",
            "values",
            "value_names",
            "is_secret",
            "default_value",
        }
        assert (field["type"], field["value"], field["values"]) == ("integer", 100, None)

    async def test_a_change_holds_and_the_default_is_still_told(self, hub: RunningHub) -> None:
        change = {"FileFormat.ImageFormat": "JPG", "savefiles": "false"}
        assert await hub.call("ChangeUserSettings", settings=change) == {"success": True}
        settings = (await hub.call("GetUserSettings"))["settings"]
        assert settings["fileformat"]["value"]["imageformat"]["value"] == "JPG"
        assert settings["fileformat"]["value"]["imageformat"]["default_value"] == "PNG"
        assert settings["savefiles"]["value"] is False

    async def test_bad_keys_are_passed_over_and_told(self, hub: RunningHub) -> None:
        session = await hub.session_as("user")
        answer = await hub.call(
            "ChangeUserSettings",
            session_id=session,
            settings={"Roles": ["owner"], "x": 1, "theme": "modern_light"},
        )
        assert answer["success"] is True
        assert answer["skipped"].keys() == {"Roles", "x"}
        assert "*" not in (await hub.call("GetMyUserData", session_id=session))["permissions"]
        settings = (await hub.call("GetUserSettings", session_id=session))["settings"]
        assert settings["theme"]["value"] == "modern_light"

    @pytest.mark.parametrize("body", [{}, {"settings": []}, {"settings": None}])
    async def test_a_missing_map_is_named(self, hub: RunningHub, body: dict[str, object]) -> None:
        assert (await hub.call("ChangeUserSettings", **body))["field"] == "settings"


class TestKeys:
    async def test_only_the_state_is_told(self, hub: RunningHub) -> None:
        assert await hub.call("GetAPIKeyStatus", keyType="anything") == {"status": "not set"}
        assert await hub.call("SetAPIKey", keyType="huggingface_api", key="hf_secret") == {"success": True}
        status = await hub.call("GetAPIKeyStatus", keyType="huggingface_api")
        assert status["status"].startswith("last updated 20")
        assert "hf_secret" not in str(status)
        await hub.call("SetAPIKey", keyType="huggingface_api", key="none")
        assert await hub.call("GetAPIKeyStatus", keyType="huggingface_api") == {"status": "not set"}

    async def test_an_unknown_type_is_refused_with_the_list(self, hub: RunningHub) -> None:
        answer = await hub.call("SetAPIKey", keyType="aws", key="x")
        assert answer["limit"] == ["stability_api", "openai_api", "civitai_api", "huggingface_api"]
        assert answer["field"] == "keyType"


class TestLanguage:
    async def test_english_is_there(self, hub: RunningHub) -> None:
        language = (await hub.call("GetLanguage", language="en"))["language"]
        assert (language["code"], language["name"], language["local_name"]) == ("en", "English", "English")
        assert len(language["keys"]) > 100

    @pytest.mark.parametrize("code", ["xx", "", "../en", "EN"])
    async def test_another_is_refused(self, hub: RunningHub, code: str) -> None:
        assert (await hub.call("GetLanguage", language=code))["error"] == "No such language."
