"""An image classifier from a folder of this machine looks at every result, in a process of its own.

It says how sure it is of each of its labels, nothing more: what it was trained on decides what it sees, it
errs in both directions, and somebody who wants to get past it will.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from backends.judging import Judge, NotJudged
from hub.safety.checker import CheckerType, Finding, Unusable
from hub.settings import Safety


class _Config(msgspec.Struct):
    id2label: dict[str, str] = {}


class Classifier:
    """Withholds what safety.classifier is sure enough of to be one of safety.labels."""

    def __init__(self, chosen: Safety) -> None:
        self._chosen = chosen
        self._judge = Judge(Path(chosen.classifier))

    async def start(self) -> None:
        """Look whether the folder can be what it has to be. Raises Unusable."""
        folder = Path(self._chosen.classifier)
        if not self._chosen.classifier:
            raise Unusable(
                "safety.checkers names 'classifier', but safety.classifier names no folder with an image "
                "classifier (config.json, preprocessor_config.json and model.safetensors)."
            )
        lacking = [
            name for name in ("config.json", "preprocessor_config.json") if not (folder / name).is_file()
        ]
        if not any(folder.glob("*.safetensors")):
            lacking.append("*.safetensors")
        if lacking:
            raise Unusable(
                f"The folder {folder} (safety.classifier) has no {', no '.join(lacking)}. A classifier that "
                "transformers can read is meant, with its weights as safetensors."
            )
        self._demand_labels(folder)

    def _demand_labels(self, folder: Path) -> None:
        try:
            found = msgspec.json.decode((folder / "config.json").read_bytes(), type=_Config).id2label
        except (msgspec.MsgspecError, OSError) as wrong:
            raise Unusable(f"{folder / 'config.json'} (safety.classifier) cannot be read: {wrong}") from wrong
        known = {label.lower() for label in found.values()}
        if not known & {label.lower() for label in self._chosen.labels}:
            raise Unusable(
                f"The classifier in {folder} knows the labels {', '.join(sorted(found.values())) or 'none'}; "
                "none of them is in safety.labels, so that it would never withhold anything."
            )

    async def texts(self, texts: Sequence[str]) -> Finding | None:
        """Nothing: it cannot read."""
        return None

    async def picture(self, data: bytes) -> Finding | None:
        """The label it is surest of among those that count, where that is sure enough. Raises NotJudged."""
        wanted = {label.lower() for label in self._chosen.labels}
        scores = await self._judge.scores(data)
        counted = [(score, label) for label, score in scores.items() if label.lower() in wanted]
        if not counted:
            raise NotJudged("the classifier has none of the labels in safety.labels")
        score, label = max(counted)
        if score < self._chosen.threshold:
            return None
        return Finding(f"the image classifier takes it for '{label}'", "safety.threshold")

    async def stop(self) -> None:
        """End its process."""
        await self._judge.stop()


CHECKER = CheckerType(
    "classifier",
    "Withholds results that the image classifier in safety.classifier takes for one of safety.labels.",
    Classifier,
)
