"""Where the first publications of Stable Diffusion 3 and Flux keep each tensor that diffusers wants.

Facts of naming only: given a tensor's name in diffusers, the name in the original, and which of its rows.
There query, key and value are one tensor, and the last scale and shift stand the other way round.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

Rules = Mapping[str, str]
"""Name in diffusers (a pattern at the start of it) -> name in the original."""


class Origin(Struct, frozen=True):
    """A tensor of the original: its `name`, and `rows` of it: "all", "swapped" (its two halves the other way
    round), "last" (as many as wanted, from the end) or "0", "1", "2" (the first, second or third so many).
    """

    name: str
    rows: str = "all"


_SD3 = {
    r"pos_embed\.pos_embed": "pos_embed",
    r"pos_embed\.proj\.": "x_embedder.proj.",
    r"time_text_embed\.timestep_embedder\.linear_1\.": "t_embedder.mlp.0.",
    r"time_text_embed\.timestep_embedder\.linear_2\.": "t_embedder.mlp.2.",
    r"time_text_embed\.text_embedder\.linear_1\.": "y_embedder.mlp.0.",
    r"time_text_embed\.text_embedder\.linear_2\.": "y_embedder.mlp.2.",
    r"context_embedder\.": "context_embedder.",
    r"proj_out\.": "final_layer.linear.",
    r"norm_out\.linear\.": "final_layer.adaLN_modulation.1.",
}
_SD3_BLOCK = {
    r"(attn2?)\.to_[qkv]\.": r"x_block.\1.qkv.",
    r"attn\.add_[qkv]_proj\.": "context_block.attn.qkv.",
    r"(attn2?)\.norm_([qk])\.": r"x_block.\1.ln_\2.",
    r"attn\.norm_added_([qk])\.": r"context_block.attn.ln_\1.",
    r"(attn2?)\.to_out\.0\.": r"x_block.\1.proj.",
    r"attn\.to_add_out\.": "context_block.attn.proj.",
    r"norm1\.linear\.": "x_block.adaLN_modulation.1.",
    r"norm1_context\.linear\.": "context_block.adaLN_modulation.1.",
    r"ff\.net\.0\.proj\.": "x_block.mlp.fc1.",
    r"ff\.net\.2\.": "x_block.mlp.fc2.",
    r"ff_context\.net\.0\.proj\.": "context_block.mlp.fc1.",
    r"ff_context\.net\.2\.": "context_block.mlp.fc2.",
}
_FLUX = {
    r"time_text_embed\.timestep_embedder\.linear_1\.": "time_in.in_layer.",
    r"time_text_embed\.timestep_embedder\.linear_2\.": "time_in.out_layer.",
    r"time_text_embed\.text_embedder\.linear_1\.": "vector_in.in_layer.",
    r"time_text_embed\.text_embedder\.linear_2\.": "vector_in.out_layer.",
    r"time_text_embed\.guidance_embedder\.linear_1\.": "guidance_in.in_layer.",
    r"time_text_embed\.guidance_embedder\.linear_2\.": "guidance_in.out_layer.",
    r"context_embedder\.": "txt_in.",
    r"x_embedder\.": "img_in.",
    r"proj_out\.": "final_layer.linear.",
    r"norm_out\.linear\.": "final_layer.adaLN_modulation.1.",
}
_KINDS = {"q": "query", "k": "key"}
_FLUX_DOUBLE = {
    r"attn\.to_[qkv]\.": "img_attn.qkv.",
    r"attn\.add_[qkv]_proj\.": "txt_attn.qkv.",
    r"attn\.norm_(q|k)\.weight": "img_attn.norm.{kind}_norm.scale",
    r"attn\.norm_added_(q|k)\.weight": "txt_attn.norm.{kind}_norm.scale",
    r"attn\.to_out\.0\.": "img_attn.proj.",
    r"attn\.to_add_out\.": "txt_attn.proj.",
    r"norm1\.linear\.": "img_mod.lin.",
    r"norm1_context\.linear\.": "txt_mod.lin.",
    r"ff\.net\.0\.proj\.": "img_mlp.0.",
    r"ff\.net\.2\.": "img_mlp.2.",
    r"ff_context\.net\.0\.proj\.": "txt_mlp.0.",
    r"ff_context\.net\.2\.": "txt_mlp.2.",
}
_FLUX_SINGLE = {
    r"attn\.to_[qkv]\.": "linear1.",
    r"proj_mlp\.": "linear1.",
    r"attn\.norm_(q|k)\.weight": "norm.{kind}_norm.scale",
    r"norm\.linear\.": "modulation.lin.",
    r"proj_out\.": "linear2.",
}


def sd3_origin(name: str, layers: int) -> Origin:
    """Where a tensor of an SD3 transformer with so many layers is. Raises KeyError for unknown names."""
    block = re.match(r"transformer_blocks\.(\d+)\.", name)
    if block is None:
        return Origin(_renamed(name, _SD3), "swapped" if name.startswith("norm_out.") else "all")
    inner = name[block.end() :]
    # the last block has nothing more to say of the prompt: its norm is of the kind that is swapped
    swapped = inner.startswith("norm1_context.") and int(block[1]) == layers - 1
    return Origin(
        f"joint_blocks.{block[1]}.{_renamed(inner, _SD3_BLOCK)}", "swapped" if swapped else _third(inner)
    )


def flux_origin(name: str) -> Origin:
    """Where a tensor of a Flux transformer is. Raises KeyError for unknown names."""
    block = re.match(r"(single_)?transformer_blocks\.(\d+)\.", name)
    if block is None:
        return Origin(_renamed(name, _FLUX), "swapped" if name.startswith("norm_out.") else "all")
    inner = name[block.end() :]
    if block[1]:
        rows = "last" if inner.startswith("proj_mlp.") else _third(inner)
        return Origin(f"single_blocks.{block[2]}.{_renamed(inner, _FLUX_SINGLE)}", rows)
    return Origin(f"double_blocks.{block[2]}.{_renamed(inner, _FLUX_DOUBLE)}", _third(inner))


def _renamed(name: str, rules: Rules) -> str:
    for pattern, original in rules.items():
        if found := re.match(pattern, name):
            kind = _KINDS.get(found[1], "") if found.re.groups else ""
            return found.expand(original).format(kind=kind) + name[found.end() :]
    raise KeyError(name)


def _third(name: str) -> str:
    """Which third of a tensor for query, key and value this is; "all" for other tensors."""
    found = re.match(r"attn2?\.(?:to|add)_([qkv])(?:_proj)?\.", name)
    return "all" if found is None else str("qkv".index(found[1]))
