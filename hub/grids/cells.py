"""The cells of a grid: every combination of its axes' values, in the order in which they are drawn. Pure."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod

from msgspec import Struct

from hub.errors import BadInput
from hub.grids.axes import Axis, Value
from hub.params import Param

_HEAVY = {"Stable-Diffusion": 10, "VAE": 7, "Clip": 7, "ControlNet": 6, "LoRA": 5}
"""How much an engine has to do anew when a parameter of this kind changes."""

_LIGHT = {"prompt": -5, "negativeprompt": -5, "gridgenpromptadd": -6, "gridgenpromptreplace": -6}
_PRESETS = 2


class Cell(Struct, frozen=True):
    """One combination: the value of each axis, in the order of the axes."""

    values: tuple[Value, ...]

    @property
    def skip(self) -> bool:
        """Whether it is shown, not drawn."""
        return any(value.skip for value in self.values)

    @property
    def path(self) -> str:
        """Its place below the grid's folder, without ending."""
        return "/".join(value.key for value in self.values)


def weight(param: Param) -> int:
    """How costly a change of this parameter is; the cheap ones are changed first."""
    if param.id == "gridgenpresets":
        return _PRESETS
    if param.subtype is not None:
        return _HEAVY.get(param.subtype, 5)
    return _LIGHT.get(param.id, 0)


def cells(axes: Sequence[Axis], *, by_weight: bool, all_values: bool, most: int) -> list[Cell]:
    """Every cell; the first axis changes fastest, `by_weight` the one that costs engines least.

    Without `all_values` the values that are skipped make no cells at all. Raises BadInput for more than
    `most`.
    """
    chosen = [[value for value in axis.values if all_values or not value.skip] for axis in axes]
    many = prod(len(values) for values in chosen)
    if many > most:
        raise BadInput(
            f"The grid would have {many} images, at most {most} are accepted.", field="gridAxes", limit=most
        )
    order = list(range(len(axes)))
    if by_weight:
        order.sort(key=lambda place: weight(axes[place].param))
    found = []
    for combination in product(*(chosen[place] for place in reversed(order))):
        of_axis = dict(zip(reversed(order), combination, strict=True))
        found.append(Cell(tuple(of_axis[place] for place in range(len(axes)))))
    return found


def settings_of(axes: Sequence[Axis], cell: Cell) -> list[tuple[str, str]]:
    """What a cell sets, axis by axis: the parameter's id and the value's text."""
    return [(axis.param.id, value.text) for axis, value in zip(axes, cell.values, strict=True)]


def in_words(axes: Sequence[Axis], cell: Cell) -> str:
    """A cell for a sentence, like "Steps=4, Seed=1"."""
    pairs = zip(axes, cell.values, strict=True)
    return ", ".join(f"{axis.title}={_short(value.text)}" for axis, value in pairs)


def guilty(axes: Sequence[Axis], cell: Cell, extra: Mapping[str, object]) -> tuple[str, str] | None:
    """The axis and value that a refusal of this cell is about, when it names the parameter of one."""
    for axis, value in zip(axes, cell.values, strict=True):
        if axis.param.id == extra.get("field"):
            return axis.title, _short(value.text)
    return None


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}..."
