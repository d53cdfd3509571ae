"""A failing trial as a few lines of Python that show it again."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from harness.checks.context import Trial
from harness.diagnosis.shrink import MOST_NUMBERS, MOST_SEEDS, seeded
from harness.model import Fault
from harness.numerics.expectation import Expected
from harness.numerics.inputs import LeftOut, Log, PlainValue, Stack, Value
from harness.numerics.plain.difference import literal
from harness.numerics.question import Answer, Question
from harness.sandbox.inside.part import Part, Role

# The line that imports the entry point; ``{}`` is its name.
FROM_SOLUTION = "from solution import {}"
SHOWN = 8
# Names that the lines use, some of them followed by the number of a call.
_OURS = re.compile(
    r"(torch|copy|layers|module|stack|parameters?|state|first|y|g|z|grads|grad_z|again|total|"
    r"weights|pairs|values?|name|op|draw|call_|forward_ad|globals|sys|runpy|print|zip|float|"
    r"tuple|list)\d*"
)
# An error smaller than this next to the right value hangs on every digit of the inputs.
SLIGHT = 1e-3
# A number with so many digits stands for one that has more.
SHORTENED = 5
# What torch prints behind the point of itself, and the most that a number has.
USUAL_DIGITS, MOST_DIGITS = 4, 17
# Whether numbers are written with every digit.
_exactly: ContextVar[bool] = ContextVar("_exactly", default=False)


def variable(name: str, taken: Sequence[str], function: str = "") -> str:
    """What holds the argument ``name`` of ``function``, which has those in ``taken``."""
    found = name
    while _OURS.fullmatch(found) or found == function or (found != name and found in taken):
        found += "_"
    return found


def of_trial(trial: Trial, answer: Answer, imported: str = FROM_SOLUTION) -> str | None:
    """Lines that ask the trial's question and print what comes and what is right.

    ``None`` for questions that take too many lines, or for which there are no such lines.
    """
    with _digits(_is_slight(trial, answer)):
        return _of_trial(trial, answer, imported)


@contextmanager
def _digits(exactly: bool) -> Iterator[None]:
    token = _exactly.set(exactly)
    try:
        yield
    finally:
        _exactly.reset(token)


def _is_slight(trial: Trial, answer: Answer) -> bool:
    """Whether what is wrong may show only for these very numbers."""
    for part, expected in trial.expected.items():
        got = answer.parts.get(part)
        if expected.is_right(got):
            continue
        if got is None or got.shape != expected.low.shape or not got.numel():
            return False
        size = float(expected.low.abs().nan_to_num(0.0, 0.0, 0.0).max())
        return 0 < _difference(expected, got) < SLIGHT * size
    return False


def _difference(expected: Expected, got: torch.Tensor) -> float:
    """The largest error of an answer of the right shape; 0 where the eye sees what is wrong."""
    wide = got.detach().to(torch.float64)
    wrong = ~expected.fits(wide)
    if not bool(wide[wrong].isfinite().all()):
        return 0.0
    beyond = torch.maximum(expected.low - wide, wide - expected.high)[wrong]
    beyond = beyond.nan_to_num(0.0, 0.0, 0.0).clamp(min=0)
    return float(beyond.max()) if beyond.numel() else 0.0


def _of_trial(trial: Trial, answer: Answer, imported: str) -> str | None:
    question = trial.question
    name = question.case.entry.name
    lines = ["import torch", imported.format(name), ""]
    if question.manner == "copied" or question.change == "copy":
        lines.insert(0, "import copy")
    if answer.error is not None and answer.fault is Fault.WRONG_PARAMETERS:
        shown = "p" if question.manner == "fresh" else "p.shape"
        every = f"[(name, {shown}, p.requires_grad) for name, p in module.named_parameters()]"
        lines += [f"module = {_constructed(question)}", f"print({every})"]
        return "\n".join([*lines, f"# {_cut(answer.told_error())}"]) + "\n"
    if question.ask == "training":
        return _of_training(trial, answer, lines)
    calls = _numbered(question)
    made = [_arguments(call, suffix, lines) for call, suffix in calls]
    called: list[list[str]] = []
    for (call, suffix), arguments in zip(calls, made, strict=True):
        if arguments is None:
            return None
        before = _changed(question) if question.change and call is not question else []
        called.append([*before, *_call(call, suffix, arguments)])
    if question.ask not in (*_ASKS, "interleaved") or (question.cotangents and not question.grad):
        return None
    if question.ask == "interleaved":
        lines += _interleaved(question, called)
    else:
        lines += [*(line for call in called for line in call), *_ASKS[question.ask](question)]
    if answer.error is not None:
        return "\n".join([*lines, f"# raises {_cut(answer.error_text())}"]) + "\n"
    for part, expected in trial.expected.items():
        got = answer.parts.get(part)
        if not expected.is_right(got):
            printed = _printed(question, part)
            if printed is None:
                return None
            lines += _told(expected, got, printed)
            break
    return "\n".join(lines) + "\n"


def _call(call: Question, suffix: str, arguments: Sequence[str]) -> list[str]:
    """Lines that make one call."""
    lines = ["with torch.no_grad():"] if call.no_grad else []
    lines += ["with torch.inference_mode():"] if call.inference else []
    lines += [f'with torch.autocast("cpu", torch.{call.autocast}):'] if call.autocast else []
    indent = "    " if lines else ""
    lines += [f"{indent}torch.manual_seed({call.seed})"] if call.seed else []
    lines.append(f"{indent}y{suffix} = {_called(call, suffix)}({', '.join(arguments)})")
    return [*lines, "y = y.float()"] if call.autocast else lines


def _numbered(question: Question) -> list[tuple[Question, str]]:
    """Every call of the question with what its names end in."""
    calls = [question, *question.others]
    return [(call, str(i + 1) if question.others else "") for i, call in enumerate(calls)]


def of_gradcheck(
    question: Question, answer: Answer, kind: str, imported: str = FROM_SOLUTION
) -> str | None:
    """Lines that run stock gradcheck at the question's inputs."""
    lines = ["import torch", imported.format(question.case.entry.name), ""]
    arguments = _arguments(question, "", lines, precise=True)
    case = question.case
    if arguments is None or not case.differentiable:
        return None
    call = f"{case.entry.name}({', '.join(arguments)})"
    if case.entry.module is not None:
        own = [
            f'"{n}": {_identifier(n)}' for n in case.differentiable if n in case.entry.parameters
        ]
        given = ", ".join(one for one in arguments if "=" not in one)
        named = ", ".join(f'"{k}": {v}' for k, _, v in (a.partition("=") for a in arguments) if v)
        call = (
            f"torch.func.functional_call(module, {{{', '.join(own)}}}, "
            f"({given}{',' if given else ''}), {{{named}}})"
        )
    names = ", ".join(
        _identifier(n) if n in case.entry.parameters else _leaf(question, n, "")
        for n in case.differentiable
    )
    leaves = ", ".join(_leaf(question, name, "") for name in case.differentiable)
    lines.append(
        f"torch.autograd.{kind}(lambda {names}: {call}, ({leaves},), eps=6e-6, atol=1e-6, "
        "rtol=1e-6)"
    )
    lines.append(
        "# raises GradcheckError"
        if answer.error is None
        else f"# raises {_cut(answer.error_text())}"
    )
    return "\n".join(lines) + "\n"


