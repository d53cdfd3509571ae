"""The names of an answer's tensors, as both sides write and read them.

``g1@2`` is the gradient for the second leaf (counted from 0) of the third call of a sequence.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import torch


class Role(StrEnum):
    """What a tensor is to the call that it belongs to."""

    RESULT = "y"
    # Of a leaf, by its place among those that require grad.
    GRADIENT = "g"
    # The same, of a second backward through the graph of the first call.
    AGAIN = "again"
    # The first derivative for a leaf while a graph of it is made, by its place.
    FIRST = "f"
    # Of a parameter of the layers, by its place.
    PARAMETER = "p"
    # A tensor argument as it is after the call, by its place.
    INPUT = "x"
    # What lies beside a tensor argument in memory, by its place; the argument with it.
    AROUND = "ax"
    # The incoming gradient as it is after backward.
    COTANGENT = "c"
    # What lies beside the incoming gradient, with it.
    COTANGENT_AROUND = "ac"
    # The second derivative for the incoming gradient.
    COTANGENT_GRADIENT = "gc"
    # What another branch of the graph got.
    BRANCH = "z"
    # What the generator gives next.
    DRAW = "draw"


class Part(NamedTuple):
    """The name of one tensor of an answer."""

    role: Role
    # Place among those of its role; ``None`` where there can be but one.
    place: int | None = None
    # Place of its call in a sequence; ``None`` for a single call.
    call: int | None = None

    def __str__(self) -> str:
        place = "" if self.place is None else str(self.place)
        return f"{self.role}{place}" + ("" if self.call is None else f"@{self.call}")


_WRITTEN = re.compile(
    rf"({'|'.join(sorted(Role, reverse=True))})([0-9]{{1,6}})?(?:@([0-9]{{1,6}}))?"
)


@lru_cache(4096)
def parse(text: str) -> Part | None:
    """The part that ``text`` names; ``None`` where it names none."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    role, place, call = found.groups()
    return Part(
        Role(role),
        None if place is None else int(place),
        None if call is None else int(call),
    )


RESULT = Part(Role.RESULT)
COTANGENT = Part(Role.COTANGENT)
COTANGENT_AROUND = Part(Role.COTANGENT_AROUND)
COTANGENT_GRADIENT = Part(Role.COTANGENT_GRADIENT)
BRANCH = Part(Role.BRANCH)
DRAW = Part(Role.DRAW)


Parts = list[tuple[Part, torch.Tensor]]


def numbered(role: Role, tensors: Iterable[torch.Tensor | None], call: int | None = None) -> Parts:
    """Tensors of one role by their places; those that are None are left out."""
    return [(Part(role, i, call), t) for i, t in enumerate(tensors) if t is not None]
