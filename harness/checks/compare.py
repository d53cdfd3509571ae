"""Checks that hold values and gradients against the oracle.

Each differs from the next only in what it asks; the judgement is shared: every
part of every answer lies within what rounding allows (``harness.numerics.rounding``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache, partial
from typing import Any, ClassVar

import torch

from harness.checks.context import Answered, Bench, DrawnCheck, Judgement, Trial, number_of
from harness.checks.turns import (
    Turn,
    all_but_one,
    in_turn,
    large_turns,
    operations,
    shareable,
    turns,
)
from harness.errors import ScenarioError
from harness.model import EntryPoint, Fault, LayersArgument, NumberArgument, Outcome, TensorArgument
from harness.numerics.expectation import (
    BRANCH_GRADIENT,
    RANDOM_NUMBER,
    Expected,
    Mismatch,
    Reference,
    first_draw,
    first_parts,
    gradient_parts,
    second_parts,
    untouched,
)
from harness.numerics.inputs import Case, Drawer
from harness.numerics.oracles import OracleError
from harness.numerics.question import Cotangent, Question
from harness.numerics.rounding import HALF, margins
from harness.sandbox.inside.layout import OPERATIONS
from harness.sandbox.inside.part import BRANCH, DRAW, RESULT, Part, Role

# Cotangent sizes: a gradient is linear in the cotangent at every one of them,
# and a contract that clips does so at some and not at others.
SCALES = (1.0, 0.03, 1e-6, 1e6, 1e-12)
# Equal calls in a row: what is wrong once in a hundred calls or backwards is there. Other faults
# that come once in a while meet one of all other calls.
MANY = 100
# Calls that wait for their backward at once, in turn; of any two that follow one another, and of
# any two with one between them, one is of four or more.
IN_FLIGHT = (5, 4, 3, 6)
# Depths of stacks beside those that a scenario lists, and what such are made of.
DEPTHS = (6, 30)
ANYWHERE = {"linear", "tanh", "gelu", "silu", "layer_norm", "residual", "dropout_off", "scale"}
# Inputs beyond which not every subset of them is asked.
MANY_INPUTS = 5
# Those that oracles, in float64, can be the measure of.
DTYPES = ("float64", "float32", "float16", "bfloat16")
LAYOUTS = ("transposed", "permuted", "strided", "sliced", "offset", "expanded", "filled")
# Those that are alike in every number of dimensions.
ALIKE = {"sliced", "offset", "filled"}
# Those that inputs and the incoming gradient have together, where sizes are stated, and where
# any shape will do with the number of dimensions: one of two. Four are those of images.
TOGETHER = ("transposed", "permuted", "sliced")
TOGETHER_IN = (
    ("transposed", (2, 3)),
    ("permuted", (4, 4)),
    ("permuted", (3, 5)),
    ("sliced", (3, 3)),
    ("sliced", (4, 5)),
)


def compared(answered: Answered, pass_message: str) -> Judgement:
    """Fail with the smallest wrong trial, else pass with the closest call."""
    wrong = [pair for pair in answered.pairs if not pair[0].is_right(pair[1])]
    count = len(answered.trials)
    if wrong:
        trial, answer = min(wrong, key=lambda pair: pair[0].question.case.elements)
        found = trial.mismatch(answer)
        assert found is not None
        more = f" ({len(wrong)} of {count} cases fail)" if len(wrong) > 1 else ""
        message = f"For {trial.about_wrong(answer)}: {found.message}{_there(trial, found)}{more}."
        return Judgement.differs(found, message, answer.line)
    strain, expected, got = max(
        (
            (expected.strain(got), expected, got)
            for trial, answer in answered.pairs
            for part, expected in trial.expected.items()
            for got in [answer.parts.get(part)]
        ),
        key=lambda entry: entry[0],
        default=(0.0, None, None),
    )
    message = f"{pass_message} in {count} cases."
    if not strain or expected is None or got is None:
        return Judgement.passed(message)
    return Judgement.passed(message, *expected.largest_error(got))


def _there(trial: Trial, found: Mismatch) -> str:
    """The inputs' values at the wrong place, where they have one there."""
    if found.place is None or trial.question.others:
        return ""
    tensors = dict(trial.question.case.tensors)
    if trial.question.cotangents and found.quantity is not None and found.quantity.is_derivative:
        tensors["incoming gradient"] = trial.question.cotangents[0].value
    values = [
        f"{name} = {float(tensor[found.place]):.6g}"
        for name, tensor in tensors.items()
        if tuple(tensor.shape) in (found.shape, ())
        for tensor in [tensor.expand(found.shape)]
    ]
    return f", at {', '.join(values)}" if values else ""


def cotangent_for(
    draw: Drawer, shape: torch.Size, dtype: torch.dtype, scale: float
) -> torch.Tensor:
    """A dense signed cotangent, of the size nearest to ``scale`` that the dtype has room for."""
    numbers = torch.finfo(dtype)
    room = math.sqrt(numbers.smallest_normal), math.sqrt(numbers.max)
    return (min(max(scale, room[0]), room[1]) * draw.normal(shape)).to(dtype)


def with_gradients(
    bench: Bench,
    draw: Drawer,
    case: Case,
    *,
    scale: float = 1.0,
    names: tuple[str, ...] | None = None,
    label: str = "",
    cotangent: torch.Tensor | None = None,
    kinks: Mapping[str, Sequence[float]] | None = None,
    **options: Any,
) -> Trial:
    """Result and gradients of one case; the result alone where no gradient is promised.

    At ``kinks`` any value between the one-sided derivatives is right.
    """
    reference = bench.reference(case)
    names = case.differentiable if names is None else names
    result = reference.forward()
    if not case.entry.differentiable:
        options = {k: v for k, v in options.items() if k in ("layouts", "orders", "manner")}
        return Trial(Question("forward", case, **options), {RESULT: result}, label or case.label)
    if cotangent is None:
        cotangent = cotangent_for(draw, result.low.shape, result.dtype, scale)
    if kinks is None:
        gradients = reference.gradients(cotangent, names)
    else:
        gradients = reference.gradients_at_kinks(cotangent, names, kinks)
    cotangents = (Cotangent(cotangent),)
    question = Question("vjp", case, grad=names, cotangents=cotangents, **options)
    expected = {RESULT: result, **gradient_parts(gradients)}
    return Trial(question, expected, label or case.label)


