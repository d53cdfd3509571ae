"""Checks of what a call costs: what it keeps, holds for backward, and how its time grows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from harness.checks.compare import Way, plain, steady_stacks, ways, with_gradients
from harness.checks.context import Answered, Bench, DrawnCheck, Judgement, Trial
from harness.checks.turns import Turn, large_turns, of_some_size, turns
from harness.model import EntryPoint, Fault, LayersArgument, TensorArgument
from harness.numerics.expectation import Expected
from harness.numerics.inputs import Case, Drawer, Stack
from harness.numerics.question import Cotangent, MessageBuilder, Question, put
from harness.sandbox.inside.part import Part, Role
from harness.sandbox.session import CandidateFault, Resident, Session

# Elements of tensors whose copies can be told from what else is in memory.
ELEMENTS, MORE_ELEMENTS = 2048, 4096


@dataclass(frozen=True)
class Released(DrawnCheck):
    """What finished calls keep does not grow with them (self-reported: it can fail, never excuse).

    Use it for whatever runs in a training loop.

    Calls that are differentiated are asked, and calls that never are: their graph is let go of, or
    they have none. Tensors are counted, and bytes, as what is kept need not be a tensor. What
    belongs to the last call or two may stay: a cache, or a module's last result, is not told from
    a leak of one call.
    All arguments but the first are the same ones in every call, as parameters are.
    """

    kind: ClassVar[str] = "released"
    # Calls in each dtype and number of dimensions.
    CALLS: ClassVar[int] = 4
    # A cache of one call or two is not a leak.
    KEPT: ClassVar[int] = 3
    # What a call of each kind may add to the memory that interpreter, libraries and ``malloc``
    # (which counts its caches of small pieces) use: up to 4,512 bytes over 300 right answers.
    NOISE_BYTES: ClassVar[int] = 8192

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        every = [of_some_size(entry, draw, t, ELEMENTS) for t in turns(bench, entry, draw)]
        every += large_turns(bench, entry, draw)
        first, *others = [self._question(bench, draw, turn, next(stacks)) for turn in every]
        # No backward comes after some calls: nothing of them may wait for it.
        asked = (None, *ways(entry))
        further = itertools.cycle(turns(bench, entry, draw))
        for way in (asked[place] for place in draw.order(len(asked))):
            turn = of_some_size(entry, draw, next(further), MORE_ELEMENTS)
            others.append(self._without_backward(bench, turn.case(draw, next(stacks)), way))
        yield Trial(replace(first, ask="released", others=tuple(others)))

    def _without_backward(self, bench: Bench, case: Case, way: Way | None) -> Question:
        """A call whose result has no history, in one of the ways, or is let go of."""
        question = Question("forward", case, grad=case.differentiable)
        if way is not None:
            question = plain(bench, case, bench.reference(case).forward(), way).question
        return replace(question, count=self.CALLS, shared=_shared(bench, case))

    def _question(
        self, bench: Bench, draw: Drawer, turn: Turn, stack: tuple[str, ...] | None
    ) -> Question:
        case = turn.case(draw, stack)
        cotangent = draw.normal(bench.reference(case).value().shape).to(
            next(iter(case.tensors.values())).dtype
        )
        return Question(
            "vjp",
            case,
            grad=case.differentiable,
            cotangents=(Cotangent(cotangent),),
            count=self.CALLS,
            shared=_shared(bench, case),
        )

    def judgement(self, answered: Answered) -> Judgement:
        ((trial, answer),) = answered.pairs
        if answer.error is not None:
            return Judgement.raised(answer)
        alive, grown, kept = (answer.number(name) for name in ("alive", "grown", "kept_bytes"))
        if alive > self.KEPT:
            return Judgement.failed(
                f"Of {self.CALLS} finished calls {alive:g} are still held in memory: something "
                "keeps inputs or results, such as an attribute of ctx that holds the result, a "
                "cycle that only Python's garbage collection ends.",
                alive,
                float(self.KEPT),
                fault=Fault.KEPT_MEMORY,
            )
        # Each kind of call of a module is one of another instance, and each may keep so many.
        instances = 1 if answered.entry.module is None else 1 + len(trial.question.others)
        if grown > self.KEPT * instances:
            return Judgement.failed(
                f"After {self.CALLS} finished calls {grown:g} more tensors are alive than before.",
                grown,
                float(self.KEPT * instances),
                fault=Fault.KEPT_MEMORY,
            )
        size = min(_bytes(question) for question in (trial.question, *trial.question.others))
        most = float(max(size / 2, self.NOISE_BYTES))
        if kept > most:
            return Judgement.failed(
                f"Each finished call leaves {kept:g} bytes in use, expected less than {most:g}: "
                "something keeps copies of inputs or results, as arrays, bytes or storages.",
                kept,
                most,
                fault=Fault.KEPT_MEMORY,
            )
        # Without a figure: a few hundred bytes come and go, and a grade is the same every time.
        return Judgement.passed(f"What {self.CALLS} finished calls keep does not grow.")


def _shared(bench: Bench, case: Case) -> tuple[str, ...]:
    """All tensor arguments but the first; a module is called with new data each time."""
    tensors = [name for name in case.tensors if name not in case.entry.kept]
    return (*case.entry.kept, *tensors[1:]) if bench.mixes else ()


def _bytes(question: Question) -> int:
    """Size of the largest tensor that is new in every call."""
    tensors = question.case.tensors
    if all(name in question.shared for name in tensors):
        tensors = question.case.handed_over
    new = [tensor for name, tensor in tensors.items() if name not in question.shared]
    return max((tensor.numel() * tensor.element_size() for tensor in new), default=0)


@dataclass(frozen=True)
class CostGrowth(DrawnCheck):
    """Time grows about as the elements do (self-reported: it can object, never excuse).

    Use it, mostly under ``advisory``, for elementwise functions; it needs an entry point
    without sizes.
    """

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


def _taken(before: Resident, after: Resident) -> int:
    """At least so many bytes were in use for a while and are no more; 0 where it cannot be told."""
    return after.most - max(before.now, after.now) if after.most > before.most else 0


@dataclass(frozen=True)
class SavedMemory:
    """What a call takes and its result holds does not grow with depth (read from the kernel).

    Use it where an entry point takes a tensor and ``layers`` and is to keep its input alone.

    Several results are held at once. Memory that was there before and is let go of inside their
    calls makes up for none of it: they are so many that all memory which the process came to
    have since it was forked, whatever for, would not be enough. At its peak a call may take a
    few activations, and its backward what a plain run's would; where more memory was in use
    before than is now, a call is made so deep that its activations would not fit in there.

    Layers of other kinds, about as many as a request speaks of, and an input that is data are
    asked with small tensors: what is saved there is counted as it is saved.
    """

    kind: ClassVar[str] = "saved_memory"
    # One activation: 256 × 1024 float32 values.
    SHAPE: ClassVar[tuple[int, int]] = (256, 1024)
    ACTIVATION_BYTES: ClassVar[int] = 4 * 256 * 1024
    # Of the two stacks that are asked about in turn: one without parameters, one with some.
    DEPTHS: ClassVar[tuple[tuple[int, int], ...]] = ((16, 22), (24, 32))
    # Functions and modules that keep their input and take little time.
    LAYERS: ClassVar[tuple[str, ...]] = ("silu", "gelu")
    WITH_PARAMETERS: ClassVar[str] = "layer_norm"
    # Activations that a result may hold: the input and itself, and some for the allocator.
    MOST: ClassVar[float] = 5.0
    LEAST_HELD: ClassVar[int] = 2
    # What a first call takes memory for is paid for by one of so few layers.
    SHALLOW: ClassVar[tuple[str, ...]] = ("layer_norm", "silu", "gelu")
    # Activations at once, per layer: half of them in a call, half as much again in a backward.
    IN_CALL: ClassVar[float] = 0.5
    IN_BACKWARD: ClassVar[float] = 1.5
    # Activations that a deeper call is made for; beyond that it would take too long.
    MOST_ROOM: ClassVar[float] = 256.0
    # Beside those of a backward, for gradients and the allocator.
    BESIDE: ClassVar[float] = 6.0
    # Where what is saved is counted: layers that save an activation each in a plain run, how many
    # of them, those that one of each is added of in turn, and the shape of the input.
    SAVING: ClassVar[tuple[str, ...]] = ("layer_norm", "gelu", "tanh", "silu")
    SOME: ClassVar[tuple[int, int]] = (8, 10)
    SPECIAL: ClassVar[tuple[str, ...]] = ("dropout", "linear", "residual")
    SMALL: ClassVar[tuple[int, int]] = (6, 8)

    def fits(self, entry: EntryPoint) -> bool:
        match entry.arguments:
            case (TensorArgument(differentiable=True), LayersArgument()):
                return True
        return False

    def run_session(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
        pair = itertools.islice(self._cases(bench, entry), self.LEAST_HELD)
        depths = [len(case.stack.names) for case in pair if case.stack is not None]
        depth = sum(depths) / len(depths)
        if (raised := self._hold(session, self._shallow(bench, entry))) is not None:
            return raised
        session.request({"do": "drop"}, [torch.ones(self.SHAPE)], reply_bytes=self.ACTIVATION_BYTES)
        before, at_first = session.memory_bytes(), session.resident_bytes()
        # Enough to find half of the activations kept beside all that might be let go of.
        kept_bytes = (depth / 2 - self.MOST) * self.ACTIVATION_BYTES
        pairs = 1 + math.ceil((before - session.fresh_bytes) / kept_bytes / self.LEAST_HELD)
        count = self.LEAST_HELD * max(1, pairs)
        for case in itertools.islice(self._cases(bench, entry), count):
            if (raised := self._hold(session, case)) is not None:
                return raised
        held = (session.memory_bytes() - before) / count
        if (found := self._peak(bench, entry, session, at_first, max(depths))) is not None:
            return found
        at_last, at = session.resident_bytes(), depths[self._place(bench)]
        wrong = self._gradient(bench, entry).mismatch(self._held_gradient(bench, session))
        if wrong is not None:
            return Judgement.differs(
                wrong, f"At {at} layers, where memory is measured, {wrong.message}."
            )
        limit = self.MOST * self.ACTIVATION_BYTES
        message = (
            f"{count} results that wait for their backward, of {' and '.join(map(str, depths))} "
            f"layers in turn, hold {held / 2**20:.1f} MiB each; input and result take 2 MiB, and "
            f"every activation would take {depth * self.ACTIVATION_BYTES / 2**20:.0f} MiB."
        )
        if not held <= limit:
            return Judgement.failed(message, held, limit, fault=Fault.KEPT_MEMORY)
        most = (self.IN_BACKWARD * at + self.BESIDE) * self.ACTIVATION_BYTES
        taken = _taken(at_last, session.resident_bytes())
        if (found := self._saved(bench, entry, session)) is not None:
            return found
        if not taken <= most:
            return Judgement.failed(
                f"The backward of {at} layers takes {taken / 2**20:.0f} MiB at its peak, more "
                "than that of a plain run.",
                taken,
                most,
                fault=Fault.KEPT_MEMORY,
            )
        return Judgement.passed(message, held, limit)

    def _peak(
        self, bench: Bench, entry: EntryPoint, session: Session, before: Resident, depth: int
    ) -> Judgement | None:
        """What to say where calls of so many layers and fewer took too much while they ran."""
        after = session.resident_bytes()
        room = (before.most - before.now) / self.ACTIVATION_BYTES
        if room > self.IN_CALL * depth:
            room = min(room, self.MOST_ROOM)
            depth = math.ceil((room + self.MOST) / self.IN_CALL)
            before = after
            raised = self._hold(session, self._shallow(bench, entry, depth // len(self.SHALLOW)))
            if raised is not None:
                return raised
            after = session.resident_bytes()
        taken, most = _taken(before, after), self.IN_CALL * depth * self.ACTIVATION_BYTES
        if taken <= most:
            return None
        return Judgement.failed(
            f"A call of {depth} layers takes {taken / 2**20:.0f} MiB while it runs, beside what "
            "its result holds: activations are kept until it returns.",
            taken,
            most,
            fault=Fault.KEPT_MEMORY,
        )

    def _saved(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement | None:
        """What to say where a call saves more than its arguments with layers of some kinds."""
        questions = self._questions(bench, entry)
        for question, answer in zip(questions, put(session, questions), strict=True):
            if answer.error is not None:
                return Judgement.raised(answer)
            (x,) = question.case.tensors.values()
            saved, limit = answer.number("saved_bytes"), self.MOST * x.nbytes
            if saved > limit:
                data = "" if question.grad else ", x does not require grad"
                return Judgement.failed(
                    f"With the layers {question.case.label}{data}: {saved:g} bytes are saved for "
                    f"backward beside the arguments; x takes {x.nbytes}.",
                    saved,
                    limit,
                    fault=Fault.KEPT_MEMORY,
                )
        return None

    def _questions(self, bench: Bench, entry: EntryPoint) -> tuple[Question, ...]:
        def make() -> tuple[Question, ...]:
            draw = bench.drawer(entry, f"{self.kind}/saved")
            asked = []
            for of_data, special in (
                (False, ()),
                *((False, (n,)) for n in self.SPECIAL),
                (True, ()),
            ):
                some = (self.WITH_PARAMETERS, *draw.names(self.SAVING, *self.SOME), *special)
                names = tuple(some[place] for place in draw.order(len(some)))
                stack = draw.stack(names, self.SMALL[1], torch.float32)
                case = Case(entry, (draw.normal(self.SMALL).float(), stack), ", ".join(names))
                grad = () if of_data else case.differentiable
                asked.append(Question("saved", case, grad=grad))
            return tuple(asked)

        return bench.once((self, entry.name, "saved"), make)

    def _shallow(self, bench: Bench, entry: EntryPoint, times: int = 1) -> Case:
        """A call of a few layers, or so many times as many, that are always the same ones."""
        draw = bench.drawer(entry, f"{self.kind}/shallow")
        stack = draw.stack(self.SHALLOW * times, self.SHAPE[1], torch.float32)
        return Case(entry, (draw.normal(self.SHAPE).float(), stack), "")

    @staticmethod
    def _hold(session: Session, case: Case) -> Judgement | None:
        """Have the result of a call kept; what to say where it raised."""
        builder = MessageBuilder()
        call = builder.call(Question("forward", case, grad=case.differentiable))
        reply, _ = session.request({"do": "hold", "call": call}, builder.tensors)
        error = reply.get("error")
        if isinstance(error, dict):
            said = f"{error.get('type')}: {error.get('message')}"
            return Judgement.failed(f"The call raised {said}.", fault=Fault.RAISED)
        if error is not None:
            raise CandidateFault("the process sent an error that is not an object")
        return None

    def _cases(self, bench: Bench, entry: EntryPoint) -> Iterator[Case]:
        """Calls without end, no two with the same values: what is kept of one serves no other."""

        def make() -> tuple[torch.Tensor, list[Stack]]:
            draw = bench.drawer(entry, self.kind)
            some = (self.WITH_PARAMETERS, *draw.names(self.LAYERS, *self.DEPTHS[0]))
            none = draw.names(self.LAYERS, *self.DEPTHS[1])
            if draw.chance(0.5):
                some, none = (self.WITH_PARAMETERS, *none), some[1:]
            stacks = [draw.stack(names, self.SHAPE[1], torch.float32) for names in (none, some)]
            # Numbers that cannot be packed: packed they would fit where nobody looks for them.
            return draw.normal(self.SHAPE).float(), stacks

        x, stacks = bench.once((self, entry.name, "drawn"), make)
        for number, stack in enumerate(itertools.cycle(stacks)):
            yield Case(entry, (x * (1 - number / 1024), stack), "")

    def _place(self, bench: Bench) -> int:
        """Of the results that are held, the one whose gradient is asked for."""
        (seed,) = bench.seeds(self.kind, 1)
        return seed % self.LEAST_HELD

    def _gradient(self, bench: Bench, entry: EntryPoint) -> Expected:
        """What comes out of the call: whoever keeps nothing must still get it right."""

        def make() -> Expected:
            case = next(itertools.islice(self._cases(bench, entry), self._place(bench), None))
            reference = bench.reference(case)
            (expected,) = reference.gradients(torch.ones(self.SHAPE), case.differentiable)
            return expected

        return bench.once((self, entry.name), make)

    def _held_gradient(self, bench: Bench, session: Session) -> torch.Tensor | None:
        ones = torch.ones(self.SHAPE)
        size = ones.numel() * ones.element_size()
        header = {"do": "drop", "place": self._place(bench)}
        reply, tensors = session.request(header, [ones], reply_bytes=size)
        return (
            tensors[0] if reply.get("parts") == [str(Part(Role.GRADIENT, 0))] and tensors else None
        )
