"""LoRAs, autoencoders, ControlNets and embeddings tell which models they were made for."""

import json
from pathlib import Path

import pytest

from hub.catalog import Catalog, Entry, unfit
from hub.catalog.classes import by_addon
from tests.hub.catalog.conftest import caller, write_safetensors

KOHYA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
PEFT = "unet.up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight"
OLD = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight"
JOINT = "transformer.transformer_blocks.3.attn.add_k_proj.lora_A.weight"
CONTROL = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight"
LDM_CONTROL = "control_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
DECODER = "decoder.conv_in.weight"


@pytest.mark.parametrize(
    ("subtype", "name", "shape", "expected"),
    [
        ("LoRA", KOHYA, (8, 768), "stable-diffusion-v1/lora"),
        ("LoRA", KOHYA, (8, 2048), "stable-diffusion-xl-v1-base/lora"),
        ("LoRA", PEFT, (8, 1024), "stable-diffusion-v2-768-v/lora"),
        ("LoRA", OLD, (4, 768), "stable-diffusion-v1/lora"),
        ("LoRA", PEFT, (4, 64), None),
        ("LoRA", JOINT, (4, 2432), "stable-diffusion-v3.5-large/lora"),
        ("LoRA", JOINT, (4, 3072), None),
        (
            "LoRA",
            "transformer.single_transformer_blocks.7.attn.to_q.lora_A.weight",
            (4, 3072),
            "Flux.1-dev/lora",
        ),
        ("VAE", DECODER, (512, 4, 3, 3), "stable-diffusion-v1/vae"),
        ("VAE", "first_stage_model.decoder.conv_in.weight", (512, 16, 3, 3), "flux.1/vae"),
        ("VAE", DECODER, (512, 32, 3, 3), None),
        ("ControlNet", CONTROL, (320, 768), "stable-diffusion-v1/controlnet"),
        ("ControlNet", LDM_CONTROL, (320, 768), "stable-diffusion-v1/controlnet"),
        ("ControlNet", CONTROL, (640, 2048), "stable-diffusion-xl-v1-base/controlnet"),
        ("ControlNet", "controlnet_x_embedder.weight", (3072, 64), "Flux.1-dev/controlnet"),
        ("Embedding", "emb_params", (3, 768), "stable-diffusion-v1/textual-inversion"),
        ("Embedding", "<a-cat>", (1024,), "stable-diffusion-v2-768-v/textual-inversion"),
        ("Embedding", "emb_params", (3, 64), None),
    ],
)
def test_told_by_its_tensors(subtype: str, name: str, shape: tuple[int, ...], expected: str | None) -> None:
    found = by_addon(subtype, [name], lambda asked: shape if asked == name else ())
    assert (None if found is None else found.id) == expected


def test_an_embedding_for_two_text_encoders() -> None:
    sizes = {"clip_l": (2, 768), "clip_g": (2, 1280)}
    found = by_addon("Embedding", list(sizes), lambda name: sizes[name])
    assert found is not None and found.id == "stable-diffusion-xl-v1-base/textual-inversion"


class TestFolders:
    def component(self, path: Path, **config: object) -> None:
        write_safetensors(path / "diffusion_pytorch_model.safetensors")
        (path / "config.json").write_text(json.dumps(config))

    async def test_a_folder_with_one_network_is_one_model(self, catalog: Catalog, models: Path) -> None:
        self.component(
            models / "ControlNet" / "lines", _class_name="ControlNetModel", cross_attention_dim=768
        )
        self.component(
            models / "ControlNet" / "many", _class_name="ControlNetUnionModel", cross_attention_dim=2048
        )
        self.component(
            models / "VAE" / "better" / "xl",
            _class_name="AutoencoderKL",
            latent_channels=4,
            scaling_factor=0.13025,
        )
        await catalog.refresh()
        lines, many = sorted(catalog.seen_by(caller(), "ControlNet"), key=lambda entry: entry.name)
        assert many.class_id == "stable-diffusion-xl-v1-base/controlnet"
        assert (lines.name, lines.class_id) == ("lines", "stable-diffusion-v1/controlnet")
        assert Path(lines.ref().path) == models / "ControlNet" / "lines"
        (vae,) = catalog.seen_by(caller(), "VAE")
        assert (vae.name, vae.class_id) == ("better/xl", "stable-diffusion-xl-v1-base/vae")

    async def test_changed_weights_are_seen(self, catalog: Catalog, models: Path) -> None:
        self.component(models / "VAE" / "one", _class_name="AutoencoderKL")
        await catalog.refresh()
        (before,) = catalog.seen_by(caller(), "VAE")
        write_safetensors(models / "VAE" / "one" / "diffusion_pytorch_model.safetensors", ["more", "tensors"])
        await catalog.refresh()
        (after,) = catalog.seen_by(caller(), "VAE")
        assert before.stamp != after.stamp

    async def test_a_folder_of_loras_is_no_component(self, catalog: Catalog, models: Path) -> None:
        self.component(models / "LoRA" / "pack")
        await catalog.refresh()
        assert [entry.name for entry in catalog.seen_by(caller(), "LoRA")] == [
            "pack/diffusion_pytorch_model.safetensors"
        ]

    async def test_upscalers_have_a_folder_of_their_own(self, catalog: Catalog, models: Path) -> None:
        write_safetensors(models / "upscale_models" / "x4.safetensors")
        (models / "upscale_models" / "old.pth").write_bytes(b"x")
        await catalog.refresh()
        found = {entry.name: entry.supported for entry in catalog.seen_by(caller(), "upscale_models")}
        assert found == {"old.pth": False, "x4.safetensors": True}


def entry(subtype: str, name: str, class_id: str, compat: str) -> Entry:
    return Entry(
        name=name,
        subtype=subtype,
        path=Path(name),
        title=name,
        class_id=class_id,
        class_name="",
        compat=compat,
    )


XL = entry("Stable-Diffusion", "xl", "stable-diffusion-xl-v1-base", "stable-diffusion-xl-v1")
FLUX = entry("Stable-Diffusion", "flux", "Flux.1-dev", "flux-1")
UNKNOWN = entry("Stable-Diffusion", "odd", "", "")
V1_LORA = entry("LoRA", "old style", "stable-diffusion-v1/lora", "stable-diffusion-v1")
V1_VAE = entry("VAE", "soft", "stable-diffusion-v1/vae", "stable-diffusion-v1")


class TestFit:
    def test_another_architecture_is_told_in_words(self) -> None:
        assert unfit(V1_LORA, XL) == (
            "'old style' was made for Stable Diffusion v1 and does not fit the model 'xl' "
            "(Stable Diffusion XL 1.0-Base); choose one that was made for it."
        )

    def test_what_is_not_known_may_be_tried(self) -> None:
        assert unfit(V1_LORA, UNKNOWN) == "" == unfit(entry("LoRA", "x", "", ""), XL)

    def test_autoencoders_go_by_what_they_encode_to(self) -> None:
        assert unfit(V1_VAE, XL) == ""  # a bare file of one looks like the other's
        assert "does not fit" in unfit(V1_VAE, FLUX)
        z_image = entry("Stable-Diffusion", "z", "z-image", "z-image")
        assert unfit(entry("VAE", "ae", "flux.1/vae", "flux-1"), z_image) == ""
