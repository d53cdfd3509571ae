"""What autograd's own error messages mean for the author of a Function."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.model import EntryPoint

Meaning = Callable[[re.Match[str], EntryPoint], str]


def meaning(error: str, entry: EntryPoint) -> str | None:
    """One sentence on ``error`` (``Type: message``), where it is a known one."""
    for pattern, say in _MEANINGS:
        if match := re.search(pattern, error):
            return say(match, entry)
    return None


def _argument(entry: EntryPoint, index: int) -> str:
    """Only a Function whose arguments are the entry point's has the same positions."""
    if index < len(entry.arguments):
        return f"argument {index} ({entry.arguments[index].name}?)"
    return f"argument {index}"


def _shape(match: re.Match[str], entry: EntryPoint) -> str:
    index, got, wanted = int(match[1]), match[2], match[3]
    said = (
        f"backward returns a gradient of shape {got} for {_argument(entry, index)}, "
        f"which has shape {wanted}"
    )
    ours = re.findall(r"\d+", got)
    theirs = re.findall(r"\d+", wanted)
    if len(ours) > 1 and ours in (theirs[::-1], [*theirs[:-2], *theirs[:-3:-1]]):
        return f"{said}: it is transposed."
    if len(ours) < len(theirs):
        return f"{said}: it is summed over a dimension too many."
    if len(ours) > len(theirs):
        return f"{said}: it is not summed over the dimensions that were broadcast."
    return f"{said}."


_MEANINGS: tuple[tuple[str, Meaning], ...] = (
    (
        r"invalid gradient at index (\d+) - got (\[.*?\]) but expected shape compatible with "
        r"(\[.*?\])",
        _shape,
    ),
    (
        r"incorrect number of gradients \(expected (\d+), got (\d+)\)",
        lambda m, _: (
            f"backward returns {m[2]} gradients where forward took {m[1]} arguments: one is due "
            "for each, None for what is not differentiable."
        ),
    ),
    (
        r"modified by an inplace operation",
        lambda m, _: (
            "A tensor that backward needs is overwritten between forward and backward: an "
            "in-place operation writes to it."
        ),
    ),
    (
        r"leaf Variable that requires grad .*in-place",
        lambda m, _: "The input itself is overwritten: it is written to in place.",
    ),
    (
        r"does not require grad although an input does|does not have a grad_fn",
        lambda m, _: (
            "The result has no history: the Function is not reached through apply, or its "
            "result is detached."
        ),
    ),
    (
        r"backward through the graph a second time",
        lambda m, _: (
            "A graph is used up by the first backward: it is built inside the Function and its "
            "saved values are freed."
        ),
    ),
    (
        r"more than one element of the written-to tensor",
        lambda m, _: (
            "A tensor is written to in place whose elements share memory, as an expanded incoming "
            "gradient's do: use the out-of-place form."
        ),
    ),
    (
        r"setStorage.*out of bounds",
        lambda m, _: (
            "A tensor's memory is read as if it were contiguous: as_strided goes past the end of "
            "one that is not."
        ),
    ),
    (
        r"once_differentiable",
        lambda m, _: "Second derivatives are refused: backward is once_differentiable.",
    ),
    (
        r"view size is not compatible",
        lambda m, _: "view needs a contiguous tensor and is given one that is not: use reshape.",
    ),
    (
        r"expected scalar type|same dtype|must have the same dtype",
        lambda m, _: "Tensors of two dtypes meet: something is created with a dtype of its own.",
    ),
    (
        r"'NoneType' object",
        lambda m, _: "Something is None where a tensor is expected.",
    ),
)
