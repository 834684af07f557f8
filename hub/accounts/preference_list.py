"""Every user setting of swarm-api §6 with its default; the words are ours. Adding one is one entry here."""

from hub.accounts.preference import Preference

PREFERENCES: tuple[Preference, ...] = (
    Preference("OutPathBuilder", "group", None, "How the paths of saved images are made."),
    Preference(
        "OutPathBuilder.Format",
        "text",
        "raw/[year]-[month]-[day]/[hour][minute][request_time_inc]-[prompt]-[model]",
        "Pattern of an image's path inside your folder; words in brackets are filled in for each image.",
    ),
    Preference(
        "OutPathBuilder.MaxLenPerPart", "integer", 40, "Most characters that one filled-in word may take."
    ),
    Preference(
        "OutPathBuilder.ModelPathsSkipFolders",
        "boolean",
        False,
        "Fill in the model's bare name, without the folders it lies in.",
    ),
    Preference("FileFormat", "group", None, "How images are written."),
    Preference(
        "FileFormat.ImageFormat",
        "dropdown",
        "PNG",
        "Format of saved images. PNG and WEBP_LOSSLESS keep every pixel, JPG and WEBP are smaller.",
        values=("PNG", "JPG", "WEBP_LOSSLESS", "WEBP"),
    ),
    Preference("FileFormat.ImageQuality", "integer", 100, "Quality of JPG and WEBP from 1 to 100."),
    Preference(
        "FileFormat.SaveMetadata",
        "boolean",
        True,
        "Write the parameters into the image file, so that it can be made again.",
    ),
    Preference(
        "FileFormat.StealthMetadata",
        "dropdown",
        "false",
        "Hide the parameters in the pixels as well, in the transparency or the colours.",
        values=("false", "Alpha", "RGB"),
    ),
    Preference(
        "FileFormat.DPI", "integer", 0, "Dots per inch to note in the file for printing; 0 notes nothing."
    ),
    Preference(
        "FileFormat.SaveTextFileMetadata",
        "boolean",
        False,
        "Write the parameters into a text file beside the image too.",
    ),
    Preference(
        "FileFormat.ReformatTransientImages",
        "boolean",
        False,
        "Use this format also for images that are not saved.",
    ),
    Preference("UI", "group", None, "How the page behaves."),
    Preference(
        "UI.TagMoveHotkeyEnabled", "boolean", False, "Move a tag of the prompt with Alt and the arrow keys."
    ),
    Preference("UI.CheckIfSureBeforeDelete", "boolean", True, "Ask before an image is deleted."),
    Preference(
        "UI.PresetListDetailsFields",
        "text",
        "",
        "Parameters to show in the detailed list of presets, separated by commas.",
    ),
    Preference(
        "UI.CopyTriggerPhraseWithTrailingComma", "boolean", False, "End a copied trigger phrase with a comma."
    ),
    Preference(
        "UI.RemoveInterruptedGens", "boolean", False, "Take previews of interrupted images out of the batch."
    ),
    Preference(
        "UI.HideErrorMessages", "text", "", "Errors holding one of these texts, one a line, are not shown."
    ),
    Preference(
        "UI.DeleteImageBehavior",
        "dropdown",
        "next",
        "What to show after the shown image is deleted.",
        values=("nothing", "next", "previous"),
        names=("Nothing", "The next one", "The previous one"),
    ),
    Preference(
        "UI.ImageShiftingCycles",
        "dropdown",
        "true",
        "Go on from the last image to the first.",
        values=("true", "false", "only_arrows"),
        names=("Yes", "No", "With the arrow keys only"),
    ),
    Preference(
        "UI.DefaultHideMetadataInFullview",
        "boolean",
        False,
        "Hide the parameters when an image is opened large.",
    ),
    Preference("ParamParsing", "group", None, "How parameters are read."),
    Preference(
        "ParamParsing.AllowLoraStacking",
        "boolean",
        True,
        "When the same LoRA is named twice, add its weights up.",
    ),
    Preference(
        "SaveFiles", "boolean", True, "Save images on the server. Otherwise they exist in the page only."
    ),
    Preference(
        "StarNoFolders", "boolean", False, "Put starred images into one folder instead of keeping theirs."
    ),
    Preference(
        "Roles",
        "list",
        ("owner",),
        "The roles of this account, which decide what it may do.",
        restricted=True,
    ),
    Preference("Theme", "dropdown", "modern_dark", "Look of the page.", values_from="themes"),
    Preference(
        "CenterImageAlwaysGrow", "boolean", False, "Enlarge small images to fill the middle of the page."
    ),
    Preference(
        "AutoSwapImagesIncludesFullView", "boolean", False, "Show a new image also when one is opened large."
    ),
    Preference(
        "ButtonsUnderMainImages",
        "text",
        "",
        "Buttons to show under the image, separated by commas; empty for the usual ones.",
    ),
    Preference(
        "ImageMetadataFormat",
        "dropdown",
        "auto",
        "Where the parameters of the shown image stand.",
        values=("auto", "below", "side"),
    ),
    Preference("ResetBatchSizeToOne", "boolean", False, "Begin each visit with one image."),
    Preference(
        "HintFormat",
        "dropdown",
        "BUTTON",
        "How explanations of parameters are reached.",
        values=("BUTTON", "HOVER", "HOVER_DELAY", "NONE"),
    ),
    Preference(
        "HoverDelaySeconds",
        "decimal",
        0.5,
        "Seconds to wait before an explanation appears under the pointer.",
    ),
    Preference("MaxPromptLines", "integer", 10, "Most lines the prompt box grows to."),
    Preference("VAEs", "group", None, "VAEs to use instead of a model's own."),
    Preference("VAEs.DefaultSDXLVAE", "dropdown", "None", "VAE for SDXL models.", values=("None",)),
    Preference(
        "VAEs.DefaultSDv1VAE", "dropdown", "None", "VAE for Stable Diffusion 1 models.", values=("None",)
    ),
    Preference(
        "VAEs.DefaultSVDVAE", "dropdown", "None", "VAE for Stable Video Diffusion models.", values=("None",)
    ),
    Preference("VAEs.DefaultFluxVAE", "dropdown", "None", "VAE for Flux models.", values=("None",)),
    Preference("VAEs.DefaultFlux2VAE", "dropdown", "None", "VAE for Flux 2 models.", values=("None",)),
    Preference(
        "VAEs.DefaultSD3VAE", "dropdown", "None", "VAE for Stable Diffusion 3 models.", values=("None",)
    ),
    Preference("VAEs.DefaultMochiVAE", "dropdown", "None", "VAE for Mochi models.", values=("None",)),
    Preference("VAEs.DefaultQwenVAE", "dropdown", "None", "VAE for Qwen models.", values=("None",)),
    Preference(
        "MaxImagesInMiniGrid",
        "integer",
        1,
        "Up to this many images of one request are also shown as one grid; 1 for never.",
    ),
    Preference("MaxImagesInHistory", "integer", 1000, "Most images one listing of the history gives."),
    Preference(
        "MaxImagesScannedInHistory", "integer", 10000, "Most images looked through for one listing by date."
    ),
    Preference(
        "ImageHistoryUsePreviews",
        "boolean",
        True,
        "Show small previews in the history instead of the full images.",
    ),
    Preference("MaxSimulPreviews", "integer", 1, "Images of a batch that show their previews at once."),
    Preference(
        "EnterKeyGenerates",
        "boolean",
        True,
        "Start a generation with the Enter key in the prompt; Shift+Enter begins a new line.",
    ),
    Preference("GenerateForeverDelay", "decimal", 0.1, "Seconds between two generations of an endless run."),
    Preference(
        "GenerateForeverQueueSize", "integer", 1, "Generations that an endless run keeps waiting in line."
    ),
    Preference(
        "ParameterMemoryDurationHours", "decimal", 6.0, "Hours for which the page remembers your parameters."
    ),
    Preference("Language", "dropdown", "en", "Language of the page.", values_from="languages"),
    Preference(
        "ReuseParamExcludeList",
        "text",
        "wildcardseed",
        "Parameters not taken over when an image's are used again, separated by commas.",
    ),
    Preference("Audio", "group", None, "Sounds of the page."),
    Preference("Audio.CompletionSound", "dropdown", "", "Sound when a generation is finished.", values=("",)),
    Preference("Audio.Volume", "decimal", 0.5, "Loudness from 0 to 1."),
    Preference(
        "Audio.VideoAudioBehavior",
        "dropdown",
        "last",
        "Whether videos with sound play it.",
        values=("last", "play", "silent"),
        names=("As last time", "Play", "Stay silent"),
    ),
    Preference("AutoComplete", "group", None, "Suggestions while a prompt is typed."),
    Preference(
        "AutoComplete.Source",
        "dropdown",
        "",
        "Word list to suggest from; empty for none.",
        values_from="word_lists",
    ),
    Preference(
        "AutoComplete.EscapeParens", "boolean", True, "Put a backslash before brackets in suggestions."
    ),
    Preference("AutoComplete.Suffix", "text", "", "Text to put behind a chosen suggestion."),
    Preference(
        "AutoComplete.MatchMode",
        "dropdown",
        "Bucketed",
        "Which suggestions fit: beginnings first, anything that holds the text, or beginnings only.",
        values=("Bucketed", "Contains", "StartsWith"),
    ),
    Preference(
        "AutoComplete.SortMode",
        "dropdown",
        "Active",
        "Order of the suggestions.",
        values=("Active", "Alphabetical", "Frequency", "None"),
    ),
    Preference(
        "AutoComplete.SpacingMode",
        "dropdown",
        "None",
        "How blanks in suggestions are written.",
        values=("None", "Spaces", "Underscores"),
    ),
)
