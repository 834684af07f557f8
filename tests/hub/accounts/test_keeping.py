"""User settings, upstream keys, roles over an update, starred models."""

import asyncio
import json
import stat

import pytest

from hub.accounts import STARS, Accounts
from hub.accounts.preference_list import PREFERENCES
from hub.errors import BadInput, HubError
from permissions import FLAGS
from tests.hub.accounts.conftest import House


class TestPreferences:
    def test_the_tree_is_nested_in_lower_case_and_hides_what_only_an_admin_sets(
        self, accounts: Accounts
    ) -> None:
        tree = accounts.preferences.listing("local")
        field = tree["fileformat"]["value"]["imageformat"]
        assert (field["type"], field["name"], field["value"], field["default_value"]) == (
            "dropdown",
            "ImageFormat",
            "PNG",
            "PNG",
        )
        assert field["values"] == ("PNG", "JPG", "WEBP_LOSSLESS", "WEBP")
        assert "default_value" not in tree["fileformat"]
        assert "Modern Dark" in tree["theme"]["value_names"]
        assert tree["outpathbuilder"]["value"]["format"]["value"].startswith("raw/[year]-")
        assert "roles" not in tree
        assert accounts.preferences.listing("local", with_restricted=True)["roles"]["value"] == "owner"

    async def test_good_values_are_taken_in_any_form_and_survive(self, house: House) -> None:
        skipped = await house.accounts.preferences.change(
            "local",
            {
                "FileFormat.DPI": "300",
                "hoverdelayseconds": 1,
                "savefiles": "False",
                "theme": "modern_light",
                "outpathbuilder.format": "[number]",
                "MaxPromptLines": 20.0,
            },
        )
        assert skipped == {}
        await house.close()
        value = (await house.open()).preferences.value
        assert [
            value("local", key)
            for key in ("fileformat.dpi", "HoverDelaySeconds", "savefiles", "theme", "OutPathBuilder.Format")
        ] == [300, 1.0, False, "modern_light", "[number]"]
        assert value("local", "maxpromptlines") == 20

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("roles", ["owner"]),
            ("no.such.key", 1),
            ("fileformat.dpi", "many"),
            ("fileformat.dpi", 1.5),
            ("hoverdelayseconds", "NaN"),
            ("hoverdelayseconds", 10**400),
            ("savefiles", 1),
            ("theme", "no_such_theme"),
            ("language", {"a": 1}),
            ("ui.hideerrormessages", "x" * 20_000),
            ("fileformat", {}),
        ],
    )
    async def test_a_bad_one_is_passed_over_and_named_and_the_rest_taken(
        self, accounts: Accounts, key: str, value: object
    ) -> None:
        skipped = await accounts.preferences.change("local", {key: value, "starnofolders": True})
        assert list(skipped) == [key]
        assert accounts.preferences.value("local", "StarNoFolders") is True
        assert accounts.users.grants("local")[0] == FLAGS.keys()

    async def test_two_changes_in_the_same_moment_both_hold(self, accounts: Accounts) -> None:
        change = accounts.preferences.change
        await asyncio.gather(change("local", {"fileformat.dpi": 72}), change("local", {"savefiles": False}))
        assert accounts.preferences.value("local", "fileformat.dpi") == 72
        assert accounts.preferences.value("local", "savefiles") is False

    def test_every_default_is_a_value_the_setting_would_take(self, accounts: Accounts) -> None:
        from hub.accounts.preference import read

        for entry in PREFERENCES:
            if entry.kind != "group":
                sent = list(entry.default) if isinstance(entry.default, tuple) else entry.default
                assert read(entry, sent, accounts.preferences.choices) == entry.default, entry.id


class TestUpstreamKeys:
    async def test_only_its_state_is_told_and_the_hub_can_use_it_after_a_restart(self, house: House) -> None:
        keys = house.accounts.upstream_keys
        assert keys.status("ann", "civitai_api") == "not set"
        await keys.put("ann", "civitai_api", " secret-key ")
        assert keys.status("ann", "civitai_api").startswith("last updated 20")
        assert keys.status("bob", "civitai_api") == "not set"
        await house.close()
        keys = (await house.open()).upstream_keys
        assert keys.use("ann", "civitai_api") == "secret-key"
        await keys.put("ann", "civitai_api", "none")
        assert (keys.use("ann", "civitai_api"), keys.status("ann", "civitai_api")) == (None, "not set")

    async def test_the_key_file_is_the_owners_alone(self, house: House) -> None:
        file = house.folder / "keys" / "upstream.key"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    async def test_without_its_key_file_a_key_cannot_be_read_and_it_says_so(self, house: House) -> None:
        await house.accounts.upstream_keys.put("ann", "civitai_api", "secret")
        await house.close()
        (house.folder / "keys" / "upstream.key").unlink()
        with pytest.raises(HubError, match="Set it again"):
            (await house.open()).upstream_keys.use("ann", "civitai_api")

    async def test_an_unknown_kind_is_refused_by_name(self, accounts: Accounts) -> None:
        with pytest.raises(BadInput, match=r"stability_api, openai_api, civitai_api, huggingface_api"):
            await accounts.upstream_keys.put("ann", "other_api", "x")
        with pytest.raises(BadInput, match="longer than 1000"):
            await accounts.upstream_keys.put("ann", "civitai_api", "x" * 1001)


class TestRoles:
    async def test_a_flag_that_is_new_in_an_update_is_given_once(self, house: House) -> None:
        roles = house.accounts.roles
        user = roles.get("user")
        assert user is not None
        # as if `use_tokenizer` had not existed yet and an admin had taken `simple_tab` away
        older = user.flags - {"use_tokenizer", "simple_tab"}
        await house.store.writer.execute(
            "UPDATE roles SET flags = ? WHERE id = 'user'", (json.dumps(sorted(older)),)
        )
        known = json.dumps(sorted(FLAGS.keys() - {"use_tokenizer"}))
        await house.store.user_data.put("", "tracked_flags", known)
        await house.close()
        after = (await house.open()).roles.get("user")
        assert after is not None
        assert after.flags == older | {"use_tokenizer"}

    async def test_the_automatic_ones_cannot_go(self, accounts: Accounts) -> None:
        assert not await accounts.roles.delete("owner")
        assert [role.id for role in accounts.roles.all()] == ["admin", "guest", "owner", "poweruser", "user"]


class TestStars:
    async def test_the_whole_map_is_replaced(self, accounts: Accounts) -> None:
        await accounts.keepsakes.put_names("ann", STARS, {"LoRA": ["a"], "VAE": []})
        await accounts.keepsakes.put_names("ann", STARS, {"LoRA": ["b"]})
        assert accounts.keepsakes.get("ann", STARS) == {"LoRA": ["b"]}
        assert accounts.keepsakes.get("bob", STARS) == {}

    @pytest.mark.parametrize("wrong", [{"LoRA": "a"}, {"LoRA": [1]}, {"LoRA": {}}, {"x": ["y" * 5_000_000]}])
    async def test_another_shape_or_size_is_refused_and_changes_nothing(
        self, accounts: Accounts, wrong: dict[str, object]
    ) -> None:
        await accounts.keepsakes.put_names("ann", STARS, {"LoRA": ["a"]})
        with pytest.raises(BadInput):
            await accounts.keepsakes.put_names("ann", STARS, wrong)
        assert accounts.keepsakes.get("ann", STARS) == {"LoRA": ["a"]}
