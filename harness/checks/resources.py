"""Checks of what a call costs: what it keeps, holds for backward, and how its time grows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from harness.checks.compare import steady_stacks, with_gradients
from harness.checks.context import Answered, Bench, DrawnCheck, Judgement, Trial
from harness.model import EntryPoint, Fault, LayersArgument, TensorArgument
from harness.numerics.expectation import Expected
from harness.numerics.inputs import Case, Drawer, Stack
from harness.numerics.question import MessageBuilder, Question
from harness.sandbox.inside.part import Part, Role
from harness.sandbox.session import CandidateFault, Session


@dataclass(frozen=True)
class Released(DrawnCheck):
    """Tensors of a finished call are let go of (self-reported: it can fail, never excuse)."""

    kind: ClassVar[str] = "released"
    CALLS: ClassVar[int] = 8
    # A cache of one call or two is not a leak.
    KEPT: ClassVar[int] = 3

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        case = draw.case(draw.small_size(), stack=steady_stacks(entry)[0])
        question = with_gradients(bench, draw, case).question
        yield Trial(replace(question, ask="released", count=self.CALLS))

    def judgement(self, answered: Answered) -> Judgement:
        (answer,) = answered.answers
        if answer.error is not None:
            return Judgement.raised(answer)
        alive, grown = (answer.number(name) for name in ("alive", "grown"))
        if alive > self.KEPT:
            return Judgement.failed(
                f"Of {self.CALLS} finished calls {alive:g} are still held in memory: something "
                "keeps inputs or results, such as an attribute of ctx that holds the result, a "
                "cycle that only Python's garbage collection ends.",
                alive,
                float(self.KEPT),
                fault=Fault.KEPT_MEMORY,
            )
        if grown > self.KEPT:
            return Judgement.failed(
                f"After {self.CALLS} finished calls {grown:g} more tensors are alive than before.",
                grown,
                float(self.KEPT),
                fault=Fault.KEPT_MEMORY,
            )
        return Judgement.passed(f"Nothing of {self.CALLS} finished calls is kept.")


@dataclass(frozen=True)
class CostGrowth(DrawnCheck):
    """Time grows about as the elements do (self-reported: it can object, never excuse)."""

    kind: ClassVar[str] = "cost_growth"
    SHAPES: ClassVar[tuple[tuple[int, ...], ...]] = ((8, 64), (64, 64))
    CALLS: ClassVar[int] = 5
    # How many times as long eight times the elements may take.
    MOST: ClassVar[float] = 24.0
    # What takes less than this is not worth a word.
    LEAST_S: ClassVar[float] = 2e-3

    def fits(self, entry: EntryPoint) -> bool:
        return entry.differentiable and not entry.sizes and not steady_stacks(entry)[0]

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        for shape in self.SHAPES:
            question = with_gradients(bench, draw, draw.case({"*": shape})).question
            yield Trial(replace(question, ask="timed", count=self.CALLS))

    def judgement(self, answered: Answered) -> Judgement:
        spent = []
        for answer in answered.answers:
            if answer.error is not None:
                return Judgement.raised(answer)
            spent.append(answer.number("wall_s"))
        few, many = (math.prod(shape) for shape in self.SHAPES)
        growth = spent[1] / max(spent[0], 1e-9)
        if growth > self.MOST and spent[1] > self.LEAST_S:
            return Judgement.failed(
                f"A call with backward takes far more than {many / few:.0f} times as long for "
                f"{many} elements as for {few}: is a Jacobian built?",
                growth,
                self.MOST,
                fault=Fault.COST,
            )
        return Judgement.passed(f"Time grows about as the elements do, from {few} to {many}.")


@dataclass(frozen=True)
class SavedMemory:
    """Between forward and backward, memory does not grow with depth (read from the kernel)."""

    kind: ClassVar[str] = "saved_memory"
    # One activation: 256 × 1024 float32 values.
    SHAPE: ClassVar[tuple[int, int]] = (256, 1024)
    SHALLOW: ClassVar[int] = 2
    DEEP: ClassVar[int] = 26

    def fits(self, entry: EntryPoint) -> bool:
        match entry.arguments:
            case (TensorArgument(differentiable=True), LayersArgument()):
                return True
        return False

    def run_session(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
        activation = 4 * self.SHAPE[0] * self.SHAPE[1]
        growth_if_kept = (self.DEEP - self.SHALLOW) * activation
        limit = growth_if_kept / 4
        self._held(bench, entry, session, self.SHALLOW)  # first use pays for the allocator
        shallow = self._held(bench, entry, session, self.SHALLOW)
        deep = self._held(bench, entry, session, self.DEEP)
        if isinstance(shallow, str) or isinstance(deep, str):
            raised = shallow if isinstance(shallow, str) else deep
            return Judgement.failed(f"The call raised {raised}.", fault=Fault.RAISED)
        wrong = self._gradient(bench, entry).mismatch(self._last_gradient(session))
        if wrong is not None:
            return Judgement.differs(
                wrong, f"At {self.DEEP} layers, where memory is measured, {wrong.message}."
            )
        growth = float(deep - shallow)
        message = (
            f"From {self.SHALLOW} to {self.DEEP} layers the memory held for backward grows by "
            f"{growth / 2**20:.1f} MiB; keeping every activation would take "
            f"{growth_if_kept / 2**20:.0f} MiB."
        )
        if growth > limit:
            return Judgement.failed(message, growth, limit, fault=Fault.KEPT_MEMORY)
        return Judgement.passed(message, growth, limit)

    def _held(self, bench: Bench, entry: EntryPoint, session: Session, depth: int) -> int | str:
        """Resident bytes that one result of ``depth`` layers keeps alive, or the error."""
        session.request({"do": "drop"})
        builder = MessageBuilder()
        case = self._case(bench, entry, depth)
        call = builder.call(Question("forward", case, grad=case.differentiable))
        before = session.memory_bytes()
        reply, _ = session.request({"do": "hold", "call": call}, builder.tensors)
        after = session.memory_bytes()
        error = reply.get("error")
        if isinstance(error, dict):
            return f"{error.get('type')}: {error.get('message')}"
        if error is not None:
            raise CandidateFault("the process sent an error that is not an object")
        return after - before

    def _case(self, bench: Bench, entry: EntryPoint, depth: int) -> Case:
        # A function and a module, either of which might be the one that is kept.
        names = ("tanh", "gelu") * (depth // 2)
        # Numbers that cannot be packed: packed they would fit where nobody looks for them.
        x = bench.drawer(entry, self.kind).normal(self.SHAPE).float()
        return Case(entry, (x, Stack(names, self.SHAPE[1], (), torch.float32)), "")

    def _gradient(self, bench: Bench, entry: EntryPoint) -> Expected:
        """What comes out of the deep call: whoever keeps nothing must still get it right."""

        def make() -> Expected:
            case = self._case(bench, entry, self.DEEP)
            reference = bench.reference(case)
            (expected,) = reference.gradients(torch.ones(self.SHAPE), case.differentiable)
            return expected

        return bench.once((self, entry.name), make)

    def _last_gradient(self, session: Session) -> torch.Tensor | None:
        ones = torch.ones(self.SHAPE)
        size = ones.numel() * ones.element_size()
        reply, tensors = session.request({"do": "drop"}, [ones], reply_bytes=size)
        return (
            tensors[0] if reply.get("parts") == [str(Part(Role.GRADIENT, 0))] and tensors else None
        )
