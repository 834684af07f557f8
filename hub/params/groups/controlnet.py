"""ControlNet: following another picture's lines, depth or pose."""

from hub.params.control_params import group, params

GROUP = group("", -0.9)

PARAMS = params("", GROUP.id)