def interleaved(
    calls: Sequence[Trial],
    again: Trial,
    schedule: tuple[int, ...],
    words: str,
    shared: tuple[str, ...] = (),
) -> Trial:
    """Calls and their backwards in the order of ``schedule``; all share some tensors of the first.

    ``again`` is the first one with another incoming gradient, for a second backward.
    """
    expected = {
        part._replace(call=index): value
        for index, call in enumerate(calls)
        for part, value in call.expected.items()
        if part.role in (Role.RESULT, Role.GRADIENT)
    }
    expected |= {
        Part(Role.AGAIN, part.place): value
        for part, value in again.expected.items()
        if part.role is Role.GRADIENT
    }
    first, *others = (call.question for call in calls)
    question = replace(
        first,
        ask="interleaved",
        cotangents=(*first.cotangents, *again.question.cotangents),
        schedule=schedule,
        others=tuple(replace(other, shared=shared) for other in others),
    )
    return Trial(question, expected, sequence=words)


def _schedule(draw: Drawer, in_flight: int) -> tuple[int, ...]:
    """So many calls, then their backwards in an order that is drawn, amid them one more call."""
    backwards = [0, *range(in_flight)]
    mixed = [backwards[place] for place in draw.order(len(backwards))]
    at = draw.whole(1, in_flight)
    rest = [*mixed[at:], in_flight]
    return (
        *range(in_flight),
        *mixed[:at],
        in_flight,
        *(rest[place] for place in draw.order(len(rest))),
    )


def random_stacks(entry: EntryPoint) -> list[tuple[str, ...]]:
    """Stacks that draw random numbers."""
    layers = [a for a in entry.arguments if isinstance(a, LayersArgument)]
    return [stack for argument in layers for stack in argument.stacks if "dropout" in stack]


def steady_stacks(entry: EntryPoint) -> list[tuple[str, ...] | None]:
    """Stacks that draw no random numbers; ``[None]`` for entries without layers."""
    for argument in entry.arguments:
        if isinstance(argument, LayersArgument):
            return [stack for stack in argument.stacks if "dropout" not in stack]
    return [None]


@dataclass(frozen=True)
class Comparison(DrawnCheck):
    """What the comparing checks have in common."""

    pass_message: ClassVar[str] = "Value and gradients agree with the reference"

    def judgement(self, answered: Answered) -> Judgement:
        return compared(answered, self.pass_message)


class Way(Enum):
    """How to call for a result without history."""

    NO_GRAD = auto()
    INFERENCE = auto()
    # Nothing requires grad.
    DATA = auto()


def ways(entry: EntryPoint) -> tuple[Way, ...]:
    """Those that fit; what computes gradients itself may need a graph for that."""
    return tuple(Way) if entry.differentiable else (Way.DATA,)


def plain(bench: Bench, case: Case, result: Expected, way: Way) -> Trial:
    """A call whose result has no history, in one of the ways."""
    names = case.differentiable if case.entry.differentiable else ()
    match way:
        case Way.NO_GRAD:
            question = Question("forward", case, grad=names, no_grad=True)
            why, label = "it is called under no_grad", "under no_grad"
        case Way.INFERENCE:
            # What comes first is data; the others are parameters.
            own = tuple(name for name in names if name in case.entry.parameters)
            grad = own if case.entry.module is not None else names[1:]
            question = Question("forward", case, grad=grad, inference=True)
            why, label = "it is called under inference_mode", "under inference_mode"
        case Way.DATA:
            question = Question("forward", case, frozen=True)
            why = label = "nothing requires grad"
            if not bench.closed:
                why = ""  # what is not among the arguments may
    return Trial(question, {RESULT: result}, f"{case.label}, {label}", no_history=why)


@dataclass(frozen=True)
class Forward(Comparison):
    """The result agrees with the oracle where it has no history, and where it has a default.

    Use it for every function of tensors; ``vjp`` compares gradients.
    """

    kind: ClassVar[str] = "forward"
    pass_message: ClassVar[str] = "The result agrees with the reference"
    needs_gradient: ClassVar[bool] = False

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        way = in_turn(bench.drawer(entry, "ways"), ways(entry))
        for index, size in enumerate(draw.sizes()):
            # A default that is a little off shows where values lie close together.
            last = index % 3 == 2
            case = draw.case(size, stack=next(stacks), use_default=last, cluster=last)
            result = bench.reference(case).forward()
            bare = plain(bench, case, result, next(way))
            yield replace(bare, question=replace(bare.question, keywords=True))
            # Results with a history are looked at wherever a gradient is, but for defaults.
            if last and entry.differentiable:
                question = Question("forward", case, grad=case.differentiable, keywords=True)
                yield Trial(question, {RESULT: result})
        if any(argument.has_default for argument in entry.values):
            # Where a dimension is 1 many defaults are alike, as mean and sum are.
            case = draw.case(draw.small_size(), use_default=True)
            yield plain(bench, case, bench.reference(case).forward(), next(way))


