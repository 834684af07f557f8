"""Graphs of works: each feature for itself, and every graph as the server would take it."""

from typing import Any

import pytest

from backends.comfyui_api.graph import Pass, Unbuildable, build, features
from backends.contract import Control, Lora, ModelRef, SecondPass
from tests.backends.comfyui_api.graph.conftest import Told, classes, model, nodes, png, source, work, worn_by


class TestText:
    def test_a_plain_picture_is_the_plain_chain(self, core: Told) -> None:
        graph = core.build(work("a cat", negative_prompt="bad", seed=2**63 - 1, steps=7, cfg_scale=3))
        assert classes(graph) == [
            "CheckpointLoaderSimple",
            "EmptyLatentImage",
            "CLIPTextEncode",
            "CLIPTextEncode",
            "KSampler",
            "VAEDecode",
            "SaveImageWebsocket",
        ]
        (sampler,) = nodes(graph, "KSampler")
        assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (2**63 - 1, 7, 3)
        assert (sampler["sampler_name"], sampler["scheduler"], sampler["denoise"]) == ("euler", "normal", 1)
        assert graph.by_socket
        assert graph.passes == (Pass("5", 7),)
        assert graph.steps == 7

    def test_without_the_socket_node_files_lie_in_a_folder_of_their_own(self, core: Told) -> None:
        told = core.without("SaveImageWebsocket")
        graph = told.build(work())
        assert not graph.by_socket
        assert nodes(graph, "SaveImage")[0]["filename_prefix"] == "hub/job-3/picture"
        (save,) = nodes(build(work(), told.server, "hub/today/x"), "SaveImage")
        assert save["filename_prefix"] == "hub/today/x/picture"

    def test_any_size_comes_out_exactly(self, core: Told) -> None:
        graph = core.build(work(width=500, height=333))
        assert nodes(graph, "EmptyLatentImage")[0]["width"] == 504
        (scale,) = nodes(graph, "ImageScale")
        assert (scale["width"], scale["height"]) == (500, 333)

    def test_names_have_the_spelling_of_the_server(self, core: Told) -> None:
        graph = core.build(work(model=model("xl/sd_xl_base.safetensors", "")))
        assert nodes(graph, "CheckpointLoaderSimple")[0]["ckpt_name"] == "xl\\sd_xl_base.safetensors"

    def test_breaks_are_windows_and_embeddings_words(self, core: Told) -> None:
        graph = core.build(work("a (cat:1.2)<break>by <embed:people/ann(old).pt>, (<embed:testembed>:0.8)"))
        first, second, _ = (node["text"] for node in nodes(graph, "CLIPTextEncode"))
        assert first == "a (cat:1.2)"
        assert second == "by  embedding:people\\ann\\(old\\) , ( embedding:testembed :0.8)"
        assert len(nodes(graph, "ConditioningConcat")) == 1

    def test_an_embedding_nobody_has(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match="parameter Prompt: the ComfyUI server has no embedding 'x'"):
            core.build(work("a <embed:x>"))

    def test_an_embedding_with_a_blank_in_its_name(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match="cannot read the embedding 'bad hands'"):
            core.build(work(negative_prompt="<embed:bad hands>"))

    def test_prompts_that_change_have_a_node_a_stretch(self, core: Told) -> None:
        graph = core.build(work("a [cat:dog:0.5]", steps=10, seed=5))
        first, second = nodes(graph, "KSamplerAdvanced")
        assert (first["start_at_step"], first["end_at_step"], first["add_noise"]) == (0, 5, "enable")
        assert first["return_with_leftover_noise"] == "enable"
        assert (second["start_at_step"], second["end_at_step"], second["add_noise"]) == (5, 10000, "disable")
        assert [p.steps for p in graph.passes] == [5, 5]
        assert [n["text"] for n in nodes(graph, "CLIPTextEncode")] == ["a cat", "", "a dog"]

    def test_taking_turns(self, core: Told) -> None:
        graph = core.build(work("[cat|dog] in a [wood]", steps=6))
        assert len(nodes(graph, "KSamplerAdvanced")) == 6
        assert {n["text"] for n in nodes(graph, "CLIPTextEncode")} == {
            "cat in a [wood]",
            "dog in a [wood]",
            "",
        }

    def test_nothing_in_no_steps(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match="parameter Steps"):
            core.build(work(steps=0))


