"""diffusers classes whose numbers take long to find, remembered between requests."""

from diffusers import LMSDiscreteScheduler

_MOST = 4096
_known: dict[tuple[int, tuple[float, ...]], float] = {}


class RememberingLMS(LMSDiscreteScheduler):
    """diffusers' LMS, with each coefficient integrated once.

    Integrating them anew takes milliseconds a step, more than a small model's share of a forward, and they
    depend on nothing but the levels.
    """

    def get_lms_coefficient(self, order: int, t: int, current_order: int) -> float:
        """As in diffusers."""
        key = (current_order, tuple(self.sigmas[t - order + 1 : t + 2].tolist()))
        found = _known.get(key)
        if found is None:
            if len(_known) >= _MOST:
                _known.clear()
            found = _known[key] = super().get_lms_coefficient(order, t, current_order)
        return found
