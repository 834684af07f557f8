"""Whose work is checked, which checkers look, and that nothing unchecked gets through."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image as Picture

from backends.contract import Image, ModelRef, Region, Work, Workflow
from hub.accounts.caller import Limits
from hub.safety import Safety, Unusable, Withheld
from hub.safety.discover import find_types
from hub.safety.safety import NOTE, texts_of
from hub.settings import Safety as Chosen
from hub.settings import load

CHECKERS = Path(__file__).parents[2] / "checkers"
MODEL = ModelRef("m", "")


def picture(colour: str) -> Image:
    file = BytesIO()
    drawn = Picture.new("RGB", (40, 30), colour)
    drawn.putpixel((3, 3), (255, 255, 255))
    drawn.save(file, "PNG")
    return Image("work", file.getvalue(), "PNG", 1, 0.1)


def work(**more: object) -> Work:
    return Work("w", "ann", "s", MODEL, **{"prompt": "a cat", **more})  # type: ignore[arg-type]


def safety(**chosen: object) -> Safety:
    return Safety(Chosen(**{"check": "everyone", **chosen}), (CHECKERS,))  # type: ignore[arg-type]


class TestWhose:
    def test_nobodys_by_default(self) -> None:
        assert not Safety().applies(Limits(check_content=True))

    def test_by_role(self) -> None:
        room = safety(check="roles")
        assert room.applies(Limits(check_content=True)) and not room.applies(Limits())

    def test_everyones(self) -> None:
        assert safety().applies(Limits())


class TestWhich:
    def test_files_are_checkers(self) -> None:
        assert {"words", "classifier"} == set(find_types())
        assert "redness" in find_types((CHECKERS,))

    @pytest.mark.parametrize("text", ["x = 1", "raise RuntimeError('no')", "CHECKER = 5", "def ("])
    def test_a_file_that_is_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "odd.py").write_text(text)
        with pytest.raises(Unusable, match=r"odd\.py"):
            find_types((tmp_path,))

    async def test_off_starts_nothing(self) -> None:
        await safety(check="off", checkers=("none such",)).open()

    @pytest.mark.parametrize(
        ("chosen", "told"),
        [
            ({"checkers": ("none such",)}, "safety.checkers names 'none such'"),
            ({"checkers": ()}, "names no checker"),
            ({"checkers": ("classifier",)}, "safety.classifier names no folder"),
            ({"checkers": ("classifier",), "classifier": "/nowhere"}, "has no config.json"),
        ],
    )
    async def test_what_cannot_work_stops_the_start(self, chosen: dict[str, object], told: str) -> None:
        with pytest.raises(Unusable, match=told):
            await safety(**chosen).open()

    async def test_labels_the_classifier_does_not_know(self, tmp_path: Path) -> None:
        for name in ("preprocessor_config.json", "model.safetensors"):
            (tmp_path / name).write_text("{}")
        (tmp_path / "config.json").write_text('{"id2label": {"0": "cat", "1": "dog"}}')
        with pytest.raises(Unusable, match="knows the labels cat, dog"):
            await safety(checkers=("classifier",), classifier=str(tmp_path)).open()

    def test_its_folder_is_found_from_the_data_folder(self, tmp_path: Path) -> None:
        assert load(tmp_path, {"safety.classifier": "eye"}).safety.classifier == str(tmp_path / "eye")


class TestTexts:
    def test_everything_that_is_drawn_is_read(self) -> None:
        found = work(
            regions=(Region("region", "a dog"), Region("region", "no fish", negative=True)),
            workflow=Workflow('{"1": "graph"}', {"more": "a bird", "count": 3}),
            negative_prompt="no horse",
            extra={"videoprompt": "it runs", "frames": 8},
        )
        assert list(texts_of(found)) == ["a cat", "a dog", '{"1": "graph"}', "a bird", "it runs"]

    async def test_a_word(self) -> None:
        with pytest.raises(Withheld) as told:
            await safety(words=("cat",)).demand_texts([work()])
        assert told.value.text == (
            "The request was refused: 'cat' is not allowed in prompts here (setting safety.words). "
            "The server checks everybody's images (setting safety.check)."
        )
        assert told.value.extra == {"setting": "safety.words"}
        await safety(words=("dog",)).demand_texts([work()])

    async def test_a_broken_checker_lets_nothing_through(self) -> None:
        with pytest.raises(Withheld, match="could not be checked"):
            await safety(checkers=("redness",)).demand_texts([work(prompt="breaking")])


class TestPictures:
    async def test_what_is_fine_goes_through_as_it_is(self) -> None:
        given = picture("blue")
        assert await safety(checkers=("words", "redness")).judge(given) is given

    async def test_what_is_not_is_withheld(self) -> None:
        with pytest.raises(Withheld, match="The image was withheld: it is red"):
            await safety(checkers=("redness",)).judge(picture("red"))

    async def test_or_blurred(self) -> None:
        given = picture("red")
        seen = await safety(checkers=("redness",), withheld="blurred").judge(given)
        assert seen.data != given.data
        assert str(seen.notes[NOTE]).startswith("The image was withheld: it is red")

    async def test_what_cannot_be_looked_at_is_withheld(self) -> None:
        for data in (b"no picture", b""):
            with pytest.raises(Withheld, match="could not be checked"):
                await safety(checkers=("redness",), withheld="blurred").judge(Image("w", data, "PNG", 1, 0.1))

    async def test_a_checker_that_cannot_start_withholds_everything(self) -> None:
        with pytest.raises(Withheld, match="could not be checked"):
            await safety(checkers=("classifier",)).judge(picture("blue"))

    async def test_a_way_around_is_closed(self) -> None:
        with pytest.raises(Withheld) as told:
            safety().refuse_around(Limits())
        assert told.value.status == 403
        safety(check="roles").refuse_around(Limits())
