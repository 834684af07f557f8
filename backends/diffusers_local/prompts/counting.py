"""Prompts in the tokens of a text encoder without a model: for whoever wants to know how long a prompt is.

Uses the tokenizers library alone; for CLIP the rules are those of transformers' CLIPTokenizer, word for word,
for others what their `tokenizer.json` says.
"""

from functools import cache, lru_cache
from pathlib import Path

from msgspec import Struct
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE

from backends.diffusers_local.prompts.sections import sections
from backends.diffusers_local.prompts.weighting import Piece
from backends.diffusers_local.prompts.words import END, clip_words

# as trained
_SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class Token(Struct, frozen=True):
    """A token by its number, the weight its word has in the prompt, and its text ("</w>" ends a word)."""

    id: int
    weight: float
    text: str


def tokens_of(text: str, *, weighting: bool, file: Path | None = None) -> list[list[Token]]:
    """The tokens of each section of a prompt, those around a text not counted: CLIP's, or those of the
    `tokenizer.json` at `file`.

    With `weighting` weights and breaks are read as such, without it they are text of a single section.
    Raises LookupError when CLIP's word list is not installed, or the file is none.
    """
    tokenizer = _tokenizer() if file is None else _read(file, file.stat().st_mtime_ns)
    parted = sections(text) if weighting else ((Piece(text),),)
    found: list[list[Token]] = []
    for section in parted:
        pieces = [piece for piece in section if isinstance(piece, Piece)]
        encoded = tokenizer.encode_batch([piece.text for piece in pieces], add_special_tokens=False)
        pairs = zip(pieces, encoded, strict=True)
        found.append(
            [
                Token(i, piece.weight, t)
                for piece, one in pairs
                for i, t in zip(one.ids, one.tokens, strict=True)
            ]
        )
    return found


@cache
def _tokenizer() -> Tokenizer:
    words = clip_words()
    if words is None:
        raise LookupError("CLIP's word list is not installed")
    vocabulary, merges = words
    model = BPE(dict(vocabulary), list(merges), end_of_word_suffix="</w>", unk_token=END, fuse_unk=False)
    made = Tokenizer(model)
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return made


@lru_cache(maxsize=4)
def _read(file: Path, changed: int) -> Tokenizer:
    """A tokenizer of a file; `changed` is when that was written, so that a new one is read anew."""
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as trouble:  # the library raises nothing narrower
        raise LookupError(f"{file.parent.name}/{file.name} cannot be read: {trouble}") from trouble
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
