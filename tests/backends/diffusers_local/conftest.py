"""Small random models in ordinary diffusers folders, and a loop to draw with them in this process."""

# The libraries read the environment when they are imported, and may be missing.
# ruff: noqa: E402

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image as Picture
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from backends.contract import Cancelled, Done, Failed, Image, ModelRef, Report, Submit, Work
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loop.loop import Loop
from tests.backends.diffusers_local.stock_models import build

WORDS = ("<unk>", "<begin>", "<end>", "a", "red", "circle", "blue", "square", "on")
TOKENS = 8


def a_tokenizer() -> PreTrainedTokenizerFast:
    """Whole words, eight at most."""
    inner = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="<unk>"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single="<begin> $A <end>", special_tokens=[("<begin>", 1), ("<end>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        bos_token="<begin>",
        eos_token="<end>",
        pad_token="<end>",
        model_max_length=TOKENS,
    )


def build_pipeline(**schedule: Any) -> StableDiffusionPipeline:
    """A random Stable Diffusion of a few hundred thousand numbers: 4 latent channels, 8 pixels a cell."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=2,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        layers_per_block=1,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(WORDS),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=TOKENS,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=2,
        )
    )
    common = {
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "clip_sample": False,
    }
    return StableDiffusionPipeline(
        vae=vae.eval(),
        text_encoder=text.eval(),
        tokenizer=a_tokenizer(),
        unet=unet.eval(),
        scheduler=DDIMScheduler(**(common | {"steps_offset": 1, "set_alpha_to_one": False} | schedule)),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Threads that wait for each other beside other tests cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that predicts noise."""
    path = tmp_path_factory.mktemp("models") / "small"
    build_pipeline().save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def zero_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with v-prediction and nothing left of the signal at the last step."""
    path = tmp_path_factory.mktemp("models") / "zero"
    build_pipeline(
        prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
    ).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def stock_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family that its own pipeline draws, written once."""
    root = tmp_path_factory.mktemp("stock")

    def written(family: str) -> Path:
        if not (root / family).exists():
            build(family).save_pretrained(root / family)
        return root / family

    return written


def ref_of(path: Path, native: tuple[tuple[int, int], ...] = ()) -> ModelRef:
    return ModelRef(path.name, str(path), "", native)


@pytest.fixture(scope="session")
def model(folder: Path) -> Model:
    with torch.inference_mode():
        return load_model(ref_of(folder), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="session")
def zero_model(zero_folder: Path) -> Model:
    with torch.inference_mode():
        return load_model(ref_of(zero_folder), torch.device("cpu"), torch.float32)


def scheduler_of(model: Model, sampler: str, schedule: str) -> Any:
    """The diffusers scheduler that a stock pipeline needs for the same walk."""
    schedules: Any = model.schedules
    return schedules.make(sampler, schedule)


class Studio:
    """A loop driven turn by turn, with all its reports."""

    def __init__(self, keep: Path | None = None, previews: str = "fast") -> None:
        self.reports: list[Report] = []
        shelf = Shelf(torch.device("cpu"), torch.float32, 1 << 30)
        self.loop = Loop(shelf, self.reports.append, keep, previews=previews)

    def of(self, kind: type, work: str | None = None) -> list[Any]:
        return [r for r in list(self.reports) if isinstance(r, kind) and (work is None or r.id == work)]

    def ended(self, work: str) -> bool:
        return bool(self.of(Done, work) or self.of(Failed, work) or self.of(Cancelled, work))

    def submit(self, *works: Work) -> None:
        self.loop.inbox.extend(Submit(work) for work in works)

    def turn(self, times: int = 1) -> None:
        with torch.inference_mode():
            for _ in range(times):
                self.loop.turn()

    def finish(self, *works: Work) -> None:
        """Turn until these works have ended."""
        until = time.monotonic() + 60
        while not all(self.ended(work.id) for work in works):
            assert time.monotonic() < until, [type(r) for r in self.reports[-3:]]
            if self.loop._busy:
                self.turn()
            else:
                time.sleep(0.002)

    def draw(self, *works: Work) -> list[Picture.Image]:
        """The pictures of these works."""
        self.submit(*works)
        self.finish(*works)
        return [self.picture(work) for work in works]

    def picture(self, work: Work) -> Picture.Image:
        failed = self.of(Failed, work.id)
        assert not failed, failed[0].reason
        return Picture.open(io.BytesIO(self.of(Image, work.id)[0].data))


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio()
    yield made
    made.loop._press.close()


def a_work(path: Path, number: int = 0, native: tuple[tuple[int, int], ...] = (), **given: Any) -> Work:
    """A small work on this model; anything may be given."""
    standard: dict[str, Any] = {
        "prompt": "a red circle",
        "width": 64,
        "height": 64,
        "steps": 4,
        "cfg_scale": 5.0,
        "seed": number + 100,
    }
    return Work(f"t:{number}", "u", "s", ref_of(path, native), **(standard | given))