class TestModels:
    def test_a_denoiser_alone_gets_what_it_needs(self, core: Told) -> None:
        graph = core.build(work(model=model("flux1-dev.safetensors", "Flux.1-dev"), width=500))
        assert nodes(graph, "DualCLIPLoader")[0] == {
            "clip_name1": "clip_l.safetensors",
            "clip_name2": "t5xxl_fp16.safetensors",
            "type": "flux",
        }
        assert nodes(graph, "VAELoader")[0]["vae_name"] == "ae.safetensors"
        assert nodes(graph, "FluxGuidance")[0]["guidance"] == 3.5
        assert nodes(graph, "EmptySD3LatentImage")[0]["width"] == 512

    def test_its_family_may_stand_in_its_name_only(self, core: Told) -> None:
        graph = core.build(work(model=model("qwen_image_fp8.safetensors", "")))
        assert nodes(graph, "CLIPLoader")[0]["type"] == "qwen_image"

    def test_one_of_no_known_family(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match=r"'strange.safetensors' is a denoiser alone"):
            core.build(work(model=model("strange.safetensors", "")))

    def test_one_whose_encoder_is_missing(self, core: Told) -> None:
        told = core.without("DualCLIPLoader")
        with pytest.raises(Unbuildable, match="lacks the node DualCLIPLoader"):
            told.build(work(model=model("flux1-dev.safetensors", "Flux.1-dev")))

    def test_a_model_that_is_not_there(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match="parameter Model: the ComfyUI server has no 'x'"):
            core.build(work(model=model("x")))

    def test_another_file_format(self, full: Told) -> None:
        graph = full.build(work(model=model("flux1-dev-Q4.gguf", "")))
        assert nodes(graph, "UnetLoaderGGUF")

    def test_loras_lie_over_each_other_with_both_weights(self, core: Told) -> None:
        loras = (
            Lora(ModelRef("style-a.safetensors", ""), 0.5, 0.25),
            Lora(ModelRef("sub/nested.safetensors", ""), -1),
        )
        graph = core.build(work(loras=loras))
        first, second = nodes(graph, "LoraLoader")
        assert (first["strength_model"], first["strength_clip"]) == (0.5, 0.25)
        assert source(graph, second["model"]) == source(graph, second["clip"]) == "LoraLoader"
        last = next(id for id, body in graph.nodes.items() if body["inputs"] is second)
        assert nodes(graph, "KSampler")[0]["model"] == [last, 0]
        assert {tuple(node["clip"]) for node in nodes(graph, "CLIPTextEncode")} == {(last, 1)}

    def test_a_lora_that_is_not_there(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match="parameter LoRAs: the ComfyUI server has no 'y'"):
            core.build(work(loras=(Lora(ModelRef("y", "")),)))

    def test_another_vae_and_an_earlier_layer(self, core: Told) -> None:
        graph = core.build(work(vae=ModelRef("mini-vae.safetensors", ""), extra={"clipstopatlayer": -2}))
        assert source(graph, nodes(graph, "VAEDecode")[0]["vae"]) == "VAELoader"
        assert source(graph, nodes(graph, "CLIPTextEncode")[0]["clip"]) == "CLIPSetLastLayer"

    def test_tiles(self, core: Told) -> None:
        extra = {"vaetilesize": 256, "vaetileoverlap": 32}
        graph = core.build(work(extra=extra, init_image=png(), strength=0.5))
        assert nodes(graph, "VAEDecodeTiled")[0]["tile_size"] == 256
        assert nodes(graph, "VAEEncodeTiled")[0]["overlap"] == 32
        # seen on a real server: half a tile of overlap and it divides by nothing
        graph = core.build(work(extra={"vaetilesize": 128, "vaetileoverlap": 128}, init_image=png()))
        assert nodes(graph, "VAEEncodeTiled")[0]["overlap"] == 32

    def test_seamless_needs_nodes_of_others(self, core: Told, full: Told) -> None:
        graph = full.build(work(extra={"seamlesstileable": "X-Only"}))
        assert nodes(graph, "SwarmModelTiling")[0]["tile_axis"] == "X"
        with pytest.raises(Unbuildable, match=r"Seamless Tileable.*lacks the node SwarmModelTiling"):
            core.build(work(extra={"seamlesstileable": "true"}))

    def test_samplers_and_schedulers_it_lacks(self, core: Told, full: Told) -> None:
        with pytest.raises(Unbuildable, match="parameter Sampler: the ComfyUI server has no 'plms'"):
            core.build(work(sampler="plms"))
        with pytest.raises(Unbuildable, match="parameter Scheduler: the ComfyUI server has no 'turbo'"):
            core.build(work(scheduler="turbo"))
        assert nodes(full.build(work(scheduler="turbo")), "SwarmKSampler")


