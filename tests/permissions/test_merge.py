"""How several roles add up, and the check."""

from permissions import Merged, Quotas, Role, has, merge


def test_nobody_with_no_role_may_do_anything() -> None:
    assert merge([]) == Merged()
    assert not has(merge([]).flags, "fundamental")


def test_flags_and_lists_unite_numbers_are_highest_and_once_allowed_is_allowed() -> None:
    merged = merge(
        [
            Role(
                "a",
                "A",
                flags=frozenset({"x", "y"}),
                model_whitelist=("one/", "two/"),
                max_outpath_depth=2,
                max_t2i_simultaneous=40,
            ),
            Role(
                "b",
                "B",
                flags=frozenset({"z"}),
                model_whitelist=("two/", "three/"),
                model_blacklist=("bad/",),
                max_outpath_depth=9,
                max_t2i_simultaneous=1,
                allow_unsafe_outpaths=True,
            ),
        ]
    )
    assert merged == Merged(frozenset({"x", "y", "z"}), ("one/", "two/", "three/"), ("bad/",), 9, 40, True)


def test_of_limits_the_most_generous_counts_and_none_is_more_than_any() -> None:
    merged = merge(
        [
            Role("a", "A", quotas=Quotas(4, 100, 0, 1024, 20)),
            Role("b", "B", quotas=Quotas(2, 500, 50, 4096, 0)),
        ]
    )
    assert merged.quotas == Quotas(4, 500, 0, 4096, 0)


def test_the_star_holds_flags_that_nobody_has_heard_of() -> None:
    assert has({"*"}, "flag_of_a_later_version")
    assert not has({"fundamental"}, "flag_of_a_later_version")


def test_content_is_checked_of_those_only_whose_every_role_asks_for_it() -> None:
    asks, trusts = Role("a", "A", check_content=True), Role("b", "B")
    assert merge([asks]).check_content and merge([asks, asks]).check_content
    assert not merge([asks, trusts]).check_content and not merge([]).check_content
