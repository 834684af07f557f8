"""Add-ons for the shipped model, with random weights: they change its pictures and mean nothing."""

from pathlib import Path

import torch
from diffusers import ControlNetModel, UNet2DConditionModel


def a_lora(unet: UNet2DConditionModel) -> dict[str, torch.Tensor]:
    """Changes of rank 2 for every attention, strong enough to be seen."""
    chance = torch.Generator().manual_seed(3)
    made: dict[str, torch.Tensor] = {}
    for name, module in unet.named_modules():
        if name.endswith(("to_q", "to_k", "to_v")) and isinstance(module, torch.nn.Linear):
            made[f"unet.{name}.lora_A.weight"] = torch.randn(2, module.in_features, generator=chance) / 4
            made[f"unet.{name}.lora_B.weight"] = torch.randn(module.out_features, 2, generator=chance) / 4
    return made


def a_control(unet: UNet2DConditionModel, folder: Path) -> None:
    """A ControlNet of the model's shape whose word counts from the start."""
    torch.manual_seed(4)
    control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 8, 8, 16, 16))
    with torch.no_grad():
        for name, weight in control.named_parameters():
            # these begin at zero, so that training starts from the model as it is
            if name.startswith(("controlnet_down_blocks", "controlnet_mid_block")):
                weight.add_(torch.randn_like(weight) / 20)
            elif name.startswith("controlnet_cond_embedding.conv_out"):
                weight.add_(torch.randn_like(weight) / 4)
            elif name.startswith("controlnet_cond_embedding"):
                weight.mul_(3)  # ten untrained layers let little of a picture through
    control.save_pretrained(folder)