class TestStart:
    def test_an_initial_picture_is_cut_to_size_and_drawn_from_its_step(self, core: Told) -> None:
        graph = core.build(work(init_image=png(), strength=0.3, steps=10))
        (sampler,) = nodes(graph, "KSamplerAdvanced")
        assert (sampler["start_at_step"], sampler["steps"]) == (7, 10)
        assert graph.passes[0].steps == 3
        assert source(graph, nodes(graph, "VAEEncode")[0]["pixels"]) == "ImageScale"
        (upload,) = graph.uploads
        assert upload.path == nodes(graph, "LoadImage")[0]["image"]
        assert upload.subfolder == "hub/job-3"

    def test_of_strength_0_it_passes_through(self, core: Told) -> None:
        graph = core.build(work(init_image=png(), strength=0))
        assert graph.passes == ()
        assert source(graph, nodes(graph, "SaveImageWebsocket")[0]["images"]) == "ImageScale"

    def test_names_the_server_gave_are_put_in(self, core: Told) -> None:
        graph = core.build(work(init_image=png()))
        old = graph.uploads[0].path
        renamed = graph.named({old: "hub/job-3/x (1).png", "other": "y"})
        assert nodes(renamed, "LoadImage")[0]["image"] == "hub/job-3/x (1).png"
        assert nodes(graph, "LoadImage")[0]["image"] == old
        assert graph.named({old: old}) is graph

    def test_under_a_mask_the_rest_is_kept(self, core: Told) -> None:
        extra: dict[str, Any] = {"maskblur": 4, "maskgrow": 8}
        graph = core.build(work(init_image=png(), mask=png(white=(0, 0, 9, 9)), strength=0.6, extra=extra))
        assert nodes(graph, "SetLatentNoiseMask")
        assert nodes(graph, "GrowMask")[0]["expand"] == 8
        assert nodes(graph, "ImageBlur")[0]["sigma"] == 4
        assert source(graph, nodes(graph, "KSamplerAdvanced")[0]["model"]) == "DifferentialDiffusion"
        (composite,) = nodes(graph, "ImageCompositeMasked")
        assert source(graph, composite["destination"]) == "ImageScale"
        assert source(graph, composite["source"]) == "VAEDecode"

    def test_wide_blurs_are_made_small(self, core: Told) -> None:
        graph = core.build(work(init_image=png(), mask=png(white=(0, 0, 9, 9)), extra={"maskblur": 64}))
        assert nodes(graph, "ImageBlur")[0]["sigma"] <= 10

    @pytest.mark.parametrize("side", [64, 100, 1024])
    def test_no_blur_reaches_as_far_as_its_picture(self, core: Told, side: int) -> None:
        """Seen on a real server: it mirrors so many pixels at the edge, and has to have them."""
        mask = png(white=(20, 20, 40, 40))
        graph = core.build(work(init_image=png(), mask=mask, extra={"maskblur": 64}, width=side, height=1024))
        (blur,) = nodes(graph, "ImageBlur")
        small = graph.nodes[blur["image"][0]]["inputs"]
        assert blur["blur_radius"] < min(small["width"], small["height"])

    def test_a_model_for_holes_is_shown_holes(self, core: Told) -> None:
        own = model("sd-v1-5-inpainting.safetensors", "stable-diffusion-v1-inpainting")
        graph = core.build(work(model=own, init_image=png(), mask=png(white=(0, 0, 9, 9)), strength=1))
        assert nodes(graph, "VAEEncodeForInpaint")
        assert not nodes(graph, "SetLatentNoiseMask")
        assert nodes(graph, "KSampler")[0]["denoise"] == 1

    @pytest.mark.parametrize("strength", [1.0, 0.5])
    def test_some_are_shown_them_beside_their_prompts(self, core: Told, strength: float) -> None:
        own = model("flux1-fill-dev.safetensors", "Flux.1-dev/inpaint")
        mask = png(512, 512, (64, 64, 128, 128))
        wanted = work(model=own, init_image=png(), mask=mask, strength=strength, extra={"maskshrinkgrow": 8})
        graph = core.build(wanted)
        (shown,) = nodes(graph, "InpaintModelConditioning")
        assert source(graph, shown["mask"]) == "CropMask"
        assert source(graph, shown["positive"]) == "FluxGuidance"
        sampler = nodes(graph, "KSampler" if strength == 1 else "KSamplerAdvanced")[0]
        assert source(graph, sampler["positive"]) == "InpaintModelConditioning"
        assert source(graph, sampler["latent_image"]) == "SetLatentNoiseMask"

    def test_only_the_masked_part_is_drawn_large(self, core: Told) -> None:
        mask = png(512, 512, (64, 64, 128, 128))
        graph = core.build(
            work(init_image=png(), mask=mask, width=512, height=512, extra={"maskshrinkgrow": 32})
        )
        (crop,) = nodes(graph, "ImageCrop")
        assert (crop["x"], crop["y"], crop["width"], crop["height"]) == (32, 32, 128, 128)
        back, whole = nodes(graph, "ImageCompositeMasked")
        assert (back["x"], back["y"]) == (32, 32)
        assert "mask" not in back and "mask" in whole

    def test_an_empty_mask(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match="parameter Mask Image: nothing in it is white"):
            core.build(work(init_image=png(), mask=png(), extra={"maskshrinkgrow": 8}))

    def test_a_border_is_drawn_around(self, core: Told) -> None:
        extra = {"outpaintleft": 64, "outpaintbottom": 32, "maskblur": 8}
        graph = core.build(work(init_image=png(), extra=extra, width=256, height=256))
        first = nodes(graph, "ImageScale")[0]
        assert (first["width"], first["height"]) == (192, 224)
        placed = nodes(graph, "ImageCompositeMasked")[0]
        assert (placed["x"], placed["y"]) == (64, 0)
        hole = nodes(graph, "MaskComposite")[0]
        assert (hole["x"], hole["y"], hole["operation"]) == (72, 0, "multiply")

    def test_noise_and_norm(self, core: Told, full: Told) -> None:
        extra = {"initimagenoise": 0.2, "initimageresettonorm": 0.5}
        graph = full.build(work(init_image=png(), extra=extra))
        assert nodes(graph, "SwarmImageNoise") and nodes(graph, "LatentBlend")
        with pytest.raises(Unbuildable, match=r"Init Image Noise.*SwarmImageNoise"):
            core.build(work(init_image=png(), extra=extra))


