"""The parameters of one ControlNet: three groups have the same ones, under their own names."""

from hub.params.spec import Group, Param

FLAG, PERMISSION = "controlnet", "param_controlnet"
ORDINALS = ("", "two", "three")
"""What the ids of the three ControlNets have behind `controlnet`."""

_UNION_TYPES = {
    "auto": "As the preprocessor says",
    "openpose": "Pose",
    "depth": "Depth",
    "hed/pidi/scribble/ted": "Soft edges or scribble",
    "canny/lineart/anime_lineart/mlsd": "Hard edges or line art",
    "normal": "Normals",
    "segment": "Segments",
    "tile": "The picture itself (tile)",
    "repaint": "The picture with parts to redraw",
}
# what a ControlNet for many kinds of picture can be told, in the published model's order


def group(ordinal: str, priority: float) -> Group:
    """The group of one ControlNet: `ordinal` is "", "Two" or "Three"."""
    first = ordinal == ""
    return Group(
        name=f"ControlNet {ordinal}".strip(),
        description="Lets the drawing follow another picture's lines, depth or pose."
        if first
        else "One more picture to follow at the same time.",
        toggles=True,
        open=False,
        priority=priority,
        advanced=not first,
        parent=None if first else "controlnet",
    )


def params(ordinal: str, group_id: str) -> tuple[Param, ...]:
    """The parameters of one ControlNet, as documented for all three (swarm-api §5.3)."""
    name = f"ControlNet {ordinal}".strip()
    return (
        Param(
            name=f"{name} Image Input",
            description="The picture to follow. Off, the init image.",
            type="image",
            default=None,
            priority=1,
            group=group_id,
            toggleable=True,
            feature_flag=FLAG,
            permission=PERMISSION,
        ),
        *_picture(name, group_id),
        Param(
            name=f"{name} Model",
            description="The ControlNet model; it has to fit the model that draws.",
            type="model",
            default="(None)",
            subtype="ControlNet",
            priority=5,
            group=group_id,
            feature_flag=FLAG,
            permission=PERMISSION,
        ),
        Param(
            name=f"{name} Strength",
            description="How closely the picture is followed.",
            type="decimal",
            default="1",
            min=0,
            max=2,
            step=0.05,
            view_type="slider",
            priority=8,
            group=group_id,
            feature_flag=FLAG,
            permission=PERMISSION,
            examples=("0.5", "1", "1.5"),
        ),
        _part(f"{name} Start", "0", 10, "The part of the steps after which it begins.", group_id),
        _part(f"{name} End", "1", 11, "The part of the steps after which it ends.", group_id),
    )


def _picture(name: str, group_id: str) -> tuple[Param, ...]:
    """How the picture is made ready, and what it is."""
    return (
        Param(
            name=f"{name} Preprocessor",
            description="How the picture to follow is made ready: None takes it as it is, Canny its edges.",
            type="dropdown",
            default="None",
            values=("None", "Canny"),
            value_names=("None", "Canny edges"),
            priority=3,
            group=group_id,
            toggleable=True,
            feature_flag=FLAG,
            permission=PERMISSION,
        ),
        Param(
            name=f"{name} Union Type",
            description="What the picture to follow is, for a model that follows several kinds of them; auto "
            "knows only what the preprocessor makes.",
            type="dropdown",
            default="auto",
            values=tuple(_UNION_TYPES),
            value_names=tuple(_UNION_TYPES.values()),
            priority=4,
            group=group_id,
            toggleable=True,
            feature_flag=FLAG,
            permission=PERMISSION,
        ),
    )


def _part(name: str, default: str, priority: float, description: str, group_id: str) -> Param:
    return Param(
        name=name,
        description=description,
        type="decimal",
        default=default,
        min=0,
        max=1,
        step=0.05,
        view_type="slider",
        priority=priority,
        group=group_id,
        advanced=True,
        ignore=default,
        feature_flag=FLAG,
        permission=PERMISSION,
        examples=("0", "0.2", "0.5") if default == "0" else ("1", "0.8", "0.5"),
    )