def _identifier(name: str) -> str:
    return name.replace(".", "_")


def _called(question: Question, suffix: str) -> str:
    """What is called: the entry point, or an instance of it."""
    entry = question.case.entry
    if entry.module is None:
        return entry.name
    return f"module{_first(suffix) if _is_shared(question) else suffix}"


def _is_shared(question: Question) -> bool:
    """Whether it is a call of the instance of an earlier call."""
    kept = question.case.entry.kept
    return bool(kept) and set(kept) <= set(question.shared)


def _first(suffix: str) -> str:
    """What the names of the call that is shared with end in."""
    return "1" if suffix.isdigit() else ""


def _changed(question: Question) -> list[str]:
    """Lines that give the parameters of the first call's instance the values of the second."""
    (other,) = question.others
    own = {n: v for n, v in other.case.tensors.items() if n in other.case.entry.parameters}
    if question.change == "load":
        state = ", ".join(f'"{name}": {_literal(value)}' for name, value in own.items())
        return [f"module1.load_state_dict({{{state}}}, strict=False)"]
    copied = ["first = module1", "module1 = copy.deepcopy(first)"]
    return [
        *(copied if question.change == "copy" else ()),
        "with torch.no_grad():",
        *(f"    {_leaf(other, n, '1')}.copy_({_literal(value)})" for n, value in own.items()),
        *(f"    first.get_parameter({n!r}).zero_()" for n in own if question.change == "copy"),
    ]


