"""Architectures are told from what files really hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from backends.diffusers_local.engine import ENGINE
from backends.diffusers_local.families import FAMILIES
from hub.catalog import Catalog, Defaults
from hub.catalog.classes import CLASSES, COMPAT_CLASSES, by_name, by_pipeline, by_tensors
from hub.catalog.classes.wishes import WISHES, distilled_wishes
from tests.hub.catalog.conftest import caller, write_safetensors

_CLIP = "cond_stage_model.transformer.text_model.embeddings.position_ids"


class TestTables:
    def test_every_class_has_a_known_compat_class(self) -> None:
        assert all(kind.compat_class in COMPAT_CLASSES for kind in CLASSES.values())

    def test_the_ids_clients_know(self) -> None:
        for name in ("stable-diffusion-v1", "stable-diffusion-xl-v1-base", "Flux.1-dev", "starter"):
            assert CLASSES[name].id == name

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("stable-diffusion-xl-v1-base", "stable-diffusion-xl-v1-base"),
            ("STABLE-DIFFUSION-V1", "stable-diffusion-v1"),
            ("flux-1-dev", "Flux.1-dev"),
            ("stable-diffusion-3-3-5-large", "stable-diffusion-v3.5-large"),
        ],
    )
    def test_named_in_any_spelling(self, written: str, meant: str) -> None:
        found = by_name(written)
        assert found is not None
        assert found.id == meant

    def test_unknown_names(self) -> None:
        assert by_name("something else") is None


class TestTensors:
    @pytest.mark.parametrize(
        ("names", "shape", "expected"),
        [
            ([_CLIP, "model.diffusion_model.input_blocks.0.0.weight"], (320, 4), "stable-diffusion-v1"),
            (
                [_CLIP, "model.diffusion_model.input_blocks.0.0.weight"],
                (320, 9),
                "stable-diffusion-v1-inpainting",
            ),
            (["cond_stage_model.model.ln_final.bias"], (), "stable-diffusion-v2-768-v"),
            (
                ["conditioner.embedders.0.transformer.text_model.embeddings.position_embedding.weight"],
                (),
                "stable-diffusion-xl-v1-base",
            ),
            (["conditioner.embedders.0.model.ln_final.bias"], (), "stable-diffusion-xl-v1-refiner"),
            (
                ["model.diffusion_model.joint_blocks.0.context_block.attn.proj.bias"],
                (2432,),
                "stable-diffusion-v3.5-large",
            ),
            (["joint_blocks.0.context_block.attn.proj.bias"], (1536,), "stable-diffusion-v3-medium"),
            (
                ["double_blocks.0.img_attn.norm.key_norm.scale", "guidance_in.in_layer.bias"],
                (),
                "Flux.1-dev",
            ),
            (["double_blocks.0.img_attn.norm.key_norm.scale"], (), "Flux.1-schnell"),
            (
                ["lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_ff_net_2.lora_up.weight"],
                (),
                "stable-diffusion-v1/lora",
            ),
            (["transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight"], (), "Flux.1-dev/lora"),
        ],
    )
    def test_guess(self, names: list[str], shape: tuple[int, ...], expected: str) -> None:
        found = by_tensors(names, lambda name: shape)
        assert found is not None
        assert found.id == expected

    def test_nothing_known(self) -> None:
        assert by_tensors(["layer.weight"], lambda name: ()) is None


class TestPipelines:
    @pytest.mark.parametrize(
        ("pipeline", "part", "expected"),
        [
            ("StableDiffusionPipeline", {"cross_attention_dim": 768}, "stable-diffusion-v1"),
            (
                "StableDiffusionPipeline",
                {"cross_attention_dim": 1024, "sample_size": 64},
                "stable-diffusion-v2-512",
            ),
            (
                "StableDiffusionPipeline",
                {"cross_attention_dim": 1024, "sample_size": 96},
                "stable-diffusion-v2-768-v",
            ),
            ("StableDiffusionXLPipeline", {}, "stable-diffusion-xl-v1-base"),
            (
                "StableDiffusionXLImg2ImgPipeline",
                {"cross_attention_dim": 2048},
                "stable-diffusion-xl-v1-base",
            ),
            (
                "StableDiffusionXLImg2ImgPipeline",
                {"cross_attention_dim": 1280},
                "stable-diffusion-xl-v1-refiner",
            ),
            (
                "StableDiffusionInpaintPipeline",
                {"in_channels": 9, "cross_attention_dim": 768},
                "stable-diffusion-v1-inpainting",
            ),
            (
                "StableDiffusionInpaintPipeline",
                {"in_channels": 9, "cross_attention_dim": 1024},
                "stable-diffusion-v2-inpainting",
            ),
            (
                "StableDiffusionInpaintPipeline",
                {"in_channels": 4, "cross_attention_dim": 768},
                "stable-diffusion-v1",
            ),
            ("StableDiffusion3Pipeline", {"num_layers": 38}, "stable-diffusion-v3.5-large"),
            ("FluxPipeline", {"guidance_embeds": True}, "Flux.1-dev"),
            ("FluxPipeline", {"guidance_embeds": False}, "Flux.1-schnell"),
            ("FluxImg2ImgPipeline", {"guidance_embeds": True}, "Flux.1-dev"),
            ("FluxInpaintPipeline", {"guidance_embeds": True}, "Flux.1-dev"),
            ("StableDiffusion3InpaintPipeline", {"num_layers": 38}, "stable-diffusion-v3.5-large"),
            ("LatentConsistencyModelPipeline", {"cross_attention_dim": 768}, "stable-diffusion-v1"),
            ("QwenImageImg2ImgPipeline", {}, "qwen-image"),
            ("SanaSprintPipeline", {}, "nvidia-sana-sprint"),
        ],
    )
    def test_known(self, pipeline: str, part: Mapping[str, Any], expected: str) -> None:
        found = by_pipeline({"_class_name": pipeline}, lambda name: part)
        assert found is not None
        assert found.id == expected

    @pytest.mark.parametrize("index", [{}, {"_class_name": "Unheard"}, {"_class_name": 3}])
    def test_unknown(self, index: Mapping[str, Any]) -> None:
        assert by_pipeline(index, lambda name: {}) is None

    def test_every_family_of_the_local_engine_is_known(self) -> None:
        for family in FAMILIES.values():
            for pipeline in family.pipelines:
                found = by_pipeline({"_class_name": pipeline}, lambda part: {"cross_attention_dim": 768})
                assert found is not None and ENGINE.draws(found.id), pipeline
            assert set(family.classes) <= set(CLASSES), family.id

    def test_a_refiner_by_what_it_lacks(self) -> None:
        index = {"_class_name": "StableDiffusionXLImg2ImgPipeline", "text_encoder": [None, None]}
        found = by_pipeline(index, lambda part: {})
        assert found is not None and found.id == "stable-diffusion-xl-v1-refiner"

    def test_an_unusual_stable_diffusion(self) -> None:
        index = {"_class_name": "StableDiffusionPipeline"}
        assert by_pipeline(index, lambda name: {"cross_attention_dim": 64}) is None


class TestWishes:
    def test_only_known_classes_have_some(self) -> None:
        assert set(WISHES) <= set(CLASSES)

    @pytest.mark.parametrize(
        ("unet", "scheduler", "wished"),
        [
            ({}, {"_class_name": "PNDMScheduler"}, None),
            ({}, {"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading"}, None),
            ({}, {"_class_name": ["not", "a", "name"]}, None),
            ({}, {"_class_name": "LCMScheduler"}, Defaults(steps=4, cfgscale=1.0, sampler="lcm")),
            (
                {"time_cond_proj_dim": 256},
                {"_class_name": "LCMScheduler"},
                Defaults(steps=4, cfgscale=8.5, sampler="lcm"),
            ),
            (
                {},
                {"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"},
                Defaults(steps=4, cfgscale=1.0, sampler="euler_ancestral", scheduler="sgm_uniform"),
            ),
            (  # a schedule that ends in pure noise has to begin at its end, with any number of steps
                {},
                {
                    "_class_name": "EulerDiscreteScheduler",
                    "timestep_spacing": "trailing",
                    "rescale_betas_zero_snr": True,
                },
                None,
            ),
        ],
    )
    def test_models_of_a_few_steps_are_known_by_their_settings(
        self, unet: dict[str, Any], scheduler: dict[str, Any], wished: Defaults | None
    ) -> None:
        files = {("unet", "config.json"): unet, ("scheduler", "scheduler_config.json"): scheduler}
        index = {"_class_name": "StableDiffusionXLPipeline"}
        assert distilled_wishes(index, lambda *place: files.get(place, {})) == wished
        assert distilled_wishes({"_class_name": "FluxPipeline"}, lambda *place: {}) is None

    async def test_a_model_s_own_come_first(self, catalog: Catalog, models: Path) -> None:
        folder = models / "Stable-Diffusion"
        write_safetensors(folder / "a.safetensors", modelspec__architecture="Flux.1-schnell")
        (folder / "a.hub.json").write_text('{"defaults": {"steps": 6}}')
        write_safetensors(folder / "b.safetensors", modelspec__architecture="stable-diffusion-v1")
        await catalog.refresh()
        found = {entry.name: entry.defaults for entry in catalog.seen_by(caller(), "Stable-Diffusion")}
        assert found["a.safetensors"] == Defaults(steps=6, cfgscale=1.0, scheduler="simple")
        assert found["b.safetensors"] == Defaults()
