"""`python -m backends.diffusers_local.classifier <folder> <threads>`: tells what an image classifier sees.

Pictures come on the standard input, each behind four bytes of length; see backends/judging. Only weights in
safetensors are read and no code of the folder's is run.
"""

import json
import os
import sys
from io import BytesIO
from typing import Any, BinaryIO

MOST_PIXELS = 1 << 28
FORMATS = ("PNG", "JPEG", "WEBP")


class Eye:
    """A loaded classifier."""

    def __init__(self, folder: str) -> None:
        from transformers import AutoImageProcessor, AutoModelForImageClassification

        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        self._processor = AutoImageProcessor.from_pretrained(folder, **local)
        self._model = AutoModelForImageClassification.from_pretrained(folder, use_safetensors=True, **local)
        self._model.eval()
        self._labels: dict[int, str] = self._model.config.id2label

    def scores(self, data: bytes) -> dict[str, float]:
        """How sure it is (0..1) of each label: of one among all, or of each by itself if trained so.

        Raises OSError or ValueError for what is no picture.
        """
        import torch
        from PIL import Image

        with Image.open(BytesIO(data), formats=FORMATS) as given:
            if given.width * given.height > MOST_PIXELS:
                raise ValueError(f"the picture has more than {MOST_PIXELS} pixels")
            picture = given.convert("RGB")
        with torch.inference_mode():
            pixels = self._processor(images=picture, return_tensors="pt")  # (1, channels, height, width)
            logits = self._model(**pixels).logits[0].float()  # (labels,)
        several = self._model.config.problem_type == "multi_label_classification"
        sure = logits.sigmoid() if several else logits.softmax(-1)
        return {self._labels[index]: float(value) for index, value in enumerate(sure)}


def main(folder: str, threads: int) -> int:
    """Answer pictures until the input ends."""
    # What libraries print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(**what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    try:
        import torch

        torch.set_num_threads(max(1, threads))
        eye = Eye(folder)
    except Exception as trouble:
        say(refused=f"the classifier could not be loaded: {trouble}")
        return 1
    say(ready=True)
    while (data := _next(sys.stdin.buffer)) is not None:
        try:
            say(scores=eye.scores(data))
        except Exception as trouble:
            say(refused=f"the classifier could not look at it: {trouble}")
    return 0


def _next(stream: BinaryIO) -> bytes | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    size = int.from_bytes(head, "big")
    data = stream.read(size)
    return data if len(data) == size else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
