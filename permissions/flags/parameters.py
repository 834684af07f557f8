"""Flags of the group Parameters."""

from permissions.flag import Flag, Group, Rank, Safety

GROUP = Group("Parameters", "Rights to use certain parameters of a generation.")

FLAGS = (
    Flag(
        "model_params",
        "Model Params",
        "Choose models in a request.",
        GROUP,
        Rank.USER,
        Safety.SAFE,
    ),
    Flag(
        "param_backend_type",
        "Backend Type Parameter",
        "Choose the type of engine in a request.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "param_backend_id",
        "Backend ID Parameter",
        "Choose one certain engine in a request.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "param_video",
        "Video Params",
        "Use the parameters of video generation.",
        GROUP,
        Rank.USER,
        Safety.SAFE,
    ),
    Flag(
        "param_controlnet",
        "ControlNet Params",
        "Use the parameters of ControlNet.",
        GROUP,
        Rank.USER,
        Safety.SAFE,
    ),
)
