"""Flags of the group Control."""

from permissions.flag import Flag, Group, Rank, Safety

GROUP = Group("Control", "Rights over models, memory and other things all users share.")

FLAGS = (
    Flag(
        "control_model_refresh",
        "Control Model Refresh",
        "Have the model folders read anew.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "install_features",
        "Install New Features",
        "Have further features of an engine installed from its known list.",
        GROUP,
        Rank.POWERUSERS,
        Safety.RISKY,
    ),
    Flag(
        "create_tensorrt",
        "Create TensorRT Models",
        "Turn models into TensorRT engines, which takes long and much disk.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "extra_loras",
        "Extract LoRAs",
        "Extract a LoRA from the difference of two models.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "control_mem_clean",
        "Control Memory Cleaning",
        "Have engines let go of their memory.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "load_models_now",
        "Load Models Now",
        "Have a model loaded at once, ahead of any generation.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "edit_wildcards",
        "Edit Wildcards",
        "Create, change and delete wildcard files.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "edit_model_metadata",
        "Edit Model Metadata",
        "Change what is noted about a model: title, description, preview, defaults.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "download_models",
        "Download Models",
        "Download models to the server.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "reset_metadata",
        "Reset Metadata",
        "Throw away the noted facts of all models and images so that they are read anew.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "pickle2safetensors",
        "Pickle2SafeTensors",
        "Convert old pickled model files, which may hold programs, to safetensors.",
        GROUP,
        Rank.POWERUSERS,
        Safety.RISKY,
    ),
    Flag(
        "delete_models",
        "Delete Models",
        "Delete and rename model files.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
)
