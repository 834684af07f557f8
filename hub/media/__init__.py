"""Results: finished pictures on disk and in the index, what they tell about themselves, how to find them."""

from hub.media.archive import Archives, Chosen
from hub.media.describe import describe, describe_preview, to_text
from hub.media.folder_window import NoFileManager, show_folder
from hub.media.gallery import BadMark, Gallery, Listing, NoSuchFolder, NoSuchImage, Wanted
from hub.media.grid import make_grid
from hub.media.incoming import BadPicture, Picture, read_picture
from hub.media.media import Media
from hub.media.outputs import Outputs, OutsideOutputs
from hub.media.pattern import Occasion, clean_path, tag
from hub.media.placeholder import placeholder
from hub.media.save import ENDINGS, Finished, NotSaved, Saved, occasion_of, on_the_way
from hub.media.serve import NoSuchRange, Served, disposition, find_file, read_part, read_range
from hub.media.sound import NoSound, find_ffmpeg
from hub.media.splice import read_text, splice

__all__ = [
    "ENDINGS",
    "Archives",
    "BadMark",
    "BadPicture",
    "Chosen",
    "Finished",
    "Gallery",
    "Listing",
    "Media",
    "NoFileManager",
    "NoSound",
    "NoSuchFolder",
    "NoSuchImage",
    "NoSuchRange",
    "NotSaved",
    "Occasion",
    "Outputs",
    "OutsideOutputs",
    "Picture",
    "Saved",
    "Served",
    "Wanted",
    "clean_path",
    "describe",
    "describe_preview",
    "disposition",
    "find_ffmpeg",
    "find_file",
    "make_grid",
    "occasion_of",
    "on_the_way",
    "placeholder",
    "read_part",
    "read_picture",
    "read_range",
    "read_text",
    "show_folder",
    "splice",
    "tag",
    "to_text",
]
