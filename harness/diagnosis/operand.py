"""The tensors of a call that a formula may be made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import torch

from harness.diagnosis.sample import Sample
from harness.model import NumberArgument
from harness.numerics.expectation import RESULT
from harness.numerics.question import Question


class OperandKind(Enum):
    """What of a call it is."""

    ONE = auto()
    # A tensor argument, by name.
    INPUT = auto()
    # A number argument, by name.
    NUMBER = auto()
    RESULT = auto()
    COTANGENT = auto()


_WORDS = {
    OperandKind.ONE: "1",
    OperandKind.RESULT: "the result",
    OperandKind.COTANGENT: "the incoming gradient",
}


@dataclass(frozen=True)
class Operand:
    """One tensor or number of a call; ``str`` gives what an author calls it."""

    kind: OperandKind
    name: str = ""

    def __str__(self) -> str:
        return _WORDS.get(self.kind, self.name)

    def read(self, sample: Sample) -> torch.Tensor | None:
        """Its values in float64; ``None`` where the sample's call has no such thing."""
        match self.kind:
            case OperandKind.ONE:
                return torch.ones_like(sample.exact)
            case OperandKind.INPUT:
                return sample.inputs.get(self.name)
            case OperandKind.RESULT:
                return sample.result
            case OperandKind.COTANGENT:
                return sample.cotangent
            case OperandKind.NUMBER:
                value = number(sample.question, self.name)
                return None if value is None else torch.tensor(value, dtype=torch.float64)


ONE = Operand(OperandKind.ONE)
RIGHT_RESULT = Operand(OperandKind.RESULT)
INCOMING = Operand(OperandKind.COTANGENT)


def operands(sample: Sample) -> list[Operand]:
    """What a formula for the sample's quantity may be made of."""
    found = [Operand(OperandKind.INPUT, name) for name in sample.inputs]
    if sample.quantity != RESULT:
        found.append(RIGHT_RESULT)
    if sample.cotangent is not None:
        found.append(INCOMING)
    arguments = sample.case.entry.arguments
    numbers = [a.name for a in arguments if isinstance(a, NumberArgument)]
    return found + [Operand(OperandKind.NUMBER, name) for name in numbers]


def number(question: Question, name: str) -> float | None:
    """A number argument, or a 0-d tensor; ``None`` where it is left out or larger."""
    for argument, value in zip(question.case.entry.arguments, question.case.values, strict=False):
        if argument.name == name:
            if isinstance(value, torch.Tensor) and value.dim() == 0:
                return float(value)
            if isinstance(value, int | float):
                return float(value)
    return None
