"""Lets stock gradcheck run here, on answers that were computed in a candidate.

``remote`` is an autograd Function whose forward, backward and double backward
ask an ``Answerer``. gradcheck's questions depend on its inputs alone, so they
are recorded once against the oracle (``Rehearsal``), put to the candidate in
one batch, and then read from a ``Memo`` while stock gradcheck runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch

from harness.model import Fault
from harness.numerics.expectation import Reference
from harness.numerics.inputs import Case
from harness.numerics.oracles import Oracle
from harness.numerics.question import Answer, Cotangent, Question
from harness.sandbox.inside import wire
from harness.sandbox.inside.part import COTANGENT_GRADIENT, RESULT, Part, Role

Tensors = tuple[torch.Tensor, ...]
Key = tuple[object, ...]


class CandidateError(RuntimeError):
    """A call of the candidate raised, or its result cannot be used, while gradcheck ran."""

    def __init__(self, message: str, fault: Fault, line: int | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.line = line


class NotRehearsed(RuntimeError):
    """gradcheck asked something that it did not ask when it ran on the oracle."""


class Answerer(Protocol):
    """Computes values and derivatives of one function of tensors."""

    def forward(self, xs: Tensors) -> torch.Tensor: ...

    def vjp(self, mask: tuple[bool, ...], g: torch.Tensor, xs: Tensors) -> Tensors: ...

    def vjp2(
        self, mask: tuple[bool, ...], g: torch.Tensor, xs: Tensors, outer: Tensors
    ) -> Tensors: ...


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Any:
    return function.apply(*arguments)  # type: ignore[no-untyped-call]


class _Remote(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, answerer: Answerer, *xs: torch.Tensor) -> torch.Tensor:
        ctx.answerer = answerer
        ctx.save_for_backward(*xs)
        return answerer.forward(xs)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        mask = tuple(ctx.needs_input_grad[1:])
        found = iter(_apply(_RemoteVjp, ctx.answerer, mask, g, *ctx.saved_tensors))
        return (None, *(next(found) if needed else None for needed in mask))


class _RemoteVjp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, answerer: Answerer, mask: tuple[bool, ...], g: torch.Tensor, *xs: torch.Tensor
    ) -> Tensors:
        ctx.answerer, ctx.mask = answerer, mask
        ctx.save_for_backward(g, *xs)
        return answerer.vjp(mask, g, xs)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> Any:
        g, *xs = ctx.saved_tensors
        *found, for_g = ctx.answerer.vjp2(ctx.mask, g, tuple(xs), outer)
        rest = iter(found)
        return (None, None, for_g, *(next(rest) if needed else None for needed in ctx.mask))


def remote(answerer: Answerer, *xs: torch.Tensor) -> torch.Tensor:
    """The function behind ``answerer``, differentiable twice."""
    result: torch.Tensor = _apply(_Remote, answerer, *xs)
    return result


def _key(kind: str, mask: tuple[bool, ...], tensors: Sequence[torch.Tensor]) -> Key:
    return (kind, mask, *(wire.tensor_bytes(tensor) for tensor in tensors))


class Rehearsal:
    """Answers from the oracle and writes down every question."""

    def __init__(self, oracle: Oracle, case: Case) -> None:
        self.oracle = oracle
        self.case = case
        self.names = case.differentiable
        self.questions: dict[Key, Question] = {}

    def at(self, xs: Tensors) -> Case:
        """The case with its differentiable arguments replaced by ``xs``."""
        moved = dict(zip(self.names, (x.detach().clone() for x in xs), strict=True))
        values = [
            moved.get(argument.name, value)
            for argument, value in zip(self.case.entry.arguments, self.case.values, strict=False)
        ]
        # Layers are variadic: what follows the named arguments stays as it is.
        values += self.case.values[len(values) :]
        return Case(self.case.entry, tuple(values), self.case.label)

    def _note(self, mask: tuple[bool, ...], tensors: Tensors, question: Question) -> None:
        self.questions.setdefault(_key(question.ask, mask, tensors), question)

    def _wanted(self, mask: tuple[bool, ...]) -> tuple[str, ...]:
        return tuple(name for name, needed in zip(self.names, mask, strict=True) if needed)

    def forward(self, xs: Tensors) -> torch.Tensor:
        case = self.at(xs)
        self._note((), xs, Question("forward", case, grad=self.names))
        return Reference(self.oracle, case).value().detach()

    def vjp(self, mask: tuple[bool, ...], g: torch.Tensor, xs: Tensors) -> Tensors:
        case, wanted, g = self.at(xs), self._wanted(mask), g.detach().clone()
        question = Question("vjp", case, grad=wanted, cotangents=(Cotangent(g),))
        self._note(mask, (g, *xs), question)
        reference = Reference(self.oracle, case)
        leaves = tuple(reference.leaves[name] for name in wanted)
        with torch.enable_grad():
            return self.oracle.gradients(reference.arguments, g, leaves)

    def vjp2(self, mask: tuple[bool, ...], g: torch.Tensor, xs: Tensors, outer: Tensors) -> Tensors:
        case, wanted = self.at(xs), self._wanted(mask)
        g, outer = g.detach().clone(), tuple(o.detach().clone() for o in outer)
        question = Question(
            "vjp2", case, grad=wanted, cotangents=(Cotangent(g), *(Cotangent(o) for o in outer))
        )
        self._note(mask, (g, *xs, *outer), question)
        reference = Reference(self.oracle, case)
        leaves = tuple(reference.leaves[name] for name in wanted)
        with torch.enable_grad():
            g.requires_grad_()
            return tuple(self.oracle.second_gradients(reference.arguments, g, outer, leaves))


class Memo:
    """Answers from what the candidate said to the questions of a rehearsal."""

    def __init__(self, names: Sequence[str], answers: dict[Key, Answer]) -> None:
        self.names = names
        self.answers = answers

    def _answer(self, kind: str, mask: tuple[bool, ...], tensors: Tensors) -> Answer:
        answer = self.answers.get(_key(kind, mask, tensors))
        if answer is None:
            raise NotRehearsed(f"no answer to a {kind} question at {self.names}")
        if answer.error is not None:
            raise CandidateError(answer.error_text(), answer.fault, answer.line)
        return answer

    def _gradients(
        self, answer: Answer, mask: tuple[bool, ...], xs: Tensors, g: Tensors = ()
    ) -> Tensors:
        """Those of the needed ``xs``, then of ``g``; what did not come is zero."""
        like = [x for x, needed in zip(xs, mask, strict=True) if needed]
        parts = [Part(Role.GRADIENT, index) for index in range(len(like))]
        pairs = zip([*parts, COTANGENT_GRADIENT], [*like, *g], strict=False)
        return tuple(answer.parts.get(part, torch.zeros_like(t)).clone() for part, t in pairs)

    def forward(self, xs: Tensors) -> torch.Tensor:
        answer = self._answer("forward", (), xs)
        if RESULT not in answer.parts:
            message = f"the result is a {answer.facts.get('type')}, expected a tensor"
            raise CandidateError(message, Fault.NOT_A_TENSOR)
        return answer.parts[RESULT].clone()

    def vjp(self, mask: tuple[bool, ...], g: torch.Tensor, xs: Tensors) -> Tensors:
        answer = self._answer("vjp", mask, (g, *xs))
        return self._gradients(answer, mask, xs)

    def vjp2(self, mask: tuple[bool, ...], g: torch.Tensor, xs: Tensors, outer: Tensors) -> Tensors:
        answer = self._answer("vjp2", mask, (g, *xs, *outer))
        return self._gradients(answer, mask, xs, (g,))