def _leaf(question: Question, name: str, suffix: str) -> str:
    """An argument as it is known after the lines that make it; ``suffix`` is that of its call."""
    if name in question.case.entry.parameters:
        # Parts of the names inside an nn.Sequential are numbers.
        plain = all(map(str.isidentifier, name.split(".")))
        return f"module{suffix}.{name}" if plain else f'module{suffix}.get_parameter("{name}")'
    return _variable(question, name) + suffix


def _variable(question: Question, name: str) -> str:
    entry = question.case.entry
    return variable(name, [argument.name for argument in entry.arguments], entry.name)


def _leaves(question: Question, suffix: str) -> str:
    names = [
        _leaf(question, name, "1" if name in question.shared else suffix) for name in question.grad
    ]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _grads(question: Question) -> str:
    """A line that reads what ``.backward()`` left."""
    leaves = [_leaf(question, name, "") for name in question.grad]
    return f"grads = [{', '.join(f'{leaf}.grad' for leaf in leaves)}]"


def _vjp(question: Question) -> list[str]:
    first = question.cotangents[0]
    return [
        f"g = {_literal(first.value)}",
        *_laid_out("g", first.layout, first.order),
        f"grads = torch.autograd.grad(y, {_leaves(question, '')}, g, allow_unused=True"
        f"{', create_graph=True' * question.create_graph})",
    ]


def _in_graph(question: Question) -> list[str]:
    value = question.cotangents[0].value
    return [
        f"g = {_literal(value)}",
        f"z = torch.zeros({tuple(value.shape)}, dtype={value.dtype}, requires_grad=True)",
        "total = y + 2 * z",
        f"*grads, grad_z = torch.autograd.grad(total, (*{_leaves(question, '')}, z), g, "
        "allow_unused=True)",
    ]


def _backward(question: Question) -> list[str]:
    return [
        f"g = {_literal(question.cotangents[0].value)}",
        "y.backward(g)",
        _grads(question),
    ]


def _chained(question: Question) -> list[str]:
    last = question.others[-1]
    return [
        f"g = {_literal(last.cotangents[0].value)}",
        f"grads = torch.autograd.grad(y{len(question.others) + 1}, {_leaves(question, '1')}, g)",
    ]


