"""What the step loop asks of any denoiser, whatever is inside."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import torch

from backends.contract import Work
from backends.diffusers_local.pictures.sizes import SizePlan
from backends.diffusers_local.prompts.encoding import Text

if TYPE_CHECKING:
    from backends.diffusers_local.row import Row

Conditions = Mapping[str, torch.Tensor]
"""What a denoiser takes of a request beside its latents and its prompt's states, each as many rows as those
states have.
"""


class Denoiser(Protocol):
    """Predicts for several requests at once. Latents are (batch, channels, h, w) for every kind."""

    @property
    def channels(self) -> int:
        """Channels of the latents that noise is drawn for."""

    def conditions(self, work: Work, texts: Sequence[Text], plan: SizePlan) -> Conditions:
        """The request's conditions; `texts` are the negative prompt, where there is guidance, and the
        prompt.
        """

    def forward(
        self,
        sample: torch.Tensor,
        times: torch.Tensor,
        states: torch.Tensor,
        conditions: Conditions,
        rows: "Sequence[Row]",
    ) -> torch.Tensor:
        """The answer (n, channels, h, w) to `sample` (n, channels, h, w) at `times` (n,), with `states`
        (n, tokens, width).

        `rows` are the requests in order, each with as many lines of these as its own states have; they
        share a key. Alone it must be the stock pipeline's answer to the last bit.
        """

    def clean(self, row: "Row", given: torch.Tensor, said: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """The clean latents (channels, h, w) that an answer `said` (channels, h, w) to the input `given` at
        `time` points to, for a preview.
        """
