"""A tiny image classifier with random weights, made on the spot as its makers' library stores one."""

import json
from pathlib import Path

import torch
from transformers import ViTConfig, ViTForImageClassification

LABELS = {0: "fine", 1: "nsfw"}


def make_eye(folder: Path, *, several: bool = False) -> None:
    """Write a ViT of some thousand numbers that tells two labels apart by colours."""
    torch.manual_seed(3)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=16,
        id2label=LABELS,
        label2id={label: index for index, label in LABELS.items()},
        problem_type="multi_label_classification" if several else None,
    )
    model = ViTForImageClassification(config).eval()
    with torch.no_grad():
        model.vit.embeddings.patch_embeddings.projection.weight.mul_(20)
        model.classifier.weight.mul_(200)
    model.save_pretrained(folder)
    processing = {
        "image_processor_type": "ViTImageProcessor",
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2,
        "rescale_factor": 1 / 255,
        "size": {"height": 32, "width": 32},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processing))