class TestControls:
    def test_each_acts_in_its_part_of_the_steps(self, core: Told) -> None:
        net = ModelRef("mini-control.safetensors", "")
        controls = (Control(net, png(), 0.5, 0.1, 0.9), Control(net))
        extra = {"controlnetpreprocessor": "Canny", "controlnettwouniontype": "depth"}
        graph = core.build(work(controls=controls, init_image=png(8, 8), extra=extra))
        first, second = nodes(graph, "ControlNetApplyAdvanced")
        assert (first["strength"], first["start_percent"], first["end_percent"]) == (0.5, 0.1, 0.9)
        assert source(graph, first["image"]) == "Canny"
        assert source(graph, second["image"]) == "ImageScale"
        assert source(graph, second["control_net"]) == "SetUnionControlNetType"
        assert source(graph, nodes(graph, "KSampler")[0]["negative"]) == "ControlNetApplyAdvanced"

    def test_one_that_is_not_there(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match="parameter ControlNet Model: the ComfyUI server has no 'z'"):
            core.build(work(controls=(Control(ModelRef("z", ""), png()),)))


class TestVariations:
    def test_the_sampler_node_of_swarmui_does_them(self, full: Told) -> None:
        graph = full.build(work(variation_seed=9, variation_strength=0.3, init_image=png(), strength=0.5))
        (sampler,) = nodes(graph, "SwarmKSampler")
        assert (sampler["var_seed"], sampler["var_seed_strength"], sampler["start_at_step"]) == (9, 0.3, 10)

    def test_else_the_noises_are_mixed(self, core: Told) -> None:
        graph = core.build(work(variation_seed=9, variation_strength=0.3, seed=4))
        assert [node["noise_seed"] for node in nodes(graph, "RandomNoise")] == [4, 9]
        assert nodes(graph, "LatentInterpolate")[0]["ratio"] == 0.7
        assert nodes(graph, "KSamplerAdvanced")[0]["add_noise"] == "disable"

    def test_which_needs_nothing_drawn_before(self, core: Told) -> None:
        with pytest.raises(Unbuildable, match=r"Variation Seed Strength.*SwarmKSampler"):
            core.build(work(variation_seed=9, variation_strength=0.3, init_image=png()))


