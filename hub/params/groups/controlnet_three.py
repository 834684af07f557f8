"""ControlNet three: a third picture to follow at the same time."""

from hub.params.control_params import group, params

GROUP = group("Three", -0.7)

PARAMS = params("Three", GROUP.id)