@dataclass(frozen=True)
class Vjp(Comparison):
    """Gradients agree for dense signed cotangents of several sizes.

    Use it wherever a gradient is asked.
    """

    # Whether the incoming gradient may be of any size, as the contract's does not grow with it.
    any_size: bool = False
    kind: ClassVar[str] = "vjp"

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        scales = itertools.cycle(SCALES)
        stacks = itertools.cycle(steady_stacks(entry))
        graphs = in_turn(bench.drawer(entry, "graphs"), (True, False, False, False))
        for rare in (False, True):
            sizes = draw.sizes()
            for number, size in enumerate(sizes):
                # Zero all over in the first, or gets none but zeros, in the second: no special
                # point of another argument shows beside either.
                special = rare and (number > 1 or len(sizes) < 3)
                zero = rare and number == 0
                case = draw.case(size, stack=next(stacks), special=special, zero=zero)
                scale = next(scales)
                label = f"{case.label}, incoming gradient of size {scale:g}"
                cotangent = None
                if rare:
                    shape = bench.reference(case).value().shape
                    part = 0.0 if number == 1 else 0.5
                    cotangent = scale * draw.normal(shape) * (draw.uniform(shape, 0, 1) < part)
                    label += ", half of it zero" if part else ", all of it zero"
                graph = next(graphs)
                label += ", under create_graph" * graph
                yield _with_graph(
                    bench, draw, case, graph, scale=scale, label=label, cotangent=cotangent
                )
        if self.any_size:
            for size in draw.sizes():
                yield from self._exploded(bench, draw, size)

    def _exploded(self, bench: Bench, draw: Drawer, size: Mapping[str, Any]) -> Iterator[Trial]:
        for dtype in (torch.float64, torch.float32):
            case = draw.case(size, dtype=dtype)
            shape = bench.reference(case).value().shape
            plain, most = draw.normal(shape), torch.finfo(dtype).max
            # Up to the greatest number there is, which some are.
            huge = (10.0 ** draw.uniform(shape, 8.0, 1.2 * math.log10(most))).clamp(max=most)
            cotangent = torch.where(plain.abs() < 1, plain, plain.sign() * huge)
            label = f"{case.label}, incoming gradient of up to {most:.0e}"
            yield with_gradients(bench, draw, case, label=label, cotangent=cotangent.to(dtype))


def _with_graph(bench: Bench, draw: Drawer, case: Case, graph: bool, **options: Any) -> Trial:
    """Result and gradients, where ``graph`` says so under ``create_graph``."""
    asked = with_gradients(bench, draw, case, create_graph=graph, **options)
    # Whoever has no second derivative to give may say so as soon as it is prepared; where second
    # derivatives are promised, their own check fails.
    refusable = frozenset(asked.expected) - {RESULT} if graph else frozenset()
    return replace(asked, refusable=refusable)


@dataclass(frozen=True)
class RequiresGrad(Comparison):
    """Gradients agree for every non-empty subset of inputs that require grad.

    Use it wherever a gradient is asked, most of all of several inputs.
    """

    kind: ClassVar[str] = "requires_grad"

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        graphs = in_turn(bench.drawer(entry, "graphs"), (True, False))
        for subset in [*subsets(entry), _differentiable(entry)]:
            next(graphs)  # so that neither of the two sizes has it for all subsets
            for size in draw.sizes()[:2]:
                case, graph = draw.case(size), next(graphs)
                label = f"{case.label}, {only(subset)}{', under create_graph' * graph}"
                yield _with_graph(bench, draw, case, graph, names=subset, label=label)


def subsets(entry: EntryPoint) -> list[tuple[str, ...]]:
    """The non-empty proper subsets of inputs that may require grad, smallest first."""
    names = _differentiable(entry)
    # Of many, the subsets of one and of all but one stand for the others.
    counts = range(1, len(names)) if len(names) <= MANY_INPUTS else (1, len(names) - 1)
    return [one for count in counts for one in itertools.combinations(names, count)]


def only(names: Sequence[str]) -> str:
    """That these inputs alone require grad, in words."""
    return f"only {' and '.join(names)} require{'s' * (len(names) == 1)} grad"


def _differentiable(entry: EntryPoint) -> tuple[str, ...]:
    return tuple(
        a.name for a in entry.arguments if isinstance(a, TensorArgument) and a.differentiable
    )


@dataclass(frozen=True)
class Dtypes(Comparison):
    """Results keep the input's dtype and are as exact as it allows.

    Use it for float32 wherever models run in it, and for lower ones where a request promises
    them.
    """

    # In which it is asked: float32, float16, bfloat16 or float64.
    dtypes: tuple[str, ...] = ("float32",)
    kind: ClassVar[str] = "dtypes"
    needs_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.dtypes or len(set(self.dtypes)) < len(self.dtypes):
            raise ValueError(f"dtypes is {list(self.dtypes)}, expected at least one, each once")
        for name in self.dtypes:
            if name not in DTYPES:
                raise ValueError(f"dtypes names {name!r}, expected {', '.join(DTYPES)}")

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        scales = itertools.cycle(SCALES)
        stacks = itertools.cycle(steady_stacks(entry))
        for name in self.dtypes:
            for second in (False, True):
                for size in draw.sizes():
                    dtype, stack = getattr(torch, name), next(stacks)
                    # A half rounds what is close together to one value. It is certain of most
                    # near zero, and of sums whose terms have one sign.
                    coarse = margins(dtype) is HALF
                    near, cluster = second and coarse, second and not coarse
                    case = draw.case(
                        size, dtype=dtype, stack=stack, cluster=cluster, unit_range=near
                    )
                    label = f"{name} {case.label}{', values close together' if cluster else ''}"
                    scale, cotangent = next(scales), None
                    if near:
                        shape = bench.reference(case).value().shape
                        cotangent = cotangent_for(draw, shape, dtype, scale).abs()
                    yield with_gradients(
                        bench, draw, case, scale=scale, label=label, cotangent=cotangent
                    )
            for turn in large_turns(bench, entry, draw, getattr(torch, name)):
                # Not so small or large that a right gradient is clipped, or no gradient at all.
                scale = float(draw.uniform((), 0.01, 1.0))
                yield with_gradients(bench, draw, turn.case(draw, next(stacks)), scale=scale)