class TestSecondPass:
    def test_after_the_first_its_last_part_is_redrawn(self, core: Told) -> None:
        second = SecondPass(0.4, steps=30, cfg_scale=2, sampler="dpmpp_2m", scheduler="karras")
        graph = core.build(work(second=second, seed=7, extra={"refinerprompt": "fine"}))
        (first,), (after,) = nodes(graph, "KSampler"), nodes(graph, "KSamplerAdvanced")
        assert first["steps"] == 20
        assert (after["steps"], after["start_at_step"], after["cfg"]) == (30, 18, 2)
        assert (after["sampler_name"], after["scheduler"], after["noise_seed"]) == ("dpmpp_2m", "karras", 8)
        assert source(graph, after["latent_image"]) == "KSampler"
        assert "fine" in [node["text"] for node in nodes(graph, "CLIPTextEncode")]

    @pytest.mark.parametrize(
        ("method", "between"),
        [
            ("latent-bicubic", "LatentUpscale"),
            ("pixel-lanczos", "ImageScale"),
            ("model", "ImageUpscaleWithModel"),
        ],
    )
    def test_enlarged_in_every_way(self, core: Told, method: str, between: str) -> None:
        upscaler = ModelRef("mini-x4.safetensors", "") if method == "model" else None
        second = SecondPass(0.3, upscale=1.5, upscale_method=method, upscaler=upscaler)
        graph = core.build(work(width=256, height=256, second=second))
        assert between in classes(graph)
        node = nodes(graph, "LatentUpscale" if method.startswith("latent") else "ImageScale")[0]
        assert (node["width"], node["height"]) == (384, 384)

    def test_only_enlarged(self, core: Told) -> None:
        graph = core.build(work(width=256, height=256, second=SecondPass(0, upscale=2)))
        assert len(graph.passes) == 1
        assert nodes(graph, "ImageScale")[-1]["width"] == 512

    @pytest.mark.parametrize(("method", "noise"), [("StepSwap", "enable"), ("StepSwapNoisy", "disable")])
    def test_the_walk_goes_on_in_the_other_model(self, core: Told, method: str, noise: str) -> None:
        other = ModelRef("random-sd15.safetensors", "", "stable-diffusion-v1")
        graph = core.build(work(second=SecondPass(0.25, method, other)))
        first, after = nodes(graph, "KSamplerAdvanced")
        assert (first["end_at_step"], after["start_at_step"]) == (15, 15)
        assert first["return_with_leftover_noise"] == ("enable" if noise == "disable" else "disable")
        assert after["add_noise"] == noise
        assert len(nodes(graph, "CheckpointLoaderSimple")) == 2

    def test_loras_may_act_in_one_pass_alone(self, core: Told) -> None:
        names = ("style-a.safetensors", "style-b.safetensors", "sub/nested.safetensors")
        loras = tuple(
            Lora(ModelRef(name, ""), only=only)
            for name, only in zip(names, ("", "base", "refiner"), strict=True)
        )
        graph = core.build(work(loras=loras, second=SecondPass(0.5)))
        worn = {
            kind: worn_by(graph, nodes(graph, kind)[0]["model"]) for kind in ("KSampler", "KSamplerAdvanced")
        }
        assert worn == {"KSampler": [names[0], names[1]], "KSamplerAdvanced": [names[0], names[2]]}
        assert classes(graph).count("CheckpointLoaderSimple") == 1
        assert "LoraLoader" in classes(core.build(work(loras=loras[1:2])))

    def test_a_model_of_another_family_gets_the_picture(self, core: Told) -> None:
        lora = Lora(ModelRef("style-a.safetensors", ""))
        other = ModelRef("sd3.5_large.safetensors", "", "stable-diffusion-v3.5-large")
        graph = core.build(work(loras=(lora,), second=SecondPass(0.5, model=other)))
        assert classes(graph).count("LoraLoader") == 1
        (after,) = nodes(graph, "KSamplerAdvanced")
        assert source(graph, after["latent_image"]) == "VAEEncode"

    def test_whose_autoencoder_is_its_own(self, core: Told) -> None:
        other = ModelRef("flux1-dev.safetensors", "", "Flux.1-dev")
        second = SecondPass(0.5, model=other)
        graph = core.build(work(vae=ModelRef("mini-vae.safetensors", ""), second=second))
        assert [node["vae_name"] for node in nodes(graph, "VAELoader")] == [
            "mini-vae.safetensors",
            "ae.safetensors",
        ]

    def test_the_mask_holds_there_too(self, core: Told) -> None:
        graph = core.build(
            work(init_image=png(), mask=png(white=(0, 0, 9, 9)), second=SecondPass(0.5, upscale=2))
        )
        assert len(nodes(graph, "SetLatentNoiseMask")) == 2
        assert classes(graph).count("DifferentialDiffusion") == 1
        last = nodes(graph, "ImageCompositeMasked")[-1]
        assert graph.nodes[last["destination"][0]]["inputs"]["width"] == 1024


