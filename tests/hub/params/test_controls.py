"""ControlNets, masks and borders of a request: what acts, what is missing, which pictures are too large."""

from typing import Any

import pytest

from hub.errors import BadInput, HubError
from hub.params import Context, parse
from tests.hub.params.conftest import Parse, person
from tests.hub.params.test_pictures import bomb, file_of, text_of

FILE = file_of("PNG")
PICTURE = text_of(FILE)


class TestControls:
    def test_all_three_in_order(self, ask: Parse) -> None:
        request = ask(
            controlnetmodel="depth",
            controlnetimageinput=PICTURE,
            controlnetstrength=0.5,
            controlnetthreemodel="lines.safetensors",
            controlnetthreeimageinput=PICTURE,
            controlnetthreestart=0.25,
            controlnetthreeend=0.75,
        )
        one, three = request.controls
        assert (one.model.name, one.strength, one.start, one.end) == ("depth.safetensors", 0.5, 0, 1)
        assert (three.model.name, three.strength, three.start, three.end) == (
            "lines.safetensors",
            1,
            0.25,
            0.75,
        )
        assert one.image == three.image == FILE
        assert request.asked_by == {"controlnet": "ControlNet Model"}

    def test_preparations_go_by_place_among_those_that_act(self, ask: Parse) -> None:
        request = ask(
            initimage=PICTURE,
            controlnetpreprocessor="Canny",
            controlnettwomodel="lines",
            controlnettwopreprocessor="canny",
            controlnetthreemodel="depth",
            controlnetthreepreprocessor="None",
            controlnetthreeuniontype="tile",
        )
        assert request.engine_extra == {
            "controlnetpreprocessor": "Canny",
            "controlnettwouniontype": "tile",
        }
        assert request.given["controlnettwopreprocessor"] == "Canny"

    def test_the_init_image_stands_in(self, ask: Parse) -> None:
        (control,) = ask(controlnetmodel="lines", initimage=PICTURE).controls
        assert control.image is None

    def test_a_switched_on_group_without_a_model_does_nothing(self, ask: Parse) -> None:
        request = ask(controlnetmodel="(None)", controlnetstrength=1, controlnettwostrength=0.5)
        assert request.controls == () and request.asked_by == {}

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"controlnetmodel": "lines"}, "controlnetimageinput"),
            ({"controlnettwoimageinput": PICTURE}, "controlnettwomodel"),
            ({"controlnetmodel": "nobody", "controlnetimageinput": PICTURE}, "controlnetmodel"),
            ({"controlnetmodel": "xl lines", "controlnetimageinput": PICTURE}, "controlnetmodel"),
            (
                {"controlnetmodel": "lines", "initimage": PICTURE, "controlnetstrength": 3},
                "controlnetstrength",
            ),
            (
                {
                    "controlnetmodel": "lines",
                    "initimage": PICTURE,
                    "controlnetstart": 0.6,
                    "controlnetend": 0.5,
                },
                "controlnetstart",
            ),
            ({"controlnetmodel": "lines", "controlnetimageinput": "no picture"}, "controlnetimageinput"),
            (
                {"controlnetmodel": "lines", "controlnetimageinput": text_of(bomb(60000, 60000))},
                "controlnetimageinput",
            ),
        ],
    )
    def test_refused_by_name(self, ask: Parse, given: dict[str, Any], field: str) -> None:
        with pytest.raises(BadInput) as refused:
            ask(given)
        assert refused.value.extra["field"] == field

    def test_needs_its_flag(self, context: Context) -> None:
        with pytest.raises(HubError, match="You do not have permission") as refused:
            parse({"images": 1, "controlnetmodel": "lines"}, person("basic_image_generation"), context)
        assert refused.value.extra["permission"] == "param_controlnet"

    def test_pictures_are_let_go(self, ask: Parse) -> None:
        request = ask(
            controlnetmodel="lines", controlnetimageinput=PICTURE, initimage=PICTURE, maskimage=PICTURE
        )
        light = request.without_pictures()
        assert light.init_image is light.mask is light.controls[0].image is None
        assert light.controls[0].model == request.controls[0].model