def _of_training(trial: Trial, answer: Answer, lines: list[str]) -> str | None:
    """Lines of two steps of training, with what is wrong in ``.grad`` or in a result."""
    question, way = trial.question, trial.question.training
    case = question.case
    wrong = [p for p, e in trial.expected.items() if not e.is_right(answer.parts.get(p))]
    calls = [*zip((question, *question.others), ("", "", "_3"), strict=True)]
    if way is None or case.stack is not None or not (wrong or answer.error is not None):
        return None
    made = []
    for call, suffix in calls:
        before = len(lines)
        arguments = _arguments(call, suffix, lines)
        if arguments is None:
            return None
        made.append((arguments, lines[before:]))
        del lines[before:]
    (first, make), (second, update), (third, add) = made
    cotangents = [_literal(call.cotangents[0].value) for call, _ in calls]
    leaves = [_leaf(question, name, "") for name in question.grad]
    calls_of = [_called(call, suffix) for call, suffix in calls]
    lines += make
    lines += [f"{leaf}.grad = torch.ones_like({leaf})" for leaf in leaves if way.before]
    lines += [f"y1 = {calls_of[0]}({', '.join(first)})", f"y1.backward({cotangents[0]})"]
    lines += [f"g1 = [{', '.join(f'{leaf}.grad.clone()' for leaf in leaves)}]"]
    setting = {"to_none": "{0}.grad = None", "to_zero": "{0}.grad.zero_()"}.get(way.between)
    lines += [setting.format(leaf) for leaf in leaves if setting is not None]
    values = question.others[0].case.tensors
    lines += [
        f"{leaf}.data.copy_({_literal(values[name])})  # a step"
        for leaf, name in zip(leaves, question.grad, strict=True)
    ]
    lines += [
        *update,
        *add,
        f"y2 = {calls_of[1]}({', '.join(second)})",
        f"y3 = {calls_of[2]}({', '.join(third)})",
    ]
    sums = [f"{leaf}.sum()" for leaf in leaves if way.elsewhere]
    ones = [f"torch.ones((), dtype={leaf}.dtype)" for leaf in leaves if way.elsewhere]
    outputs, cotangent = ", ".join(["y2", "y3", *sums]), ", ".join([*cotangents[1:], *ones])
    lines.append(f"torch.autograd.backward([{outputs}], [{cotangent}])")
    if answer.error is not None:
        return "\n".join([*lines, f"# raises {_cut(answer.error_text())}"]) + "\n"
    part = wrong[0]
    named = question.grad[part.place or 0] if question.grad else ""
    at = {
        0: "g1[{}]",
        1: f"{_leaf(question, named, '')}.grad",
        2: f"{_leaf(question, named, '_3')}.grad",
    }
    number = part.call or 0
    shown = f"y{number + 1}" if part.role is Role.RESULT else at[number].format(part.place)
    return "\n".join([*lines, *_told(trial.expected[part], answer.parts.get(part), shown)]) + "\n"


def _told(expected: Expected, got: torch.Tensor | None, expression: str) -> list[str]:
    """Lines that print what came beside what is right, at one place where these are many."""
    mismatch = expected.mismatch(got)
    place = None if mismatch is None else mismatch.place
    comparable = got is not None and got.shape == expected.low.shape
    low, high, shown, mine = expected.low, expected.high, expression, got
    if low.numel() > MOST_NUMBERS and got is not None:
        if not comparable:
            return [
                f'print("got     ", {expression}.shape)',
                f'print("expected", torch.Size({list(low.shape)}))',
                f"# {expected.quantity}: got {tuple(got.shape)}, expected {tuple(low.shape)}",
            ]
        if place is not None:
            low, high, mine = low[place], high[place], got[place]
            shown = f"{expression}[{', '.join(map(str, place))}]" if place else expression
    difference = 0.0
    if comparable and got is not None and got.numel():
        difference = _difference(expected, got)
    digits = USUAL_DIGITS
    if difference > 0:
        known = [v for v in (low, high, mine) if v is not None and v.numel()]
        size = max([float(v.double().nan_to_num(0.0, 0.0, 0.0).abs().max()) for v in known])
        # One digit more than tells them apart, whether torch writes powers of ten or not.
        digits = math.ceil(math.log10(max(size, 1.0)) - math.log10(difference)) + 1
        digits = max(USUAL_DIGITS, min(digits, MOST_DIGITS))
    lines = [f"torch.set_printoptions(precision={digits})"] if digits > USUAL_DIGITS else []
    exact = difference / 100
    right, words = _expected(low, expected.dtype, exact), _shown(low, exact)
    if _is_wide(low, high):
        right = f'"between", {right}, "and", {_expected(high, expected.dtype, exact)}'
        words = f"between {words} and {_shown(high, exact)}"
    return [
        *lines,
        f'print("got     ", {shown})',
        f'print("expected", {right})',
        f"# {expected.quantity}: got {_shown(mine, exact)}, expected {words}",
    ]


