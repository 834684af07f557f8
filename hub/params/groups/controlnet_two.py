"""ControlNet two: a second picture to follow at the same time."""

from hub.params.control_params import group, params

GROUP = group("Two", -0.8)

PARAMS = params("Two", GROUP.id)
