"""Whether an engine may take an image: every model it uses, samplers, engines that nobody has reached yet."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from backends.contract import Control, EngineState, EngineType, Lora, ModelRef, RemoteModel, SecondPass
from hub.jobs.choose import choose
from hub.jobs.fit import NO_BACKENDS, NO_MATCH, NONE_SET_UP, Seat, lacking, misfit, not_now, refusal
from hub.jobs.need import Method, Need, Wanted, need_of, needs_of
from hub.params.pairs import Pairs
from hub.params.request import Fill
from tests.hub.media.samples import request

SD = "Stable-Diffusion"
FAR = Need("far.safetensors", here=False)


def here(number: int = 0, **state: object) -> Seat:
    values = {"id": number, "type": "local", "title": f"E{number}", "status": "running"} | state
    return Seat(msgspec.convert(values, EngineState), 1)


def far(number: int = 1, *models: tuple[str, str], **state: object) -> Seat:
    """An engine elsewhere with these models, each a kind and a name."""
    offers: dict[str, dict[str, RemoteModel]] = {}
    for kind, name in models:
        offers.setdefault(kind, {})[name] = RemoteModel(name, kind)
    seat = here(number, type="far", holds_any=False, **state)
    return msgspec.structs.replace(seat, state=msgspec.structs.replace(seat.state, offers=offers))


class TestModels:
    def test_what_is_only_elsewhere_never_goes_to_an_engine_here(self) -> None:
        assert "only an engine elsewhere has it" in str(misfit(FAR, here()))
        assert misfit(FAR, far(1, (SD, FAR.model))) is None

    def test_every_model_has_to_be_there(self) -> None:
        need = Need("m", models=(Wanted("LoRA", "style", here=True, param="LoRAs"),))
        assert misfit(need, here()) is None
        assert misfit(need, far(1, (SD, "m"))) == "E1 (backend 1) does not have style (for LoRAs)."
        assert misfit(need, far(1, (SD, "m"), ("VAE", "style"))) is not None, "another kind does not help"
        assert misfit(need, far(1, (SD, "m"), ("LoRA", "style"))) is None

    def test_an_add_on_that_is_only_elsewhere(self) -> None:
        need = Need("m", models=(Wanted("LoRA", "style", here=False, param="LoRAs"),))
        assert "style (for LoRAs): only an engine elsewhere" in str(misfit(need, here()))

    def test_one_that_was_not_reached_yet_may_have_it(self) -> None:
        for status in ("waiting", "loading"):
            assert misfit(FAR, far(1, status=status)) is None
        assert misfit(FAR, far(1, status="errored")) is not None
        assert misfit(FAR, far(1, (SD, "other"), status="loading")) is not None, "it has told what it has"


class TestNoLoading:
    NEED = Need("m", held_only=True)

    def test_only_who_holds_the_model(self) -> None:
        assert misfit(self.NEED, here(models=("m",))) is None
        assert misfit(self.NEED, here(models=("other",))) == (
            "E0 (backend 0) has not loaded the model m, and No Load Models is on."
        )
        assert misfit(self.NEED, far(1, (SD, "m"))) is not None
        assert misfit(self.NEED, far(1, status="loading")) is not None, "nothing is known of it yet"

    def test_the_model_of_the_second_pass_has_to_be_held_too(self) -> None:
        need = Need("m", models=(Wanted(SD, "fine", here=True, param="Refiner Model"),), held_only=True)
        assert "has not loaded the model fine" in str(misfit(need, here(models=("m",))))
        assert misfit(need, here(models=("m", "fine"))) is None

    def test_it_is_the_parameter_that_is_in_the_way(self) -> None:
        assert lacking(self.NEED, [here(models=("other",))]) == "No Load Models"
        assert lacking(self.NEED, [here(models=("m",))]) is None
        assert choose([self.NEED], [here(0), here(1, models=("m",))]).engine == 1


class TestSamplers:
    KIND = EngineType("far", "Far", "", msgspec.Struct, samplers=("euler",), schedulers=("normal",))

    def test_an_engine_without_the_sampler_is_refused(self) -> None:
        seat = msgspec.structs.replace(here(), pairs=Pairs([self.KIND]))
        assert misfit(Need("m", methods=(Method("", "euler", "normal"),)), seat) is None
        reason = misfit(Need("m", methods=(Method("", "heun", "normal"),)), seat)
        assert (
            reason
            == "E0 (backend 0) does not have the sampler heun with the scheduler normal for this model."
        )

    def test_one_that_names_none_takes_any(self) -> None:
        kind = msgspec.structs.replace(self.KIND, samplers=(), schedulers=())
        seat = msgspec.structs.replace(here(), pairs=Pairs([kind]))
        assert misfit(Need("m", methods=(Method("", "heun", "normal"),)), seat) is None


class TestRefusal:
    def test_those_that_could_but_are_away_are_named_too(self) -> None:
        away = far(2, (SD, FAR.model), status="idle")
        off = far(3, (SD, FAR.model), enabled=False, status="disabled")
        text = refusal(FAR, [here(), away, off])
        assert text is not None and text.startswith(NO_MATCH)
        assert "E2 (backend 2) does not answer." in text and "E3 (backend 3) is switched off." in text

    def test_what_was_accepted_waits_for_one_that_may_come_back(self) -> None:
        away = [here(), far(2, (SD, FAR.model), status="idle")]
        assert refusal(FAR, away) is not None and refusal(FAR, away, accepted=True) is None

    def test_one_elsewhere_that_cannot_be_reached_is_not_asked_again_by_sending_work(self) -> None:
        errored = [far(2, (SD, FAR.model), status="errored")]
        assert refusal(FAR, errored) == f"{NO_BACKENDS}\n- E2 (backend 2) could not be reached."
        assert refusal(FAR, errored, accepted=True) is None
        assert choose([FAR], errored).need is None

    def test_what_was_accepted_waits_for_one_that_was_never_reached(self) -> None:
        assert refusal(FAR, [far(2, status="errored")], accepted=True) is None
        assert refusal(FAR, [far(2, (SD, "x"), status="errored")], accepted=True) is not None

    def test_what_was_accepted_does_not_wait_for_one_whose_setting_is_wrong(self) -> None:
        wrong = far(2, status="errored", hopeless=True)
        told = refusal(FAR, [here(), wrong], accepted=True)
        assert told is not None and "E2 (backend 2) has a wrong setting." in told
        assert refusal(FAR, [far(2, (SD, FAR.model), status="errored", hopeless=True)], accepted=True)

    def test_what_was_accepted_does_not_wait_for_one_it_was_not_meant_for(self) -> None:
        away = [here(), far(2, status="errored")]
        assert refusal(msgspec.structs.replace(FAR, engine_id=7), away, accepted=True) is not None
        assert refusal(msgspec.structs.replace(FAR, engine_type="local"), away, accepted=True) is not None
        assert refusal(msgspec.structs.replace(FAR, engine_id=2), away, accepted=True) is None

    def test_nobody_at_all(self) -> None:
        assert refusal(FAR, []) == f"{NO_BACKENDS} {NONE_SET_UP}"


class TestLacking:
    NEED = Need(FAR.model, here=False, features=("video",), asked_by=("Video Frames",))

    def test_the_engine_with_the_model_lacks_it(self) -> None:
        seats = [here(features=["video"]), far(1, (SD, FAR.model))]
        assert lacking(self.NEED, seats) == "Video Frames"
        assert lacking(self.NEED, [*seats, far(2, (SD, FAR.model), features=["video"])]) is None

    def test_the_engine_that_was_asked_for_lacks_it(self) -> None:
        need = msgspec.structs.replace(self.NEED, engine_id=1)
        seats = [far(1, (SD, FAR.model)), far(2, (SD, FAR.model), features=["video"])]
        assert lacking(need, seats) == "Video Frames"

    def test_it_is_not_to_blame_where_nobody_could_anyway(self) -> None:
        assert lacking(self.NEED, [here(features=["video"])]) is None


class TestNotNow:
    def test_each_state_in_words(self) -> None:
        told = {
            status: not_now(Need("m"), here(status=status))
            for status in ("waiting", "loading", "silent", "errored", "idle", "disabled", "running")
        }
        assert told.pop("running") is None
        assert len(set(told.values())) == 6 and all(str(text).endswith(".") for text in told.values())

    def test_a_full_one_tells_how_full(self) -> None:
        full = msgspec.structs.replace(here(), free=0, held=3)
        assert not_now(Need("m"), full) == "E0 (backend 0) is busy with 3 images."


class TestNeeds:
    def test_every_model_of_a_request(self) -> None:
        asked = request(
            loras=(Lora(ModelRef("style", "/style")),),
            vae=ModelRef("soft", ""),
            embeddings=(ModelRef("hands", "/hands"),),
            controls=(Control(ModelRef("lines", "/lines")),),
            second=SecondPass(
                model=ModelRef("xl", "/xl"),
                vae=ModelRef("xl vae", "/v"),
                upscaler=ModelRef("4x", "/4x"),
                sampler="heun",
            ),
        )
        need = need_of(asked)
        assert {(one.subtype, one.name) for one in need.models} == {
            ("LoRA", "style"),
            ("VAE", "soft"),
            ("Embedding", "hands"),
            ("ControlNet", "lines"),
            (SD, "xl"),
            ("VAE", "xl vae"),
            ("upscale_models", "4x"),
        }
        assert [one.name for one in need.models if not one.here] == ["soft"]
        assert [method.sampler for method in need.methods] == [asked.sampler, "heun"]

    def test_where_chance_chose_a_lora_each_picture_needs_its_own(self) -> None:
        one, other = (Lora(ModelRef(name, "")) for name in ("a", "b"))
        fills = (Fill("x", "", (one,)), Fill("y", "", (other,)), Fill("z", "", (one,)))
        needs = needs_of(request(images=3, fills=fills))
        assert [[lora.name for lora in need.models] for need in needs] == [["a"], ["b"], ["a"]]
        assert needs[0] is needs[2]


KINDS = (SD, "LoRA", "VAE")
NAMES = ("a", "b")
MODELS = st.sets(st.tuples(st.sampled_from(KINDS), st.sampled_from(NAMES)))


@given(
    st.sampled_from(NAMES),
    st.booleans(),
    st.sets(st.tuples(st.sampled_from(KINDS[1:]), st.sampled_from(NAMES), st.booleans())),
    st.lists(MODELS, max_size=4),
)
def test_one_is_found_exactly_when_one_has_everything(
    model: str, local: bool, others: set[tuple[str, str, bool]], engines: list[set[tuple[str, str]]]
) -> None:
    wanted = tuple(Wanted(kind, name, here=is_here, param=kind) for kind, name, is_here in sorted(others))
    need = Need(model, here=local, models=wanted)
    seats = [here(), *(far(number, *sorted(has)) for number, has in enumerate(engines, 1))]
    asked = {(SD, model), *((one.subtype, one.name) for one in wanted)}
    expected = (local and all(one.here for one in wanted)) or any(asked <= has for has in engines)
    text = refusal(need, seats)
    assert (text is None) == expected
    assert text is None or len(text.split("\n- ")) == 1 + len(seats), "every engine has its reason"