def _is_wide(low: torch.Tensor, high: torch.Tensor) -> bool:
    """Whether the bounds are more than rounding apart."""
    both_nan = low.isnan() & high.isnan()
    apart = (high - low).abs() > 1e-9 * torch.maximum(low.abs(), high.abs())
    return bool(((low != high) & ~both_nan & (apart | ~(high - low).isfinite())).any())


def _vjp2(question: Question) -> list[str]:
    cotangent, *outer = question.cotangents
    return [
        f"g = {_literal(cotangent.value)}.requires_grad_()",
        f"first = torch.autograd.grad(y, {_leaves(question, '')}, g, create_graph=True)",
        f"weights = [{', '.join(_literal(weight.value) for weight in outer)}]",
        "pairs = [(f, w) for f, w in zip(first, weights) if f.requires_grad]",
        "torch.autograd.backward([f for f, _ in pairs], [w for _, w in pairs])",
        _grads(question),
    ]


def _interleaved(question: Question, called: Sequence[Sequence[str]]) -> list[str]:
    """Calls, whose lines are known, and their backwards in the order in which they are asked."""
    calls, lines = _numbered(question), list[str]()
    waiting = [[c.value for c in call.cotangents] for call, _ in calls]
    seen = set[int]()
    for place in question.schedule:
        if place not in seen:
            lines += called[place]
            seen.add(place)
            continue
        call, suffix = calls[place]
        first = len(waiting[place]) == len(call.cotangents)
        cotangent = _literal(waiting[place].pop(0))
        keep = ", retain_graph=True" if waiting[place] else ""
        lines.append(
            f"{f'grads{suffix}' if first else 'again'} = torch.autograd.grad(y{suffix}, "
            f"{_leaves(call, suffix)}, {cotangent}{keep})"
        )
    return lines


def _of_second(question: Question) -> list[str]:
    """Gradients of the second of two calls, where it has any."""
    (other,) = question.others
    if not other.cotangents:
        return []
    leaves = _leaves(other, "2")
    return [
        f"g2 = {_literal(other.cotangents[0].value)}",
        f"grads2 = torch.autograd.grad(y2, {leaves}, g2, allow_unused=True)",
    ]


# Lines that follow the calls, per verb.
_ASKS: Mapping[str, Callable[[Question], list[str]]] = {
    "forward": lambda question: [],
    "vjp": _vjp,
    "in_graph": _in_graph,
    "backward": _backward,
    "vjp2": _vjp2,
    "nested": _chained,
    "changed": _of_second,
}


def _printed(question: Question, part: Part) -> str | None:
    """The expression for one part of an answer, in the names that the lines use."""
    number = "" if part.call is None else str(part.call + 1)
    match part.role:
        case Role.RESULT:
            return f"y{number}"
        case Role.GRADIENT:
            return f"grads{number}[{part.place}]"
        case Role.AGAIN:
            return f"again[{part.place}]"
        case Role.PARAMETER:
            return f"parameters[{part.place}].grad"
        case Role.INPUT:
            return _leaf(question, list(question.case.handed_over)[part.place or 0], "")
        case Role.COTANGENT:
            return "g"
        case Role.COTANGENT_GRADIENT:
            return "g.grad"
        case Role.FIRST:
            return f"first[{part.place}]"
    return None