@dataclass(frozen=True)
class Layouts(Comparison):
    """Memory layout of inputs and of the incoming gradient makes no difference.

    Use it for every function of tensors, as inputs come transposed, expanded and strided.
    """

    kind: ClassVar[str] = "layouts"
    needs_gradient: ClassVar[bool] = False

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        sizes = [size for size in draw.sizes() if _has_dimensions(size)]
        if not sizes:
            return
        # The largest in one layout, as it costs as much as all others together.
        large, largest = draw.whole(0, len(LAYOUTS) - 1), sizes[-1]
        if entry.dimensions:
            sizes.pop()
        stacks = itertools.cycle(steady_stacks(entry))
        high = [size for size in sizes if len(size.get("*", ())) > 2] or sizes
        for index, layout in enumerate(LAYOUTS):
            # In the middle of three dimensions or more, where there are so many, and anywhere.
            where = [(True, high[index % len(high)]), (False, sizes[index % len(sizes)])]
            if layout in ALIKE:
                where = where[:1]
            if entry.dimensions and index == large:
                where[-1] = (False, largest)
            for middle, size in where:
                if middle and layout == "permuted" and "*" in size:
                    # Steps alone then do not tell the one order from the other.
                    size = {**size, "*": (draw.whole(3, 4),) * len(size["*"])}
                if layout != "filled":
                    case = draw.case(size, stack=next(stacks))
                    yield self._of_inputs(bench, draw, case, layout, middle)
                if not entry.differentiable:
                    continue
                case = draw.case(size, stack=next(stacks))
                shape = bench.reference(case).value().shape
                if not _allows(layout, torch.empty(shape)):
                    continue
                order = _order(draw, layout, len(shape), middle)
                cotangent = _fitting(layout, order, draw.normal(shape))
                label = f"{case.label}, incoming gradient {layout} in memory"
                asked = with_gradients(bench, draw, case, cotangent=cotangent, label=label)
                laid = (Cotangent(cotangent, layout, order),)
                yield replace(asked, question=replace(asked.question, cotangents=laid))
        if entry.differentiable:
            for layout, size in self._sizes_together(draw, sizes):
                case = draw.case(size, stack=next(stacks))
                yield self._together(bench, draw, case, layout)

    @staticmethod
    def _sizes_together(
        draw: Drawer, sizes: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if "*" not in sizes[0]:
            yield from zip(TOGETHER, itertools.cycle(sizes), strict=False)
            return
        for (layout, ranks), size in zip(TOGETHER_IN, itertools.cycle(sizes), strict=False):
            yield layout, {**size, "*": draw.shape_without_ones(ranks[draw.whole(0, 1)])}

    @staticmethod
    def _of_inputs(bench: Bench, draw: Drawer, case: Case, layout: str, middle: bool) -> Trial:
        layouts = {n: layout for n, t in case.tensors.items() if _allows(layout, t)}
        orders = {name: _order(draw, layout, case.tensors[name].dim(), middle) for name in layouts}
        fitting = {
            id(tensor): _fitting(layout, orders[name], tensor)
            for name, tensor in case.tensors.items()
            if name in layouts
        }
        case = replace(case, values=tuple(fitting.get(id(v), v) for v in case.values))
        label = f"{case.label}, {layout} in memory"
        return with_gradients(bench, draw, case, layouts=layouts, orders=orders, label=label)

    @staticmethod
    def _together(bench: Bench, draw: Drawer, case: Case, layout: str) -> Trial:
        """Inputs and incoming gradient in the same layout, in the same order where they can be."""
        layouts = {n: layout for n, t in case.tensors.items() if _allows(layout, t)}
        result = bench.reference(case).value()
        ranks = {result.dim(), *(case.tensors[name].dim() for name in layouts)}
        alike = {rank: _alike(draw, layout, rank) for rank in ranks}
        orders = {name: alike[case.tensors[name].dim()] for name in layouts}
        label = f"{case.label}, inputs and incoming gradient {layout} in memory"
        asked = with_gradients(bench, draw, case, layouts=layouts, orders=orders, label=label)
        if not _allows(layout, result):
            return asked
        laid = tuple(
            Cotangent(c.value, layout, alike[result.dim()]) for c in asked.question.cotangents
        )
        return replace(asked, question=replace(asked.question, cotangents=laid))


def _alike(draw: Drawer, layout: str, rank: int) -> tuple[int, ...]:
    """The order that tensors have together: of those in which one may lie, channels last."""
    if layout == "permuted" and rank > 2:
        return (0, *range(2, rank), 1)
    return _order(draw, layout, rank, middle=True)


def _order(draw: Drawer, layout: str, rank: int, middle: bool) -> tuple[int, ...]:
    """The order of dimensions in which a layout is made; empty for the usual one."""
    if rank < 2 or layout not in ("permuted", "strided", "sliced", "expanded"):
        return ()
    if layout == "sliced":
        # Along the first it would be dense, and not at the start of its memory.
        return (draw.whole(1, max(1, rank - 2) if middle else rank - 1),)
    if layout == "permuted":
        return draw.order(rank)
    one = draw.whole(1, rank - 2) if middle and rank > 2 else draw.whole(0, rank - 1)
    others = [dimension for dimension in range(rank) if dimension != one]
    return (*others, one) if layout == "strided" else (one, *others)


def _fitting(layout: str, order: Sequence[int], tensor: torch.Tensor) -> torch.Tensor:
    """Values that a layout can hold: alike where it repeats memory."""
    if not tensor.numel():
        return tensor
    match layout:
        case "expanded":
            first = tensor.narrow(order[0] if order else 0, 0, 1)
            return first.expand(tensor.shape).clone()
        case "filled":
            return tensor.reshape(-1)[0].expand(tensor.shape).clone()
    return tensor


def _has_dimensions(size: Mapping[str, Any]) -> bool:
    """Whether there is a layout to change: the shapes are neither 0-d nor empty."""
    return 0 not in size.values() and ("*" not in size or len(size["*"]) > 0)


def _allows(layout: str, tensor: torch.Tensor) -> bool:
    needed = {"transposed": 2, "permuted": 2, "strided": 1, "sliced": 2}
    needed |= {"offset": 0, "expanded": 1, "filled": 1}
    return tensor.dim() >= needed[layout]


@dataclass(frozen=True)
class Shapes(Comparison):
    """Every size up to a bound works, and shapes that are empty, large or alike.

    Use it where a request says any shape, or names sizes that may vary.
    """

    kind: ClassVar[str] = "shapes"
    # Draws among which cases are looked for whose result has the shape of an argument.
    DRAWS: ClassVar[int] = 1500
    needs_gradient: ClassVar[bool] = False

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        scales = itertools.cycle(SCALES)
        swept = draw.sweep() or draw.sizes()
        for size in [*swept, *draw.empty_sizes(), *draw.large_sizes()]:
            case = draw.case(size, stack=next(stacks))
            yield with_gradients(bench, draw, case, scale=next(scales))
        for size in draw.long_sizes():
            # A gradient that is cut is cut in some elements, and not so short that it is all gone.
            scale = float(draw.uniform((), 0.01, 1.0))
            case = draw.case(size, stack=next(stacks), mixed=True)
            yield with_gradients(bench, draw, case, scale=scale)
        for case in self._coinciding(bench, entry, draw, stacks):
            yield with_gradients(bench, draw, case)

    def _coinciding(
        self,
        bench: Bench,
        entry: EntryPoint,
        draw: Drawer,
        stacks: Iterator[tuple[str, ...] | None],
    ) -> Iterator[Case]:
        """For each argument a case whose result has its shape, where that seldom is so."""
        if not entry.dimensions:
            return
        found = self._alike(bench, draw.case(draw.small_size(), stack=next(stacks)))
        for _ in range(self.DRAWS):
            case = draw.case(draw.alike_size(), stack=next(stacks))
            if new := self._alike(bench, case) - found:
                found |= new
                yield case
            if len(found) == len(case.tensors):
                return

    @staticmethod
    def _alike(bench: Bench, case: Case) -> set[str]:
        """The arguments that have the shape of the result."""
        shape = bench.reference(case).value().shape
        alike = {name for name, tensor in case.tensors.items() if tensor.shape == shape}
        return alike if shape.numel() > 1 else set()


def tried(bench: Bench, entry: EntryPoint) -> tuple[Case, torch.Tensor]:
    """A small case of an entry point, and what its oracle gives for it. Raises ``OracleError``."""

    def make() -> tuple[Case, torch.Tensor]:
        draw = bench.drawer(entry, "oracle")
        case = draw.case(draw.small_size(), stack=steady_stacks(entry)[0])
        return case, bench.reference(case).value().detach()

    return bench.once(("tried", entry.name), make)


@dataclass(frozen=True)
class Edges(Comparison):
    """Large, tiny and signed-zero inputs, and points where the slope jumps.

    Use it where arguments have ``edges`` or ``kinks``; it needs one of them.
    """

    kind: ClassVar[str] = "edges"
    # Cases of each dtype in which all arguments are at their ends.
    AT_ENDS: ClassVar[int] = 4

    def fits(self, entry: EntryPoint) -> bool:
        return entry.differentiable and any(
            isinstance(a, TensorArgument) and (a.edges or a.kinks) for a in entry.arguments
        )

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        kinks = {a.name: a.kinks for a in entry.arguments if isinstance(a, TensorArgument)}
        numbers = draw.numbers()
        for argument in entry.arguments:
            if not isinstance(argument, TensorArgument) or not (argument.edges or argument.kinks):
                continue
            for dtype in (torch.float64, torch.float32):
                yield from self._filled(bench, entry, draw, argument, dtype, kinks)
                for _ in range(max(2, math.ceil(draw.most_numbers / 2))):
                    points = draw.edges(argument)
                    # The points that the scenario names come first.
                    named = len(argument.edges) + len(argument.kinks)
                    stack = steady_stacks(entry)[0]
                    given = next(numbers)
                    for case, held in draw.with_points(argument, points, dtype, stack, given):
                        shown = held[: max(named, 1)].tolist()
                        named -= len(shown)
                        more = f" and {len(held) - len(shown)} more" * (len(held) > len(shown))
                        label = (
                            f"{str(dtype).removeprefix('torch.')} {argument.name} = "
                            f"[{', '.join(f'{point:g}' for point in shown)}{more}]"
                        )
                        yield with_gradients(bench, draw, case, kinks=kinks, label=label)
        yield from self._at_ends(bench, entry, draw, kinks)

    def _at_ends(
        self,
        bench: Bench,
        entry: EntryPoint,
        draw: Drawer,
        kinks: Mapping[str, tuple[float, ...]],
    ) -> Iterator[Trial]:
        """All arguments at their ends, where one alone does not say all about the others."""
        case, result = tried(bench, entry)
        if len(entry.arguments) == 1 and result.shape == next(iter(case.tensors.values())).shape:
            return
        groups = [(name,) for name in case.differentiable]
        subsets = [case.differentiable, *(all_but_one(groups) if len(groups) > 1 else ())]
        of_each = [in_turn(draw, subsets), in_turn(draw, subsets)]
        for dtype in (torch.float64, torch.float32):
            for number in range(self.AT_ENDS):
                case = draw.at_ends(number, dtype, steady_stacks(entry)[0])
                label = f"{str(dtype).removeprefix('torch.')} {case.label}, values at their ends"
                names = next(of_each[number * len(of_each) // self.AT_ENDS])
                if names != case.differentiable:
                    label += f", only {' and '.join(names)} require grad"
                yield with_gradients(bench, draw, case, kinks=kinks, label=label, names=names)

    def _filled(
        self,
        bench: Bench,
        entry: EntryPoint,
        draw: Drawer,
        argument: TensorArgument,
        dtype: torch.dtype,
        kinks: Mapping[str, tuple[float, ...]],
    ) -> Iterator[Trial]:
        """The outermost points all over, where elements are not each on their own."""
        case, result = tried(bench, entry)
        if result.shape == case.tensors[argument.name].shape:
            return
        sizes = itertools.cycle(draw.sizes())
        ends = (min(argument.edges, default=None), max(argument.edges, default=None))
        # What is masked out must be so at the ends, too.
        for masked, end in itertools.product((False, True), ends):
            if end is not None:
                filled = draw.filled(argument, end, next(sizes), dtype, masked)
                label = f"{str(dtype).removeprefix('torch.')} {argument.name} all {end:g}"
                yield with_gradients(bench, draw, filled, kinks=kinks, label=label)


@dataclass(frozen=True)
class InGraph(Comparison):
    """Right inside a larger graph whose other branch shares the incoming gradient.

    Use it wherever a gradient is asked.
    """

    kind: ClassVar[str] = "in_graph"
    pass_message: ClassVar[str] = (
        "Right as part of a larger graph, and the shared gradient is intact,"
    )

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        every = turns(bench, entry, draw)
        count = max(len(every), len(OPERATIONS))
        made_by = operations(draw)
        for turn in itertools.islice(itertools.cycle(every), count):
            case = turn.case(draw, next(stacks))
            inner = with_gradients(bench, draw, case, inner=next(made_by))
            (cotangent,) = inner.question.cotangents
            shared = Expected.exactly(BRANCH_GRADIENT, 2 * cotangent.value)
            question = replace(inner.question, ask="in_graph")
            yield Trial(question, {**inner.expected, BRANCH: shared}, inner.label)


@dataclass(frozen=True)
class RepeatedCalls(Comparison):
    """Calls do not affect one another: interleaved, repeated, out of order.

    Use it for every function of tensors; it finds what is kept between calls.
    """

    kind: ClassVar[str] = "repeated_calls"
    pass_message: ClassVar[str] = "Interleaved and repeated calls give the same as single ones"
    needs_gradient: ClassVar[bool] = False

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        if not entry.differentiable:
            # What one call had in memory lies where the next one's is, or is the next one's.
            first = draw.case(draw.small_size())
            # All calls are of one instance, where there is one.
            made_with = entry.module.constructor if entry.module is not None else ()
            others = [draw.case(draw.small_size()) for _ in range(2)]
            cases = [first, *(with_shared(one, first, made_with) for one in others)] * 2
            expected = {
                RESULT._replace(call=place): bench.reference(case).forward()
                for place, case in enumerate(cases)
            }
            asked = tuple(Question("forward", case) for case in cases)
            words = f"{len(cases)} calls, one after the other"
            question = replace(asked[0], ask="in_turn", others=asked)
            yield Trial(question, expected, sequence=words)
            return
        stacks = steady_stacks(entry)
        sizes = draw.sizes()
        every = turns(bench, entry, draw)
        groups = shareable(entry)
        some = all_but_one(groups) if len(groups) > 1 else [(), *groups]
        sharing = in_turn(draw, some if bench.mixes else [()])
        in_flight = in_turn(draw, IN_FLIGHT)
        for turn in every:
            yield self._interleaved(bench, draw, stacks[0], turn, next(sharing), next(in_flight))
        if bench.mixes:
            yield from self._nested(bench, draw, stacks[0], every[0])
        case = draw.case(sizes[0], stack=stacks[0])
        yield with_gradients(bench, draw, case, label=f"{case.label}, asked like any other")
        # Numbers at their first value: at others, such as a factor of zero, nothing might show.
        numbers = {a.name: a.values[0] for a in entry.arguments if isinstance(a, NumberArgument)}
        stack = min(stacks, key=lambda names: len(names or ()))
        case = draw.case(draw.small_size(), stack=stack, given=numbers)
        once = with_gradients(bench, draw, case)
        expected = {part: value.repeated(MANY) for part, value in once.expected.items()}
        label = f"{once.label}, {MANY} calls one after the other"
        yield Trial(replace(once.question, ask="many", count=MANY), expected, label)

    @staticmethod
    def _interleaved(
        bench: Bench,
        draw: Drawer,
        stack: tuple[str, ...] | None,
        turn: Turn,
        shared: tuple[str, ...],
        in_flight: int,
    ) -> Trial:
        """Calls that wait for their backward, and one more that comes amid the backwards.

        All have some of the very tensors of the first.
        """
        first = turn.case(draw, stack)
        others = [with_shared(turn.case(draw, stack), first, shared) for _ in range(in_flight)]
        calls = [with_gradients(bench, draw, case) for case in (first, *others)]
        again = with_gradients(bench, draw, first)
        named = f" that share {' and '.join(shared)}" if shared else ""
        words = (
            f"{len(calls)} calls{named}, {in_flight} of them before the first backward, backwards "
            "in mixed order, one graph gone through twice"
        )
        return interleaved(calls, again, _schedule(draw, in_flight), words, shared)

    @staticmethod
    def _nested(
        bench: Bench, draw: Drawer, stack: tuple[str, ...] | None, turn: Turn
    ) -> Iterator[Trial]:
        """A call with the result of another one, and the same arguments beside it."""
        case = turn.case(draw, stack)
        reference = bench.reference(case, rough=True)
        result = reference.forward()
        for argument in case.entry.arguments:
            if not isinstance(argument, TensorArgument) or not argument.differentiable:
                continue
            if argument.name in case.entry.parameters:
                continue
            tensor, most = case.tensors[argument.name], 0.9 * min(-argument.low, argument.high)
            if tensor.shape != result.low.shape or most <= 0 or not tensor.numel():
                continue
            largest = float(result.low.abs().max())
            if not 1e-9 < largest < math.inf:
                continue
            factor = min(1.0, most / largest)
            fed = (factor * result.low).to(tensor.dtype)
            names = case.differentiable
            second = with_values(case, {argument.name: fed})
            above = bench.reference(second, rough=True)
            try:
                shape = above.value().shape
            except OracleError:
                continue  # as it may do with what is within its range and comes out of it
            cotangent = cotangent_for(draw, shape, tensor.dtype, 1.0)
            # Either may be a small difference of large terms, so that its roundoff counts; that of
            # the second call goes through the first.
            exact = bench.reference(second).gradients(cotangent, names)
            if not all(one.is_point for one in exact):
                continue  # what arrives at the first call is not certain
            outer = dict(zip(names, exact, strict=True))
            through = outer[argument.name].times(factor)
            inner = _through(bench.reference(case), reference, through)
            total = [
                inner[name]
                if name == argument.name
                else inner[name].beside(outer[name], 0.0, inner[name].quantity)
                for name in names
            ]
            shared = tuple(a.name for a in case.entry.arguments if a.name != argument.name)
            next_call = Question(
                "vjp",
                second,
                grad=names,
                cotangents=(Cotangent(cotangent),),
                shared=shared,
                fed=(argument.name, factor),
            )
            expected = {
                RESULT._replace(call=0): result,
                RESULT._replace(call=1): above.forward(),
                **gradient_parts(total),
            }
            question = Question("nested", case, grad=names, others=(next_call,))
            label = f"{case.label}, its result handed to a second call as {argument.name}"
            yield Trial(question, expected, label)
            return


def _through(exact: Reference, rough: Reference, arriving: Expected) -> dict[str, Expected]:
    """The gradients of a call, by name, for an incoming gradient that is itself uncertain."""
    names = exact.case.differentiable
    found = exact.gradients(arriving.low, names)
    roughly = rough.gradients(arriving.low, names)

    @cache
    def moved() -> list[torch.Tensor]:
        """How far the gradients move by what the incoming one may be off."""
        every_other = 1.0 - 2.0 * (torch.arange(arriving.low.numel()) % 2)
        off = arriving.allowed * every_other.reshape(arriving.low.shape)
        sides = [rough.gradients(arriving.low + step, names) for step in (off, arriving.allowed)]
        return [
            torch.maximum(*((side.low - one.low).abs() for side in both))
            for one, *both in zip(found, *sides, strict=True)
        ]

    def moved_at(place: int) -> torch.Tensor:
        return moved()[place]

    return {
        name: one.give_or_take(about.least, partial(moved_at, place))
        for place, (name, one, about) in enumerate(zip(names, found, roughly, strict=True))
    }


def with_values(case: Case, values: Mapping[str, Any]) -> Case:
    """The case with other values for some arguments, by name."""
    replaced = [
        values.get(argument.name, value)
        for argument, value in zip(case.entry.arguments, case.values, strict=False)
    ]
    return Case(case.entry, tuple(replaced), case.label)


def with_shared(case: Case, other: Case, names: Sequence[str]) -> Case:
    """The case with the values that another one has for the arguments named."""
    named = zip((a.name for a in case.entry.arguments), other.values, strict=False)
    return with_values(case, {name: value for name, value in named if name in names})


@dataclass(frozen=True)
class BatchedGrad(Comparison):
    """Several incoming gradients at once, as ``torch.func.vmap`` hands them to a backward.

    Use it, mostly under ``advisory``, where Jacobians may be taken in one go.

    One that looks at numbers, with ``.item()`` or an ``if``, raises.
    """

    kind: ClassVar[str] = "batched_grad"
    pass_message: ClassVar[str] = "Several incoming gradients at once give what each gives alone"

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        case = draw.case(draw.sizes()[0], stack=steady_stacks(entry)[0])
        reference = bench.reference(case)
        names = case.differentiable
        cotangents = [draw.normal(reference.value().shape) for _ in range(3)]
        expected = {
            part: gradient
            for number, cotangent in enumerate(cotangents)
            for part, gradient in gradient_parts(
                reference.gradients(cotangent, names), number
            ).items()
        }
        asked = tuple(Cotangent(cotangent) for cotangent in cotangents)
        label = f"{case.label}, {len(cotangents)} incoming gradients at once"
        yield Trial(Question("batched", case, grad=names, cotangents=asked), expected, label)


@dataclass(frozen=True)
class DoubleBackward(Comparison):
    """Second derivatives agree with the oracle; or, where allowed, refuse honestly.

    Use it where a gradient may be differentiated again; under ``advisory`` where nobody asked
    for it.
    """

    # Whether raising is as good as being right.
    may_refuse: bool = True
    kind: ClassVar[str] = "double_backward"
    pass_message: ClassVar[str] = "Second derivatives agree with the reference"

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        some = in_turn(draw, subsets(entry) or [_differentiable(entry)])
        sizes = draw.sizes()
        # The largest once, which costs as much as the others.
        for size, scales in [*((size, (1.0, 0.03)) for size in sizes[:3]), (sizes[-1], (1.0,))]:
            for scale in scales:
                case = draw.case(size, stack=next(stacks))
                reference = bench.reference(case)
                # One of the two in which not all inputs require grad, as of frozen parameters.
                names = case.differentiable if scale == 1 else next(some)
                shape = reference.value().shape
                cotangent = scale * draw.normal(shape)
                outer = [draw.normal(case.tensors[name].shape) for name in names]
                second = reference.second_gradients(cotangent, outer, names)
                cotangents = (Cotangent(cotangent), *(Cotangent(o) for o in outer))
                question = Question("vjp2", case, grad=names, cotangents=cotangents)
                first = reference.gradients(cotangent, names)
                label = (
                    case.label if names == case.differentiable else f"{case.label}, {only(names)}"
                )
                yield Trial(question, {**first_parts(first), **second_parts(second)}, label)

    def judgement(self, answered: Answered) -> Judgement:
        raised = [answer for answer in answered.answers if answer.error is not None]
        if self.may_refuse and len(raised) == len(answered.answers):
            return Judgement.passed(f"Double backward is refused: {raised[0].error_text()}.")
        found = super().judgement(answered)
        if found.outcome is Outcome.FAILED and not raised:
            message = f"Silently wrong second derivative. {found.message}"
            return replace(found, message=message, line=None)
        return found


@dataclass(frozen=True)
class ParameterGradients(Comparison):
    """Every parameter of every layer gets its gradient, also when the input needs none.

    Use it where an entry point takes ``layers``.
    """

    kind: ClassVar[str] = "parameter_gradients"
    pass_message: ClassVar[str] = "The input and every parameter get the right gradient"

    def fits(self, entry: EntryPoint) -> bool:
        return any(isinstance(a, LayersArgument) for a in entry.arguments)

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        steady = [stack for stack in steady_stacks(entry) if stack is not None]
        # Layers that may stand anywhere, as deep as a request says and deeper.
        choice = sorted({name for stack in steady for name in stack} & ANYWHERE)
        deep = [draw.names(choice, *DEPTHS)] if choice else []
        for stack in [*steady, *deep]:
            for size in draw.sizes()[:2]:
                for names in (_differentiable(entry), ()):
                    case = draw.case(size, stack=stack)
                    if names or (case.stack and case.stack.parameters):
                        yield backward_trial(bench, draw, case, names)


def backward_trial(
    bench: Bench, draw: Drawer, case: Case, names: tuple[str, ...], seed: int = 0
) -> Trial:
    """A call of ``.backward()`` with the gradients of leaves and parameters."""
    reference = bench.reference(case, seed=seed)
    result = reference.forward()
    cotangent = cotangent_for(draw, result.low.shape, result.dtype, 1.0)
    gradients = reference.gradients(cotangent, names, with_parameters=True)
    expected = {RESULT: result, **gradient_parts(gradients[: len(names)])}
    of_parameters = gradients[len(names) :]
    expected |= {Part(Role.PARAMETER, i): one for i, one in enumerate(of_parameters)}
    label = case.label if names else f"{case.label}, the input does not require grad"
    question = Question("backward", case, grad=names, cotangents=(Cotangent(cotangent),), seed=seed)
    return Trial(question, expected, label)


@dataclass(frozen=True)
class RngReplay(Comparison):
    """Dropout: the same mask in forward and backward, the generators left as a plain run does.

    Use it where some ``layers`` have dropout.
    """

    kind: ClassVar[str] = "rng_replay"
    pass_message: ClassVar[str] = (
        "Dropout replays its mask and leaves the generator where a plain run does"
    )

    def fits(self, entry: EntryPoint) -> bool:
        return bool(random_stacks(entry))

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = random_stacks(entry)
        for stack, seed in zip(stacks * 2, bench.seeds(self.kind, 2 * len(stacks)), strict=True):
            for size in draw.sizes()[:2]:
                case = draw.case(size, stack=stack)
                trial = backward_trial(bench, draw, case, case.differentiable, seed)
                # The oracle's run has just moved the generator to where a plain run leaves it.
                bench.reference(case, seed=seed).value()
                # Once between forward and backward, once after.
                _, after = torch.rand(2, 4, dtype=torch.float64)
                drawn = {DRAW: Expected.exactly(RANDOM_NUMBER, after)}
                yield replace(trial, expected={**trial.expected, **drawn})
        for stack, seed in zip(stacks, bench.seeds(f"{self.kind}/bare", len(stacks)), strict=True):
            case = draw.case(draw.small_size(), stack=stack)
            result = bench.reference(case, seed=seed).forward()
            after = Expected.exactly(RANDOM_NUMBER, torch.rand(4, dtype=torch.float64))
            question = Question("forward", case, no_grad=True, seed=seed)
            yield Trial(question, {RESULT: result, DRAW: after}, f"{case.label}, under no_grad")
        both = (bench.seeds(f"{self.kind}/{which}", len(stacks)) for which in ("one", "other"))
        for stack, *seeds in zip(stacks, *both, strict=True):
            yield self._two_blocks(bench, draw, stack, seeds)

    @staticmethod
    def _two_blocks(bench: Bench, draw: Drawer, stack: tuple[str, ...], seeds: list[int]) -> Trial:
        one, other = (
            backward_trial(bench, draw, case, case.differentiable, seed)
            for seed in seeds
            for case in [draw.case(draw.small_size(), stack=stack)]
        )
        case = one.question.case
        again = backward_trial(bench, draw, case, case.differentiable, seeds[0])
        words = "two blocks, their backwards in reverse, one graph gone through twice"
        return interleaved([one, other], again, (0, 1, 1, 0, 0), words)


@dataclass(frozen=True)
class TrueError(Comparison):
    """A number that measures an error agrees with the grader's own measurement of it.

    Use it for an entry point without a gradient that is asked to measure an error.
    """

    # Largest relative deviation.
    rtol: float = 0.02
    kind: ClassVar[str] = "true_error"
    DRAWS: ClassVar[int] = 40
    FEW: ClassVar[int] = 2
    SIZES: ClassVar[int] = 7
    needs_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.rtol < 1:
            raise ValueError(f"rtol is {self.rtol!r}, expected a number between 0 and 1")

    def fits(self, entry: EntryPoint) -> bool:
        return not entry.differentiable

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        (seed,) = bench.seeds(f"{self.kind}/{entry.name}", 1)
        # Many of small sizes, and a few of each of several.
        few = [*(entry.sizes or draw.sizes())[:2], *draw.sweep()[: self.SIZES]]
        for number, size in enumerate(few):
            count = self.DRAWS if number < 2 else self.FEW
            cases = [draw.case(size) for _ in range(count)]
            errors = [self._measured(bench, case) for case in cases]
            # A deviation is relative: from an error of zero there is none.
            usable = [index for index, error in enumerate(errors) if 0 < error < math.inf]
            if not usable:
                raise ScenarioError(
                    f"{bench.scenario.path}: check {self.kind!r} of entry point {entry.name!r}: "
                    f"the oracle measures {errors[0]:g} in each of {len(cases)} draws of {size}, "
                    "expected finite errors above 0; widen the ranges or drop the check"
                )
            # Where the error is small, another part of it than usually is the largest.
            order = sorted(usable, key=errors.__getitem__)
            for index in order[: max(1, count // 3)]:
                kept = untouched(cases[index])
                kept[DRAW] = Expected.exactly(RANDOM_NUMBER, first_draw(seed))
                yield Trial(Question("forward", cases[index], seed=seed), kept)

    def _measured(self, bench: Bench, case: Case) -> float:
        """The error that the oracle measures; raises ``ScenarioError`` where it is no number."""
        value = bench.reference(case).value()
        if value.numel() != 1:
            raise ScenarioError(
                f"{bench.scenario.path}: check {self.kind!r} of entry point {case.entry.name!r}: "
                f"the oracle gives a tensor {tuple(value.shape)}, expected one number; return the "
                "error as a float"
            )
        return float(value)

    def judgement(self, answered: Answered) -> Judgement:
        worst = 0.0
        for trial, answer in answered.pairs:
            label = trial.about
            if answer.error is not None and (found := trial.mismatch(answer)) is not None:
                return Judgement.differs(found, f"For {label}: {found.message}.", answer.line)
            if answer.facts.get("type") != "float":
                kind = answer.facts.get("type", "Tensor")
                message = f"For {label}: the result is a {kind}, expected a float."
                return Judgement.failed(message, fault=Fault.WRONG_DTYPE)
            for part, expected in trial.expected.items():
                found = expected.mismatch(answer.parts.get(part))
                if found is not None:
                    return Judgement.differs(found, f"For {label}: {found.message}.")
            right = self._measured(answered.bench, trial.question.case)
            got = number_of(answer.facts.get("value"))
            deviation = abs(got - right) / right
            if not deviation <= self.rtol:
                measured = deviation if math.isfinite(deviation) else None
                return Judgement.failed(
                    f"For {label}: it reports an error of {got:.4g}, measured is {right:.4g}.",
                    measured,
                    self.rtol,
                    fault=Fault.WRONG_VALUE,
                )
            worst = max(worst, deviation)
        return Judgement.passed(
            f"The reported error agrees with the measured one in {len(answered.trials)} cases.",
            worst,
            self.rtol,
        )
