"""The flags against the published table: ids, names, levels and safety are other programs' facts."""

import itertools
from collections import Counter

import pytest

from permissions import FLAGS, ROLES, Rank, Safety

OURS = {"Queue", "Sharing"}
COUNTS_BY_LEVEL = {
    Rank.NOBODY: 8,
    Rank.ADMINS: 13,
    Rank.POWERUSERS: 23,
    Rank.USER: 17,
    Rank.GUEST: 5,
}


def test_there_are_the_66_published_flags() -> None:
    published = [flag for flag in FLAGS.values() if flag.group.name not in OURS]
    assert len(published) == 66
    assert Counter(flag.default for flag in published) == COUNTS_BY_LEVEL


@pytest.mark.parametrize(
    ("flag", "name", "group", "level", "safety"),
    [
        ("*", "Full Control", "Special", Rank.NOBODY, Safety.POWERFUL),
        ("install", "Install", "Special", Rank.NOBODY, Safety.POWERFUL),
        ("server_debug_message", "Server Debug Message", "Special", Rank.NOBODY, Safety.SAFE),
        ("interrupt_others", "Interrupt Others", "Admin", Rank.ADMINS, Safety.POWERFUL),
        ("view_backends_list", "View Backends List", "Backends Admin", Rank.POWERUSERS, Safety.SAFE),
        ("extra_loras", "Extract LoRAs", "Control", Rank.POWERUSERS, Safety.UNTESTED),
        ("pickle2safetensors", "Pickle2SafeTensors", "Control", Rank.POWERUSERS, Safety.RISKY),
        ("param_video", "Video Params", "Parameters", Rank.USER, Safety.SAFE),
        ("basic_image_generation", "Basic Image Generation", "User", Rank.USER, Safety.SAFE),
        ("fundamental", "Fundamental", "User", Rank.GUEST, Safety.SAFE),
        ("comfy_read_workflows", "ComfyUI Read Workflows", "ComfyUI", Rank.POWERUSERS, Safety.UNTESTED),
        (
            "imagebatcher_use_image_batcher",
            "[Image Batch Tool] Use Image Batcher",
            "User",
            Rank.ADMINS,
            Safety.UNTESTED,
        ),
    ],
)
def test_a_flag_is_as_published(flag: str, name: str, group: str, level: Rank, safety: Safety) -> None:
    found = FLAGS[flag]
    assert (found.id, found.name, found.group.name, found.default, found.safety) == (
        flag,
        name,
        group,
        level,
        safety,
    )


def test_every_flag_says_what_it_allows() -> None:
    assert all(flag.text.endswith(".") and flag.group.text for flag in FLAGS.values())


def test_the_owner_holds_every_flag_and_nobody_else_the_star() -> None:
    assert ROLES["owner"].flags == FLAGS.keys()
    assert [role.id for role in ROLES.values() if "*" in role.flags] == ["owner"]


def test_each_role_holds_all_that_the_next_lower_one_does() -> None:
    order = ["guest", "user", "poweruser", "admin", "owner"]
    for low, high in itertools.pairwise(order):
        assert ROLES[low].flags < ROLES[high].flags
    assert ROLES["guest"].flags == {flag.id for flag in FLAGS.values() if flag.default is Rank.GUEST}