def _arguments(
    question: Question, suffix: str, lines: list[str], *, precise: bool = False
) -> list[str] | None:
    """Names of the arguments of the call, after lines that make them."""
    case, names = question.case, list[str]()
    by_name = case.by_name(defaults=question.keywords)
    parameters: list[str] = []
    for argument, value in zip(case.entry.arguments, case.values, strict=False):
        part = case.entry.part(argument.name)
        if isinstance(value, LeftOut) or part == "constructor":
            continue
        if part == "parameter" and isinstance(value, torch.Tensor):
            if value.numel() > MOST_NUMBERS and in_a_line(value) is None:
                return None
            leaf = _leaf(question, argument.name, suffix)
            parameters.append(f"{leaf}.data.copy_({_literal(value, precise=precise)})")
            if argument.name not in question.grad:
                parameters.append(f"{leaf}.requires_grad_(False)")
            continue
        name = _argument(question, argument.name, value, suffix, lines, precise=precise)
        if name is None:
            return None
        names.append(f"{argument.name}={name}" if argument.name in by_name else name)
    if case.entry.module is not None and not _is_shared(question):
        made = f"{_constructed(question)}.to({next(iter(case.tensors.values())).dtype})"
        lines += [f"module{suffix} = {made}", *parameters]
        lines += [
            line.format(f"module{suffix}", made) for line in _TREATED.get(question.manner or "", ())
        ]
    return names


def _constructed(question: Question) -> str:
    """The call that makes a module."""
    case = question.case
    by_name = case.by_name(defaults=question.keywords)
    given = []
    for argument, value in zip(case.entry.arguments, case.values, strict=False):
        if case.entry.part(argument.name) == "constructor" and not isinstance(value, LeftOut):
            name = literal(value.value if isinstance(value, PlainValue) else value)
            given.append(f"{argument.name}={name}" if argument.name in by_name else name)
    return f"{case.entry.name}({', '.join(given)})"


# Per manner (see ``sandbox.inside.modules``), lines for the name of a module and how it is made.
_TREATED = {
    "train": ["{0}.eval()", "{0}.train()"],
    "eval": ["{0}.eval()"],
    "copied": [
        "first = {0}",
        "{0} = copy.deepcopy(first)",
        "for parameter in first.parameters():",
        "    parameter.data.zero_()",
    ],
    "restored": [
        "state = {0}.state_dict()",
        "{0} = {1}",
        "{0}.load_state_dict(state)",
    ],
}


def _argument(
    question: Question, of: str, value: Value, suffix: str, lines: list[str], *, precise: bool
) -> str | None:
    """The argument called ``of`` in the call, after lines that make it."""
    known = _variable(question, of)
    name = f"{known}{suffix}"
    if of in question.shared and isinstance(value, torch.Tensor | Stack):
        first = _first(suffix)
        return f"{known}{first}" if isinstance(value, torch.Tensor) else f"*stack{first}"
    if question.fed is not None and of == question.fed[0]:
        return f"y1 * {question.fed[1]!r}"
    match value:
        case torch.Tensor():
            if value.numel() > MOST_NUMBERS and in_a_line(value) is None:
                return None
            lines.append(f"{name} = {_literal(value, precise=precise)}")
            lines += _laid_out(name, *question.layout_of(of))
            if of in question.grad:
                lines.append(f"{name}.requires_grad_()")
                if question.had_gradient:
                    lines.append(f"{name}.grad = torch.ones_like({name})")
                return _DERIVED[question.inner].format(name) if question.inner else name
            return name
        case Stack():
            if sum(p.numel() for p in value.parameters) > MOST_NUMBERS:
                return None
            lines[1:1] = ["from harness.sandbox.inside import layers"]
            build = f"layers.build({list(value.names)}, {value.width}, {value.dtype})"
            lines.append(f"stack{suffix} = {build}")
            lines.append(f"parameters = layers.parameters(stack{suffix})")
            values = ", ".join(_literal(p) for p in value.parameters)
            lines += [
                f"for parameter, value in zip(parameters, [{values}]):",
                "    parameter.data.copy_(value)",
                *(["    parameter.requires_grad_(False)"] if question.frozen else ()),
            ]
            return f"*stack{suffix}"
        case Log():
            return "lambda event, statistics: None"
        case PlainValue():
            return literal(value.value)
    return repr(value)


