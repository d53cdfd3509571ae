"""What autograd's own errors mean for the author of a Function."""

from __future__ import annotations

import re

from harness.model import EntryPoint
from harness.numerics.torch_error import TorchErrorKind, recognise


def meaning(error: str, entry: EntryPoint) -> str | None:
    """A sentence without its full stop on ``error`` (``Type: message``), where it is known."""
    known = recognise(error)
    if known is None:
        return None
    match known.kind:
        case TorchErrorKind.WRONG_SHAPE:
            return _of_shape(*known.details, entry=entry)
        case TorchErrorKind.WRONG_COUNT:
            arguments, gradients = known.details
            return (
                f"backward returns {gradients} gradients where forward took {arguments} "
                "arguments: one is due for each, None for what is not differentiable"
            )
    return _MEANINGS[known.kind]


def is_of_two_dtypes(error: str) -> bool:
    """Whether tensors of two dtypes met."""
    known = recognise(error)
    return known is not None and known.kind is TorchErrorKind.TWO_DTYPES


def _argument(entry: EntryPoint, index: int) -> str:
    """Only a Function whose arguments are the entry point's has the same positions."""
    if index < len(entry.arguments):
        return f"argument {index} ({entry.arguments[index].name}?)"
    return f"argument {index}"


def _of_shape(place: str, got: str, wanted: str, *, entry: EntryPoint) -> str:
    said = (
        f"backward returns a gradient of shape {got} for {_argument(entry, int(place))}, "
        f"which has shape {wanted}"
    )
    ours = re.findall(r"\d+", got)
    theirs = re.findall(r"\d+", wanted)
    if len(ours) > 1 and ours in (theirs[::-1], [*theirs[:-2], *theirs[:-3:-1]]):
        return f"{said}: it is transposed"
    if len(ours) < len(theirs):
        return f"{said}: it is summed over a dimension too many"
    if len(ours) > len(theirs):
        return f"{said}: it is not summed over the dimensions that were broadcast"
    return said


_MEANINGS = {
    TorchErrorKind.OVERWRITTEN: (
        "A tensor that backward needs is overwritten between forward and backward: an "
        "in-place operation writes to it"
    ),
    TorchErrorKind.LEAF_OVERWRITTEN: "The input itself is overwritten: it is written to in place",
    TorchErrorKind.NO_HISTORY: (
        "The result has no history: the Function is not reached through apply, or its "
        "result is detached"
    ),
    TorchErrorKind.GRAPH_USED_UP: (
        "A graph is used up by the first backward: it is built inside the Function and its "
        "saved values are freed"
    ),
    TorchErrorKind.SHARED_ELEMENTS: (
        "A tensor is written to in place whose elements share memory, as an expanded incoming "
        "gradient's do: use the out-of-place form"
    ),
    TorchErrorKind.OUT_OF_BOUNDS: (
        "A tensor's memory is read as if it were contiguous: as_strided goes past the end of "
        "one that is not"
    ),
    TorchErrorKind.ONCE_DIFFERENTIABLE: (
        "Second derivatives are refused: backward is once_differentiable"
    ),
    TorchErrorKind.NOT_VIEWABLE: (
        "view needs a contiguous tensor and is given one that is not: use reshape"
    ),
    TorchErrorKind.TWO_DTYPES: (
        "Tensors of two dtypes meet: something is created with a dtype of its own"
    ),
    TorchErrorKind.NONE_FOR_TENSOR: "Something is None where a tensor is expected",
}