def test_what_a_server_can_do_follows_from_its_nodes(core: Told, full: Told) -> None:
    plain = set(features(core.server))
    assert plain == {
        "comfyui",
        "controlnet",
        "embeddings",
        "inpainting",
        "lora_confinement",
        "loras",
        "outpainting",
        "prompt_switching",
        "refiners",
        "region_loras",
        "regions",
        "upscalers",
        "vae",
        "vae_tiling",
        "variation_seed",
    }
    assert set(features(full.server)) - plain == {"clear", "seamless", "segments"}
    assert "loras" not in features(core.without("LoraLoader").server)


def test_inputs_of_other_versions(core: Told) -> None:
    """One input more, with a default, and one less: nodes change between versions."""
    changed = {name: dict(told) for name, told in core.info.items()}
    required = dict(changed["KSampler"]["input"]["required"])
    required["newly"] = ["INT", {"default": 3, "min": 0, "max": 9}]
    changed["KSampler"] = changed["KSampler"] | {"input": {"required": required}}
    image = {key: spec for key, spec in changed["VAEDecode"]["input"]["required"].items() if key == "samples"}
    changed["VAEDecode"] = changed["VAEDecode"] | {
        "input": {"required": image | {"vae": ["VAE"]}},
        "output": ["IMAGE", "MASK"],
    }
    assert nodes(Told(changed).build(work()), "KSampler")[0]["newly"] == 3


def test_numbers_out_of_range_name_their_parameter(core: Told) -> None:
    with pytest.raises(Unbuildable, match="parameter LoRAs: 200 is outside"):
        core.build(work(loras=(Lora(ModelRef("style-a.safetensors", ""), 200.0),)))
