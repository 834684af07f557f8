"""A denoiser asked patch by patch answers as one asked for the whole, where it looks only nearby."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from backends.diffusers_local.features.patches import ask_in_patches, patches_for  # noqa: E402


def test_pictures_no_larger_than_a_patch_are_whole() -> None:
    assert patches_for((768, 512), 8, 8) == ()
    assert len(patches_for((1024, 512), 8, 8)) == 2
    assert len(patches_for((1536, 1536), 8, 16)) == 9


@pytest.mark.parametrize("drawn", [(1024, 1024), (1600, 896), (776, 768)])
def test_answers_fade_into_the_whole_answer(drawn: tuple[int, int]) -> None:
    whole = torch.randn(2, 4, drawn[1] // 8, drawn[0] // 8, generator=torch.Generator().manual_seed(1))
    control = torch.randn(2, 3, drawn[1], drawn[0], generator=torch.Generator().manual_seed(2))
    pooled = torch.ones(2, 5)

    def ask(sample: Any, seen: Any) -> Any:
        assert sample.shape[-1] <= 96
        assert torch.equal(seen["pooled"], pooled)
        return sample * 2 + seen["control"][:, :1, ::8, ::8]

    patches = patches_for(drawn, 8, 8)
    answer = ask_in_patches(patches, ask, whole, {"control": control, "pooled": pooled})
    expected = whole * 2 + control[:, :1, ::8, ::8]
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=1e-5)
