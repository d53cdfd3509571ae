"""The errors that torch itself raises about a Function, told apart by their text.

The one place that reads such messages, as torch has no types for them. A candidate may make
one up; it would only be failed in other words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from harness.model import Fault


class TorchErrorKind(Enum):
    """What torch objects to; the values are patterns of its texts."""

    # Details: place of the gradient, its shape, the shape of its input.
    WRONG_SHAPE = (
        r"invalid gradient at index (\d+) - got (\[.*?\]) but expected shape compatible with "
        r"(\[.*?\])"
    )
    # Details: arguments of forward, gradients that came.
    WRONG_COUNT = r"incorrect number of gradients \(expected (\d+), got (\d+)\)"
    OVERWRITTEN = r"modified by an inplace operation"
    LEAF_OVERWRITTEN = r"leaf Variable that requires grad .*in-place"
    NO_HISTORY = r"does not require grad although an input does|does not have a grad_fn"
    GRAPH_USED_UP = r"backward through the graph a second time"
    SHARED_ELEMENTS = r"more than one element of the written-to tensor"
    OUT_OF_BOUNDS = r"setStorage.*out of bounds"
    ONCE_DIFFERENTIABLE = r"once_differentiable"
    NOT_VIEWABLE = r"view size is not compatible"
    TWO_DTYPES = r"expected scalar type|same dtype|must have the same dtype"
    NONE_FOR_TENSOR = r"'NoneType' object"


_FAULTS = {
    TorchErrorKind.WRONG_SHAPE: Fault.WRONG_SHAPE,
    TorchErrorKind.WRONG_COUNT: Fault.WRONG_COUNT,
}


@dataclass(frozen=True)
class TorchError:
    """A known error, with what its text tells."""

    kind: TorchErrorKind
    details: tuple[str, ...]

    @property
    def fault(self) -> Fault:
        """What it means of the submission."""
        return _FAULTS.get(self.kind, Fault.RAISED)


def recognise(error: str) -> TorchError | None:
    """What torch says with ``error`` (``Type: message``); ``None`` where it is another's."""
    for kind in TorchErrorKind:
        if found := re.search(kind.value, error):
            return TorchError(kind, found.groups())
    return None
