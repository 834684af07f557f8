"""The two thin matrices that come nearest to a difference, and what a file calls them."""

import torch

EXACT = 512
"""The smaller side up to which a matrix is taken apart as a whole."""
_BESIDE, _ROUNDS = 16, 6  # of the quick way: columns beside the wanted ones, times the product is formed


def halves(difference: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """`up` (out, r) and `down` (r, in) with `up @ down` near the difference (out, …), where r is `rank` or
    the matrix's own; and the part of its energy (squared numbers, 0..1) that they hold.

    The best there is for a rank (Eckart and Young 1936); of large matrices found by random projections
    (Halko, Martinsson and Tropp 2011, algorithm 5.1), the same ones each time.
    """
    matrix = difference.flatten(1).float()
    least = min(matrix.shape)
    rank = min(rank, least)
    if least <= EXACT or least <= 2 * (rank + _BESIDE):
        left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    else:
        torch.manual_seed(0)
        left, sizes, turned = torch.svd_lowrank(matrix, q=rank + _BESIDE, niter=_ROUNDS)
        right = turned.T
    root = sizes[:rank].sqrt()
    energy = float(matrix.square().sum())
    held = float(sizes[:rank].square().sum()) / energy if energy else 1.0
    return left[:, :rank] * root, root[:, None] * right[:rank], min(held, 1.0)


def named(name: str, *, encoders: int) -> str | None:
    """What a LoRA's file calls the module of this tensor (`unet.….weight`); None where no LoRA can change it.

    U-Nets and CLIP in kohya's names, transformers in PEFT's: what both diffusers and ComfyUI read.
    """
    part, _, rest = name.partition(".")
    module = rest.removesuffix(".weight")
    if module == rest:
        return None
    if part == "unet":
        # neither reader lays a LoRA over what comes before and after the blocks
        inside = module.startswith(("down_blocks.", "mid_block.", "up_blocks."))
        return f"lora_unet_{module.replace('.', '_')}" if inside else None
    if part == "transformer":
        inside = any(piece.isdigit() for piece in module.split("."))
        return f"transformer.{module}" if inside and "blocks" in module else None
    if ".self_attn." in f".{module}" or ".mlp." in f".{module}":
        number = "2" if part == "text_encoder_2" else "1" if encoders > 1 else ""
        return f"lora_te{number}_text_model_{module.replace('.', '_')}"
    return None


def endings(module: str) -> tuple[str, str]:
    """What follows a module's name for `down` and for `up`."""
    if module.startswith("lora_"):
        return ".lora_down.weight", ".lora_up.weight"
    return ".lora_A.weight", ".lora_B.weight"