# Per layout, a line that puts a tensor into it, values unchanged.
_LAYOUTS = {
    "permuted": "{0} = {0}.contiguous()",
    "transposed": "{0} = {0}.mT.contiguous().mT  # not contiguous",
    "strided": "{0} = {0}.repeat_interleave(2, -1)[..., ::2]  # not contiguous",
    "offset": (
        "{0} = torch.cat([torch.zeros(3, dtype={0}.dtype), {0}.reshape(-1)])"
        "[3:].view({0}.shape)  # not at the start of its memory"
    ),
    "expanded": "{0} = {0}[:1].expand({0}.shape)  # stride 0",
    "sliced": (
        "{0} = torch.cat([{0}, {0}], {1}).narrow({1}, {0}.shape[{1}], {0}.shape[{1}])"
        "  # a slice of a larger tensor"
    ),
    "filled": "{0} = {0}.reshape(-1)[:1].squeeze().expand({0}.shape)  # stride 0",
}


# Per operation, an expression for its result, with the values of a tensor.
_DERIVED = {
    "times": "{0} * 1",
    "plus": "{0} + (-0.0)",
    "rows": "torch.stack([{0} * 0 + 7, {0}, {0} * 0 + 7])[1]",
    "joined": "torch.stack([{0}]).sum(0)",
    "product": "{0}.unsqueeze(-1) @ torch.ones(1, dtype={0}.dtype)",
}


def _laid_out(name: str, layout: str | None, order: Sequence[int]) -> list[str]:
    if layout is None:
        return []
    line = _LAYOUTS[layout].format(name, *order)
    if not order or layout == "sliced":
        return [line]
    back = tuple(sorted(range(len(order)), key=order.__getitem__))
    return [
        f"{name} = {name}.permute({tuple(order)})",
        line,
        f"{name} = {name}.permute({back})  # its dimensions lie in another order in memory",
    ]


def _literal(tensor: torch.Tensor, *, precise: bool = False, within: float | None = None) -> str:
    """An expression for the tensor, its numbers off by at most ``within`` where that is given."""
    line = in_a_line(tensor)
    if line is not None and tensor.numel() > SHOWN:
        return line
    if tensor.numel() == 0:
        return f"torch.empty({tuple(tensor.shape)}, dtype={tensor.dtype})"
    if not tensor.is_floating_point():
        return f"torch.tensor({tensor.tolist()})"
    dtype = tensor.dtype if within is None else None
    if within is None and (precise or _exactly.get()):
        within = 0.0
    return f"torch.tensor({_nested(tensor.tolist(), within, dtype)}, dtype={tensor.dtype})"


def _nested(values: Any, within: float | None, dtype: torch.dtype | None) -> str:
    if isinstance(values, list):
        return "[" + ", ".join(_nested(one, within, dtype) for one in values) + "]"
    return _number(values, within, dtype)


def _number(value: float, within: float | None = None, dtype: torch.dtype | None = None) -> str:
    """A number in Python, off by at most ``within``, or shortened where little hangs on it."""
    if not math.isfinite(value):
        return f'float("{value:.6g}")'
    text = repr(value)
    for digits in (6, 9, 12, 15):
        short = f"{value:.{digits}g}"
        if _stands_for(short, value, within, dtype):
            text = short
            break
    return text if any(c in text for c in ".e") else f"{text}.0"


def _stands_for(short: str, value: float, within: float | None, dtype: torch.dtype | None) -> bool:
    near = float(short)
    if dtype is not None:
        held = near if dtype is torch.float64 else float(torch.tensor(near, dtype=dtype))
        if held == value:
            return True
    error = abs(near - value)
    if within is not None:
        return error <= within
    # One that is written with few digits may be meant to be beside that number.
    many = len(short.partition("e")[0].replace(".", "").replace("-", "").strip("0"))
    return error <= 1e-6 * abs(value) and many >= SHORTENED


