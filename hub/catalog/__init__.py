"""The models on disk: which there are, what is known of them, and who may see them."""

from hub.catalog.access import may_see
from hub.catalog.beside import preview_of
from hub.catalog.card import PLACEHOLDER_PREVIEW, card, cards, none_card
from hub.catalog.catalog import NOT_FOUND, Catalog
from hub.catalog.classes import CLASSES, COMPAT_CLASSES
from hub.catalog.conversion import Conversion
from hub.catalog.edit import Facts, Picture
from hub.catalog.entry import SUBTYPES, UPSCALERS, Defaults, Entry
from hub.catalog.extraction import Extraction, Wanted
from hub.catalog.files import ModelFiles, NewPlace, read_notes
from hub.catalog.fit import unfit
from hub.catalog.header import BadHeader, check_start, check_whole
from hub.catalog.listing import Listing, list_folder
from hub.catalog.match import closest, plain
from hub.catalog.tokenizers import find_tokenizers
from hub.catalog.wildcard_cards import WildcardCard, list_wildcards, picture_of, wildcard_card
from hub.catalog.wildcards import NO_WILDCARD, Wildcard, Wildcards

__all__ = [
    "CLASSES",
    "COMPAT_CLASSES",
    "NOT_FOUND",
    "NO_WILDCARD",
    "PLACEHOLDER_PREVIEW",
    "SUBTYPES",
    "UPSCALERS",
    "BadHeader",
    "Catalog",
    "Conversion",
    "Defaults",
    "Entry",
    "Extraction",
    "Facts",
    "Listing",
    "ModelFiles",
    "NewPlace",
    "Picture",
    "Wanted",
    "Wildcard",
    "WildcardCard",
    "Wildcards",
    "card",
    "cards",
    "check_start",
    "check_whole",
    "closest",
    "find_tokenizers",
    "list_folder",
    "list_wildcards",
    "may_see",
    "none_card",
    "picture_of",
    "plain",
    "preview_of",
    "read_notes",
    "unfit",
    "wildcard_card",
]