class TestMasks:
    def test_a_mask_over_an_init_image(self, ask: Parse) -> None:
        request = ask(initimage=PICTURE, maskimage=PICTURE, maskblur=8)
        assert request.mask == FILE and request.engine_extra == {"maskblur": 8}
        assert request.asked_by == {}

    @pytest.mark.parametrize("given", [{}, {"maskblur": 0}, {"maskblur": "0"}])
    def test_no_blur_is_said_to_the_engine(self, ask: Parse, given: dict[str, Any]) -> None:
        assert ask(given, initimage=PICTURE, maskimage=PICTURE).engine_extra == {"maskblur": 0}

    def test_what_shapes_it_goes_to_an_engine_that_knows(self, ask: Parse) -> None:
        request = ask(
            initimage=PICTURE,
            maskimage=PICTURE,
            maskgrow=4,
            maskshrinkgrow=16,
            maskbehavior="simple latent",
            initimagerecompositemask=False,
            useinpaintingencode=True,
        )
        assert request.engine_extra == {
            "maskgrow": 4,
            "maskshrinkgrow": 16,
            "maskbehavior": "Simple Latent",
            "initimagerecompositemask": False,
            "useinpaintingencode": True,
            "maskblur": 0,
        }
        assert list(request.asked_by) == ["inpainting"]

    def test_without_an_init_image_they_are_nothing(self, ask: Parse) -> None:
        request = ask(maskblur=4, maskgrow=8, maskshrinkgrow=8, initimagenoise=0.5)
        assert request.engine_extra == {} and request.asked_by == {}

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"maskimage": PICTURE}, "maskimage"),
            ({"outpaintleft": 64}, "outpaintleft"),
            ({"initimage": PICTURE, "maskimage": text_of(bomb(60000, 60000))}, "maskimage"),
            ({"initimage": PICTURE, "maskimage": "white"}, "maskimage"),
            ({"initimage": PICTURE, "maskimage": PICTURE, "maskblur": 65}, "maskblur"),
            ({"initimage": PICTURE, "outpaintleft": -1}, "outpaintleft"),
            ({"initimage": PICTURE, "outpaintright": 256}, "outpaintright"),
            ({"initimage": PICTURE, "outpainttop": 128, "outpaintbottom": 128}, "outpainttop"),
        ],
    )
    def test_refused_by_name(self, ask: Parse, given: dict[str, Any], field: str) -> None:
        with pytest.raises(BadInput) as refused:
            ask(given)
        assert refused.value.extra["field"] == field

    def test_transparency_may_be_the_mask(self, ask: Parse) -> None:
        request = ask(initimage=PICTURE, maskbehavior="Differential", initimagenoise=0.5)
        assert request.engine_extra == {"maskbehavior": "Differential", "initimagenoise": 0.5}
        assert list(request.asked_by) == ["inpainting"]

    def test_borders(self, ask: Parse) -> None:
        request = ask(initimage=PICTURE, outpaintleft=64, outpaintbottom=32)
        assert request.engine_extra == {"outpaintleft": 64, "outpaintbottom": 32}
        assert request.asked_by == {"outpainting": "Outpaint Left"}


class TestOthers:
    @pytest.mark.parametrize(
        ("given", "extra", "asked"),
        [
            ({"seamlesstileable": "true"}, {"seamlesstileable": "true"}, ["seamless"]),
            ({"seamlesstileable": "x-only"}, {"seamlesstileable": "X-Only"}, ["seamless"]),
            ({"seamlesstileable": "false"}, {}, []),
            ({"fluxguidancescale": 3}, {"fluxguidancescale": 3.0}, []),
            ({"vaetilesize": 512}, {"vaetilesize": 512}, ["vae_tiling"]),
            ({"clipstopatlayer": -2}, {"clipstopatlayer": -2}, []),
        ],
    )
    def test_passed_on(
        self, ask: Parse, given: dict[str, Any], extra: dict[str, Any], asked: list[str]
    ) -> None:
        request = ask(given)
        assert request.engine_extra == extra and list(request.asked_by) == asked

    def test_deterministic(self, ask: Parse) -> None:
        request = ask(deterministic="true")
        assert request.deterministic is True and request.given["deterministic"] is True
        assert ask().deterministic is False