def numbers(question: Question) -> int:
    """How many numbers it takes to write the question down."""
    tensors = [
        tensor
        for call in (question, *question.others)
        for tensor in (*call.case.tensors.values(), *(c.value for c in call.cotangents))
    ]
    listed = [t for t in tensors if t.numel() <= MOST_NUMBERS or in_a_line(t) is None]
    return sum(t.numel() for t in listed)


def in_a_line(tensor: torch.Tensor) -> str | None:
    """An expression that is short however many numbers there are."""
    if not tensor.is_floating_point() or tensor.numel() < 3:
        return None
    flat = tensor.reshape(-1)
    if bool((flat == flat[0]).all()):
        number = _number(float(flat[0]), 0.0, tensor.dtype)
        return f"torch.full({tuple(tensor.shape)}, {number}, dtype={tensor.dtype})"
    return _as_ramp(tensor) or _as_drawn(tensor)


def _as_ramp(tensor: torch.Tensor) -> str | None:
    flat = tensor.reshape(-1)
    low, high = float(flat[0]), float(flat[-1])
    even = torch.linspace(low, high, flat.numel(), dtype=tensor.dtype)
    if low == high or not torch.equal(even, flat):
        return None
    low_, high_ = (_number(end, 0.0, tensor.dtype) for end in (low, high))
    return f"torch.linspace({low_}, {high_}, {flat.numel()}, dtype={tensor.dtype})" + (
        f".reshape({tuple(tensor.shape)})" if tensor.dim() != 1 else ""
    )


def _as_drawn(tensor: torch.Tensor) -> str | None:
    """The line for what ``shrink.seeded`` drew."""
    if tensor.numel() <= MOST_NUMBERS:
        return None
    for seed in range(MOST_SEEDS):
        plain = seeded(tuple(tensor.shape), tensor.dtype, 0.0, 1.0, seed).reshape(-1)[:2].double()
        first, second = tensor.reshape(-1)[:2].double().tolist()
        if plain[0] == plain[1]:
            continue  # as coarse numbers may be: no line goes through them
        slope = (second - first) / float(plain[1] - plain[0])
        low = float(f"{first - slope * float(plain[0]):.2g}")
        width = float(f"{slope:.2g}")
        if torch.equal(seeded(tuple(tensor.shape), tensor.dtype, low, width, seed), tensor):
            return (
                f"torch.rand({tuple(tensor.shape)}, dtype={tensor.dtype}, "
                f"generator=torch.Generator().manual_seed({seed})) * {width!r} + {low!r}"
            )
    return None


def _expected(value: torch.Tensor, dtype: torch.dtype, within: float) -> str:
    if value.numel() > MOST_NUMBERS:
        return f'"{_shown(value, within)}"'
    # In the dtype of the answer, unless its rounding hides what is wrong.
    narrow = value.to(dtype)
    off = (narrow.double() - value).nan_to_num(0.0, 0.0, 0.0).abs()
    right = value if within and off.numel() and float(off.max()) > 10 * within else narrow
    return _literal(right, within=within if within else None)


def _shown(tensor: torch.Tensor | None, within: float = math.inf) -> str:
    if tensor is None:
        return "None"
    if tensor.dim() == 0:
        return _digit_text(float(tensor), within)
    flat = tensor.detach().reshape(-1)[:SHOWN].tolist()
    more = ", …" if tensor.numel() > SHOWN else ""
    shape = f" of shape {tuple(tensor.shape)}" if tensor.dim() > 1 else ""
    return "[" + ", ".join(_digit_text(v, within) for v in flat) + more + "]" + shape


def _digit_text(value: float, within: float) -> str:
    """A number with as many digits as it takes to tell it from one that is wrong."""
    fits = within <= 0 or not math.isfinite(value)
    for digits in (6, 9, 12, 15, 17):
        text = f"{value:.{digits}g}"
        if fits or abs(float(text) - value) <= within:
            break
    return text


def _cut(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
